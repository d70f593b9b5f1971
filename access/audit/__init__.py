"""The audit log: one Merkle tree per app over everything that happened, in the factory's database.

Its only input is the outbox (`factory.events`). Each event is logged once, in order, without credentials; each batch
ends with a signed checkpoint. `outside.py` is a verifier that needs nothing of this package.
"""

from importlib import resources

from access.audit.copies import copied, copy
from access.audit.export import lines
from access.audit.keys import key_file, public_pem, signing_key
from access.audit.lately import all_logged, seconds_since_logged
from access.audit.notes import BadNote, Checkpoint, opened, raw
from access.audit.proofs import entry_of, prove
from access.audit.pruning import AuditBroken
from access.audit.reading import Entry, entries
from access.audit.sequencer import SHARED, Backlog, backlog, sequence
from access.audit.verify import Verified, apps, verify

__all__ = [
    "SHARED",
    "AuditBroken",
    "Backlog",
    "BadNote",
    "Checkpoint",
    "Entry",
    "Verified",
    "all_logged",
    "apps",
    "backlog",
    "copied",
    "copy",
    "entries",
    "entry_of",
    "key_file",
    "lines",
    "opened",
    "outside_verifier",
    "prove",
    "public_pem",
    "raw",
    "seconds_since_logged",
    "sequence",
    "signing_key",
    "verify",
]


def outside_verifier() -> str:
    """The verifier's text: one file that runs anywhere."""
    return resources.files(__name__).joinpath("outside.py").read_text(encoding="utf-8")
