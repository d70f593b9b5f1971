"""How a stack stands with the policies after an update: judged from its state, recorded with the update's event.

It is a report and no guard: what may be declared is decided by the pack, in a process of its own. It needs no engine,
as every rule has been asked already by the one that made the update; 66 resources take a twentieth of a second.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from factory.errors import MillwrightError, UpdateFailed
from factory.paths import FactoryRoot
from factory.settings import Settings
from policies import Control, PolicySettings, load_policies
from policies.exported import read_stack
from policies.offline import check
from policies.own import controls_of
from policies.score import Score, score_of
from policies.settings import settings_file
from stacks.driver.cli import run_cli, state_file
from stacks.driver.model import Kind
from stacks.shared_platform import Shared

if TYPE_CHECKING:
    # The database takes half a second to import, and most commands need none.
    from factory.events import Event

ENDS = (f"{Kind.UP}.succeeded", f"{Kind.DESTROY}.succeeded")
KEY = "policies"


@dataclass(frozen=True)
class Judges:
    """The rules and settings of a factory, as they are before an app's program runs."""

    controls: tuple[Control, ...]
    settings: PolicySettings


@dataclass(frozen=True, kw_only=True)
class Point:
    """How a stack stood at one time. `score` is None from when it was destroyed."""

    stack: str
    app: str
    environment: str
    time: str
    door: str
    score: Score | None

    def as_json(self) -> dict[str, Any]:
        """The point as one JSON object."""
        told = {name: getattr(self, name) for name in ("stack", "app", "environment", "time", "door")}
        return {**told, "score": self.score and self.score.model_dump()}


def judges(root: FactoryRoot) -> Judges:
    """Who judges. Raises InputError for a mistake in policies.yaml or in a rule that it names."""
    settings = load_policies(root)
    return Judges(controls_of(settings_file(root), settings), settings)


def standing(
    root: FactoryRoot, stack: str, by: Callable[[], Judges], cli: Path, warn: Callable[[str], None]
) -> Score | None:
    """How the stack stands; None for one without resources, and where it cannot be told, which `warn` hears.

    What was done stands whether it can be judged or not, so nothing is raised.
    """
    try:
        asked = by()
        document = _state(root, stack, cli)
        if not (document.get("deployment") or {}).get("resources"):
            return None
        name, found = read_stack(document, f"the state of {stack}")
        return score_of(check(asked.controls, name, found, asked.settings), found, asked.controls)
    except Exception as error:  # noqa: BLE001 -- whatever it is, it makes no failure of an update that is done
        why = str(error) if isinstance(error, MillwrightError) else type(error).__name__
        warn(f"how {stack} stands with the policies is not recorded: {why}")
        return None


def read_scores(root: FactoryRoot, settings: Settings, *, app: str | None = None) -> list[Point]:
    """How stacks stood after each update, oldest first; of one app, or of all, also of what is gone since.

    Raises InputError for a database that cannot be used.
    """
    # Imported late: most commands need no database (0.5 s).
    from factory import db, events

    with db.transaction(db.connect(root, settings)) as connection:
        told = events.of_kinds(connection, ENDS, app=app)
    return list(_points(told))


def app_points(points: Iterable[Point]) -> Iterator[float | None]:
    """The score of one app after each of its points: that of its worst stack, None while none stands."""
    standing: dict[str, float] = {}
    for point in points:
        standing.pop(point.stack, None)
        if point.score:
            standing[point.stack] = point.score.points
        yield min(standing.values(), default=None)


def _points(told: "list[Event]") -> Iterator[Point]:
    for event in told:
        gone = event.kind != ENDS[0]
        if gone or KEY in event.properties:
            app, environment = event.app or "", event.properties["environment"]
            yield Point(
                stack=app if environment == Shared.SHARED else f"{app}-{environment}",
                app=app,
                environment=environment,
                time=event.time,
                door=event.properties["door"],
                score=None if gone else Score.model_validate(event.properties[KEY]),
            )


def _state(root: FactoryRoot, stack: str, cli: Path) -> dict[str, Any]:
    """The state as `pulumi stack export` writes it. Asking the CLI costs half a second; a file backend's is here."""
    file = state_file(root, stack)
    if file and file.is_file():
        kept = json.loads(file.read_text())
        return {"version": kept["version"], "deployment": kept["checkpoint"].get("latest")}
    answer = run_cli(cli, ["stack", "export", "--stack", stack], root)
    if answer.code:
        raise UpdateFailed(f"its state cannot be read: {answer.err.strip()}")
    document: dict[str, Any] = json.loads(answer.out)
    return document
