"""An app's whole life in three environments, through each door: made, changed, promoted, repaired, rolled back, gone.

`links` lives through the documents' own scripts (test_whole_story, test_rollback); the other two through the commands.
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

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(1500)]
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


@pytest.fixture(scope="module")
def line(place: Place) -> Iterator[Line]:
    for app in ("tally", "docsite"):
        shutil.copytree(REPOSITORY / "apps" / app, place.root.apps / app)
    line = Line(place)
    line.worker()
    yield line
    daemons.stop(place.root, daemons.WORKER)


@pytest.mark.parametrize(("kind", "app"), [(Door, "tally"), (PlainDoor, "docsite")], ids=["millwright", "pulumi"])
def test_an_apps_whole_life(line: Line, kind: type[Door], app: str) -> None:
    place, door = line.place, kind(line.place, app)
    for environment in BOTH:
        done(door.up(environment))
    assert door.up("production").code == 6
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
    assert inventory(place.cloud) == {}


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
