"""The components on AWS. Each file is one component and reads from top to bottom; nothing here makes a network call.

Imported by components.app_factory only; type tokens are `millwright:aws:<Name>`.
"""

from components.aws.adopted_network import AdoptedNetwork
from components.aws.agent_identity import AgentIdentity
from components.aws.agent_runner import AgentRunner
from components.aws.budget import Budget
from components.aws.ci import Ci
from components.aws.database import Database
from components.aws.keys import Keys
from components.aws.message_queue import Queue
from components.aws.network import Network
from components.aws.registry import Registry
from components.aws.secret_store import Secrets
from components.aws.service import Service
from components.aws.worker import Worker

__all__ = [
    "AdoptedNetwork",
    "AgentIdentity",
    "AgentRunner",
    "Budget",
    "Ci",
    "Database",
    "Keys",
    "Network",
    "Queue",
    "Registry",
    "Secrets",
    "Service",
    "Worker",
]
