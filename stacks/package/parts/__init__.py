"""Single components of the package, one file each: what `AppFactory` composes, by inputs any language can write.

Each checks what a program says by app.yaml's own rules and hands it to the component of the target.
"""

from stacks.package.parts.audit_trail import AuditTrail
from stacks.package.parts.budget import Budget
from stacks.package.parts.database import Database
from stacks.package.parts.keys import Keys
from stacks.package.parts.message_queue import Queue
from stacks.package.parts.network import Network
from stacks.package.parts.registry import Registry
from stacks.package.parts.secret_store import Secrets

PARTS = [AuditTrail, Budget, Database, Keys, Network, Queue, Registry, Secrets]
__all__ = ["PARTS", "AuditTrail", "Budget", "Database", "Keys", "Network", "Queue", "Registry", "Secrets"]
