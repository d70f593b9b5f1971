"""The components on AWS. Each file is one component and reads from top to bottom; nothing here makes a network call.

Imported by components.app_factory and components.shared_platform only; type tokens are `millwright:aws:<Name>`.
"""

from components.aws.adopted_network import AdoptedNetwork
from components.aws.agent_identity import AgentIdentity
from components.aws.agent_runner import AgentRunner
from components.aws.audit_store import AuditStore
from components.aws.audit_trail import AuditTrail
from components.aws.budget import Budget
from components.aws.ci import Ci
from components.aws.database import Database
from components.aws.egress_proxy import EgressProxy
from components.aws.image_scanning import ImageScanning
from components.aws.keys import Keys
from components.aws.message_queue import Queue
from components.aws.network import Network
from components.aws.registry import Registry
from components.aws.secret_store import Secrets
from components.aws.service import Service
from components.aws.state_store import StateStore
from components.aws.worker import Worker
from components.aws.workflow_identity import WorkflowIdentity

__all__ = [
    "AdoptedNetwork",
    "AgentIdentity",
    "AgentRunner",
    "AuditStore",
    "AuditTrail",
    "Budget",
    "Ci",
    "Database",
    "EgressProxy",
    "ImageScanning",
    "Keys",
    "Network",
    "Queue",
    "Registry",
    "Secrets",
    "Service",
    "StateStore",
    "Worker",
    "WorkflowIdentity",
]
