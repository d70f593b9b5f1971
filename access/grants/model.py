"""A grant as the rooms see it, and what is asked for."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from access.grants.states import State
from factory.spec import Environment, Function, Scope

TOKEN_PREFIX: Final = "mwg_"  # noqa: S105 -- the beginning of every one
TOKEN_BYTES: Final = 32


class Grant(BaseModel):
    """One lease on one resource, for one task of an agent or for one person. Times are UTC, ISO 8601.

    `fence` counts its moves; `minutes` are those asked for; it ends at `lease_until`, and can be prolonged up to
    `hard_until`; `door` is where a client finds it. Its token is never here, only what it is compared with.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    app: str
    environment: Environment
    resource: str
    scope: Scope
    principal: str
    function: Function | None
    change: str | None
    task: str | None
    attempt: int
    on_behalf_of: str
    reason: str
    policy_version: str
    request: int | None = None
    state: State
    fence: int = 1
    requested_at: str
    minutes: int
    lease_until: str | None = None
    hard_until: str | None = None
    token_digest: str
    verifier: str
    proof: str = ""
    provider_kind: str
    provider_ref: str = ""
    provider_expires_at: str | None = None
    door: str = ""
    revoke_attempts: int = 0
    last_error: str = ""
    ended_reason: str = ""
    ended_at: str | None = None

    @property
    def name(self) -> str:
        """The app's part that it is about: `database` of `databases.database`."""
        return self.resource.partition(".")[2]

    def shown(self) -> dict[str, Any]:
        """What people and programs may see of it."""
        return self.model_dump(mode="json", exclude={"token_digest", "verifier", "proof"})


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What somebody asks for. `minutes`: None for the most that the rule allows.

    An agent's task is told by `function`, `change`, `task`, `attempt` and the person `on_behalf_of` whom it works; a
    person asks for themselves, and signs it.
    """

    app: str
    environment: Environment
    resource: str
    scope: Scope
    principal: str
    reason: str = ""
    minutes: int | None = None
    function: Function | None = None
    change: str | None = None
    task: str | None = None
    attempt: int = 1
    on_behalf_of: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


def new_token() -> str:
    """A grant's token: 256 bits, marked as what it is, for scanners of secrets."""
    return TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)


def digest(token: str) -> str:
    """What is kept of a token. It is random and long: a slow hash would protect nothing more."""
    return hashlib.sha256(token.encode()).hexdigest()


def stamp(moment: datetime) -> str:
    """A moment as the rows hold it: UTC, ISO 8601, milliseconds; they compare as text."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def after(moment: datetime, minutes: int) -> str:
    """So many minutes later, as the rows hold it."""
    return stamp(moment + timedelta(minutes=minutes))


def seconds_until(moment: str, now: datetime) -> float:
    """How many seconds are left until a moment of the rows; negative when it is over."""
    return (datetime.fromisoformat(moment) - now) / timedelta(seconds=1)
