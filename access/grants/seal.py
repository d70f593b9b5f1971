"""What proves that a task asked for exactly this: the seal of the factory's host, which whoever writes the database
lacks.
"""

import hashlib
import hmac
import secrets
from typing import Final

from access.grants.model import Grant
from factory.errors import AccessDenied
from factory.fingerprints import canonical
from factory.own_file import made_once
from factory.paths import FactoryRoot

KEY: Final = "grants.key"
KEY_BYTES: Final = 32
# Everything that was asked for, and by whose token it is held.
SEALED: Final = frozenset(
    {
        *("id", "app", "environment", "resource", "scope", "principal", "function", "change", "task", "attempt"),
        *("on_behalf_of", "reason", "minutes", "requested_at", "token_digest", "verifier"),
    }
)


class Seal:
    """The one of a factory; its key is a file on the host, made at the first use."""

    def __init__(self, root: FactoryRoot) -> None:
        self._path = root.access / KEY

    def sealed(self, grant: Grant) -> Grant:
        """The grant with its seal as the proof."""
        return grant.model_copy(update={"proof": self._over(grant)})

    def require(self, grant: Grant) -> None:
        """Raises AccessDenied for a row that was not asked for here, or is another one than what was asked for."""
        if not hmac.compare_digest(grant.proof.encode(), self._over(grant).encode()):
            raise AccessDenied(f"nothing proves that {grant.principal} asked for exactly this")

    def _over(self, grant: Grant) -> str:
        key = made_once(self._path, lambda: secrets.token_bytes(KEY_BYTES))
        told = canonical(grant.model_dump(mode="json", include=set(SEALED)))
        return hmac.new(key, told, hashlib.sha256).hexdigest()
