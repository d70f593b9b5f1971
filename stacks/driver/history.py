"""What was done to a stack, as the factory's own events tell it: through either door, also what failed."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from factory.errors import InputError
from factory.paths import FactoryRoot
from factory.settings import Settings
from stacks.driver.model import Kind
from stacks.names import declared
from stacks.shared_platform import stack_of

if TYPE_CHECKING:
    # The database takes half a second to import, and most commands need none.
    from factory.events import Event
    from factory.releases import Release

CHANGING = frozenset({Kind.UP, Kind.DESTROY, Kind.REFRESH, Kind.IMPORT, Kind.IMPORT_STATE})
LIMIT = 20
MOST = 1000
STARTED = "started"


class Ending(StrEnum):
    """How it ended. `open`: no end is recorded, as it still runs or was killed."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    OPEN = "open"


@dataclass(frozen=True, kw_only=True)
class Update:
    """One operation on a stack. Times are UTC, ISO 8601; `door` is driver or plain.

    `spec` is the digest of the app.yaml that it went by; `release`, with its `change` and `artefact`, what it was told
    to serve (None: what was wanted there). `rollback` says from which release to which earlier one a person had it go
    back; `returned` from which bad one the factory did so by itself, and why; `approved_by` who approved the release.
    `changes` counts steps by action, `reason` says why it failed.
    """

    stack: str
    kind: Kind
    ending: Ending
    started: str
    ended: str | None
    actor: str
    door: str
    spec: str | None
    changes: dict[str, int] = field(default_factory=dict)
    reason: str = ""
    release: int | None = None
    change: str | None = None
    artefact: str | None = None
    rollback: dict[str, int | None] | None = None
    returned: dict[str, Any] | None = None
    approved_by: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The update as one JSON object."""
        return asdict(self)


def read_history(
    root: FactoryRoot,
    settings: Settings,
    app: str,
    environment: str,
    *,
    limit: int = LIMIT,
    kinds: Iterable[Kind] = CHANGING,
) -> list[Update]:
    """The last `limit` operations of these kinds on a stack, newest first; no engine is asked.

    Raises InputError for an app or environment that is not declared, and for a limit outside 1 to MOST.
    """
    if not 1 <= limit <= MOST:
        raise InputError(f"{limit} is no number of updates to show", hint=f"1 to {MOST}")
    spec, which = declared(root, app, environment)
    # Imported late: most commands need no database (0.5 s).
    from factory import db, decisions, events, releases

    words = [f"{kind}.{end}" for kind in kinds for end in (STARTED, Ending.SUCCEEDED, Ending.FAILED)]
    with db.transaction(db.connect(root, settings)) as connection:
        # Each has at most two: none of those that are shown lacks its beginning.
        told = events.of_environment(connection, app, which, kinds=words, limit=2 * limit)
        known = {release.id: release for release in releases.of_app(connection, app)}
        found = paired(stack_of(spec, which), told, known)[:limit]
        shown = {each.release for each in found}
        people = {id: decisions.approvers(connection, known[id].request) for id in known if id in shown}
    return [replace(each, approved_by=people.get(each.release or 0, [])) for each in found]


def paired(stack: str, told: Iterable["Event"], releases: Mapping[int, "Release"]) -> list[Update]:
    """The operations that these events (oldest first) tell of, newest first.

    Whoever works on a stack holds its lock, so an end belongs to the last beginning, and a beginning after another
    means that the other's end was never seen.
    """
    found: list[Update] = []
    begun: Event | None = None
    for event in told:
        if event.kind.endswith(f".{STARTED}"):
            found += [_update(stack, begun, None, releases)] if begun else []
            begun = event
        elif begun and begun.kind.partition(".")[0] == event.kind.partition(".")[0]:
            found.append(_update(stack, begun, event, releases))
            begun = None
    found += [_update(stack, begun, None, releases)] if begun else []
    return found[::-1]


def _update(stack: str, begun: "Event", ended: "Event | None", releases: Mapping[int, "Release"]) -> Update:
    kind, _, _ = begun.kind.partition(".")
    properties = ended.properties if ended else {}
    number = begun.properties.get("release")
    release = releases.get(number) if number is not None else None
    return Update(
        stack=stack,
        kind=Kind(kind),
        ending=Ending(ended.kind.partition(".")[2]) if ended else Ending.OPEN,
        started=begun.time,
        ended=ended.time if ended else None,
        actor=begun.actor,
        door=begun.properties.get("door", ""),
        # A release that is named brings its recorded spec with it.
        spec=release.spec_digest if release else begun.properties.get("spec"),
        changes=properties.get("changes") or {},
        reason=properties.get("reason", ""),
        release=number,
        change=release.change if release else None,
        artefact=release.artefact if release else None,
        rollback=(
            {"from": release.replaces, "to": release.restores} if release and release.restores is not None else None
        ),
        returned=_returned(begun.properties.get("returns_from"), number, releases),
    )


def _returned(bad: int | None, to: int | None, releases: Mapping[int, "Release"]) -> dict[str, Any] | None:
    if bad is None:
        return None
    return {"from": bad, "to": to, "reason": releases[bad].reason if bad in releases else ""}
