"""What a function of the SDK is given."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from factory.errors import InputError

if TYPE_CHECKING:
    from localcloud.clients import Clients
    from localcloud.provider.config import Scope

Json = Any


@dataclass(frozen=True)
class InvokeCall:
    """One call of a function: its arguments (all known) and the scope of the provider that is asked."""

    clients: "Clients"
    scope: "Scope"
    arguments: Mapping[str, Json]

    def only(self, token: str, *names: str) -> None:
        """Refuse arguments other than `names`. Raises InputError that names them."""
        if others := sorted(set(self.arguments) - set(names)):
            takes = ", ".join(names) or "none"
            raise InputError(f"the local cloud does not support {', '.join(others)} of {token} (supported: {takes})")
