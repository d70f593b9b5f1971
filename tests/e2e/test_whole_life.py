"""An app's whole life in three environments, through each door: made, changed, promoted, repaired, rolled back, gone.

Every app through every door in make soak; in make test-long each app and each door at least once.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from e2e_line import Line
from e2e_place import REPOSITORY, Place, Ran

from console.demo.inventory import inventory
from factory import daemons, demo_people
from factory.decisions import Verdict
from factory.spec import load_app

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]
BOTH = ("build", "staging")
ALL = (*BOTH, "production")


@dataclass(frozen=True)
class Door:
    """How somebody works on one app."""

    place: Place
    app: str

    def up(self, environment: str, *, repairing: bool = False) -> Ran:
        return self.place.millwright("up", self.app, environment, *(["--refresh"] if repairing else []))

    def settled(self, environment: str) -> bool:
        return self.place.millwright("drift", self.app, environment).code == 0

    def destroyed(self, environment: str) -> Ran:
        return self.place.millwright("destroy", self.app, environment, "--as", demo_people.AUTHOR)


@dataclass(frozen=True)
class PlainDoor(Door):
    def _stack(self, environment: str) -> tuple[str, ...]:
        return "-s", f"{self.app}-{environment}"

    def up(self, environment: str, *, repairing: bool = False) -> Ran:
        looked = ["--refresh"] if repairing else []
        return self.place.pulumi("up", "--yes", "--skip-preview", *looked, *self._stack(environment))

    def settled(self, environment: str) -> bool:
        previewed = self.place.pulumi("preview", "--refresh", "--expect-no-changes", *self._stack(environment))
        return previewed.code == 0

    def destroyed(self, environment: str) -> Ran:
        if environment == "production":
            return super().destroyed(environment)
        return self.place.pulumi("destroy", "--yes", *self._stack(environment))


# What docs/how-to/script-the-driver.md says, for one stack and any kind of operation.
SCRIPT = """
import sys
from factory.errors import MillwrightError
from stacks.driver import Kind, open_driver


def main() -> None:
    kind, app, environment = sys.argv[1:4]
    try:
        result = open_driver(".").start(Kind(kind), app, environment, refresh="refresh" in sys.argv).result()
    except MillwrightError as error:
        sys.exit(f"{error} ({error.hint})")
    print(len(result.changed))


if __name__ == "__main__":
    main()
"""


@dataclass(frozen=True)
class ScriptDoor(Door):
    def up(self, environment: str, *, repairing: bool = False) -> Ran:
        return self._run("up", environment, *(["refresh"] if repairing else []))

    def settled(self, environment: str) -> bool:
        return self._run("drift", environment).out == "0\n"

    def destroyed(self, environment: str) -> Ran:
        # Whose wish it is has to be signed, and a script has no person.
        return super().destroyed(environment) if environment == "production" else self._run("destroy", environment)

    def _run(self, *words: str) -> Ran:
        kind, environment, *more = words
        script = self.place.root.state / "operate.py"
        script.write_text(SCRIPT)
        return self.place.run("python", str(script), kind, self.app, environment, *more)


@pytest.fixture(scope="module")
def line(place: Place) -> Iterator[Line]:
    for app in ("tally", "docsite"):
        shutil.copytree(REPOSITORY / "apps" / app, place.root.apps / app)
    line = Line(place)
    line.worker()
    yield line
    daemons.stop(place.root, daemons.WORKER)


SAMPLE = {("millwright", "tally"), ("pulumi", "docsite"), ("script", "links")}
DOORS = {"millwright": Door, "pulumi": PlainDoor, "script": ScriptDoor}
LIVES = [
    pytest.param(
        kind, app, id=f"{app} by {door}", marks=[pytest.mark.long if (door, app) in SAMPLE else pytest.mark.soak]
    )
    for door, kind in DOORS.items()
    for app in ("tally", "docsite", "links")
]


@pytest.mark.parametrize(("kind", "app"), LIVES)
def test_an_apps_whole_life(line: Line, kind: type[Door], app: str) -> None:
    place, door = line.place, kind(line.place, app)
    # It may have lived before, by another door.
    shutil.copy(REPOSITORY / "apps" / app / "app.yaml", place.root.apps / app / "app.yaml")
    for environment in BOTH:
        done(door.up(environment))
    refused = door.up("production")
    assert refused.code not in (0, None)
    assert f"{app}-production is production" in refused.out + refused.err
    with line.people():
        line.until_ended(line.promote(app).id)
        edit(place, app, "replicas: 1", "replicas: 2")
        for environment in BOTH:
            done(door.up(environment))
        line.until_ended(line.promote(app).id)
    assert copies(place, app) == 2
    for environment in ALL:
        done(door.up(environment))
        assert door.settled(environment), environment
    drift_is_repaired(place, door)
    rolled_back(line, app)
    assert copies(place, app) == 1
    assert door.settled("production")
    for environment in reversed(ALL):
        destroyed(line, door, environment)
    left = inventory(place.cloud)
    saved = left.pop("database snapshot", [])
    assert left == {}
    databases = sorted(load_app(place.root, app).databases)
    assert [name.rpartition("-final-")[0] for name in saved] == [f"{app}-production-{each}" for each in databases]
    for name in saved:
        place.cloud.client("rds").delete_db_snapshot(DBSnapshotIdentifier=name)


def done(ran: Ran) -> None:
    assert ran.code == 0, ran.out + ran.err


def edit(place: Place, app: str, old: str, new: str) -> None:
    path = place.root.apps / app / "app.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))


def copies(place: Place, app: str) -> int:
    name = f"{app}-production-web"
    (service,) = place.cloud.client("ecs").describe_services(cluster=name, services=[name])["services"]
    return int(service["desiredCount"])


def drift_is_repaired(place: Place, door: Door) -> None:
    name = f"/millwright/{door.app}-staging-web"
    place.cloud.client("logs").put_retention_policy(logGroupName=name, retentionInDays=1)
    assert not door.settled("staging")
    done(door.up("staging", repairing=True))
    assert door.settled("staging")


def rolled_back(line: Line, app: str) -> None:
    asked = ("rollback", app, "production", "--as", demo_people.AUTHOR)
    assert line.place.millwright(*asked).code == 6
    (request,) = line.inbox()
    line.decide(request, Verdict.APPROVE, "back")
    done(line.place.millwright(*asked))


def destroyed(line: Line, door: Door, environment: str) -> None:
    ran = door.destroyed(environment)
    if environment == "production":
        assert ran.code == 6, ran.out + ran.err
        (request,) = line.inbox()
        line.decide(request, Verdict.APPROVE, "no more")
        ran = door.destroyed(environment)
    done(ran)
