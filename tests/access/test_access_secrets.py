"""A secret's grant whole, on the local cloud's Secrets Manager: read by its holder, told, counted, and ended."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from grant_place import AGENT, RULES, GrantPlace, grant_place
from ruamel.yaml import YAML
from secret_place import Vault, vault

from access.asking import Access
from access.broker import Broker
from access.door import Door, Served
from access.grants import Given, State
from access.secret_reads import MOST_READS, SecretRead, SecretReads
from factory import daemons, db, demo_people, events
from factory.errors import AccessDenied, CloudUnavailable
from factory.spec import Environment, Scope

VALUE = "s3cret-of-tally"
SECRET = "secrets.signing-key"
RULE = {"function": "coder", "resource": SECRET, "environments": ["build"], "scope": "write", "lease": 60}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vault]:
    with vault(tmp_path_factory.mktemp("cloud")) as made:
        yield made


class Plane:
    """A broker and its door, with the real provider."""

    def __init__(self, place: GrantPlace, cloud: Vault) -> None:
        self.place, self.cloud = place, cloud
        self.claim = daemons.claim(place.root, daemons.ACCESS)
        self.access = Access(place.root)
        self.begin()

    def begin(self) -> None:
        place = self.place
        secrets = self.cloud.secrets(place)
        kinds = {"secret": secrets, "postgres": place.provider}
        self.broker = Broker(place.desk, place.database, kinds)
        reads = SecretReads(place.desk, place.database, secrets, lambda: place.wall)
        self.served = Served(Door(place.desk, place.database, self.claim.token, reads).app(), place.root.run)
        self.claim.publish({}, "1")

    def end(self) -> None:
        self.served.close()
        self.broker.close()

    def look(self) -> None:
        self.broker.cut()
        self.broker.work()
        self.place.log()

    def given(self, **other: object) -> Given:
        given = self.place.ask(**{"resource": SECRET, **other})
        self.look()
        assert self.place.state(given.grant) is State.ACTIVE, self.place.read(given.grant).ended_reason
        return Given(self.place.read(given.grant), given.token)

    def read(self, given: Given, token: str = "") -> SecretRead:
        return self.access.secret(given.grant.id, token or given.token)

    def told(self, kind: str) -> list[events.Event]:
        with db.transaction(self.place.database) as connection:
            return events.of_kinds(connection, [kind])

    def refused(self, given: Given, *, match: str, token: str = "", of: Given | None = None) -> None:
        """Reading is refused, and that is told of the grant whose token was used."""
        before, reads = len(self.told("grant.refused")), len(self.told("secret.read"))
        with pytest.raises(AccessDenied, match=match):
            self.read(given, token)
        told = self.told("grant.refused")
        assert len(told) == before + 1
        assert told[-1].properties["grant"] == (of or given).grant.id
        assert self.place.logged("grant.refused", grant=(of or given).grant.id)
        assert len(self.told("secret.read")) == reads


@pytest.fixture
def plane(tmp_path: Path, cloud: Vault) -> Iterator[Plane]:
    place = grant_place(tmp_path)
    place.wall = datetime.now(UTC)
    yaml = YAML()
    file = place.root.apps / "tally" / "app.yaml"
    document = yaml.load(file.read_text())
    document["access"] = [*RULES, RULE]
    document["secrets"] = {"signing-key": {"description": "Signs", "rotation": 180}, "other-key": {"rotation": 180}}
    with file.open("w") as opened:
        yaml.dump(document, opened)
    cloud.stands(place, signing_key=VALUE, other_key="another one")
    made = Plane(place, cloud)
    yield made
    made.end()
    made.claim.release()


def test_who_is_let_in_reads_the_value_and_that_is_told_without_it(plane: Plane) -> None:
    given = plane.given()
    read = plane.read(given)
    assert (read.variable, read.value) == ("SIGNING_KEY", VALUE)
    assert VALUE not in repr(read)
    (told,) = plane.told("secret.read")
    assert (told.actor, told.app, told.task, told.properties["resource"]) == (
        AGENT,
        "tally",
        "tally.sums.coder.1",
        SECRET,
    )
    assert (told.properties["version"], told.properties["number"]) == (read.version, 1)
    # Nothing of it is in anything that is kept: the database, the audit log, the daemon's files.
    plane.place.log()
    kept = [path for path in plane.place.root.path.rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if VALUE.encode() in path.read_bytes()]


def test_a_value_that_changes_is_read_as_it_is_then(plane: Plane) -> None:
    given = plane.given()
    before = plane.read(given)
    plane.cloud.put("tally/build/signing-key", "a new one")
    after = plane.read(given)
    assert (after.value, after.version != before.version) == ("a new one", True)


def test_after_the_end_nothing_is_read(plane: Plane) -> None:
    given = plane.given()
    plane.read(given)
    plane.place.desk.end(plane.place.read(given.grant), "done", actor="ada")
    # From the moment on that it is written, before anybody has looked.
    plane.refused(given, match="done")
    plane.look()
    assert plane.place.state(given.grant) is State.ENDED
    plane.refused(given, match="done")


def test_after_its_time_nothing_is_read_though_no_broker_looks(plane: Plane) -> None:
    given = plane.given(minutes=5)
    plane.read(given)
    plane.place.wall = datetime.fromisoformat(str(given.grant.lease_until))
    plane.refused(given, match="not open")


def test_one_that_is_cut_reads_nothing_whatever_is_written_of_it(plane: Plane) -> None:
    given = plane.given()
    plane.broker._providers["secret"].cut([given.grant])
    plane.refused(given, match="is not open")
    # The broker opens what is active and is not served, as after a restart.
    plane.look()
    assert plane.read(given).value == VALUE


def test_after_a_restart_of_the_broker_it_is_read_again(plane: Plane) -> None:
    given = plane.given()
    plane.end()
    plane.begin()
    plane.refused(given, match="is not open")
    plane.look()
    assert plane.read(given).value == VALUE


def test_nobody_reads_by_the_token_of_another_grant_or_by_the_factorys(plane: Plane) -> None:
    own, other = plane.given(), plane.given(task="tally.sums.coder.2")
    plane.refused(own, token=other.token, of=other, match="no such grant for this token")
    database = plane.given(resource="databases.database")
    plane.refused(own, token=database.token, of=database, match="no such grant for this token")
    with pytest.raises(AccessDenied, match="the grant's own token"):
        plane.read(own, plane.claim.token)
    assert plane.told("secret.read") == []
    assert plane.read(own).value == VALUE


def test_a_grant_on_something_else_reads_no_secret(plane: Plane) -> None:
    plane.refused(plane.given(resource="databases.database"), match="about no secret")
    assert plane.read(plane.given()).value == VALUE


def test_a_rule_that_is_gone_lets_nobody_read_any_more(plane: Plane) -> None:
    given = plane.given()
    assert plane.read(given).value == VALUE
    file = plane.place.root.apps / "tally" / "app.yaml"
    yaml = YAML()
    document = yaml.load(file.read_text())
    document["access"] = RULES
    with file.open("w") as opened:
        yaml.dump(document, opened)
    plane.refused(given, match="not allowed any more")


def test_it_is_read_so_many_times_and_no_more_also_after_a_restart(plane: Plane) -> None:
    given = plane.given()
    for _ in range(MOST_READS):
        plane.read(given)
    plane.refused(given, match=f"{MOST_READS} times")
    plane.end()
    plane.begin()
    plane.look()
    plane.refused(given, match=f"{MOST_READS} times")
    assert plane.read(plane.given()).value == VALUE


def test_what_is_in_no_audit_log_keeps_everybody_from_reading(plane: Plane) -> None:
    given = plane.given()
    with db.transaction(plane.place.database) as connection:
        events.append(connection, events.new_event("grant.swept", actor="access", app="tally"))
    plane.place.ticks += 31
    plane.refused(given, match="in no audit log")
    plane.place.log()
    assert plane.read(given).value == VALUE


def test_what_cannot_be_told_is_not_read(plane: Plane) -> None:
    given = plane.given()
    with db.transaction(plane.place.database) as connection:
        connection.exec_driver_sql("ALTER TABLE factory_event RENAME TO elsewhere")
    with pytest.raises(CloudUnavailable):
        plane.read(given)
    with db.transaction(plane.place.database) as connection:
        connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO factory_event")
    assert plane.read(given).value == VALUE


@pytest.mark.parametrize("scope", [Scope.WRITE, Scope.ADMIN])
def test_a_secret_is_read_and_nothing_else(plane: Plane, scope: Scope) -> None:
    with pytest.raises(AccessDenied, match=r"read and nothing else|admin"):
        plane.place.ask(resource=SECRET, scope=scope)
    assert plane.told("grant.denied")[-1].properties["scope"] == scope
    with pytest.raises(AccessDenied, match="read and nothing else"):
        plane.place.person_asks(demo_people.OPERATOR, resource=SECRET, scope=scope)


def test_no_rule_no_secret(plane: Plane) -> None:
    with pytest.raises(AccessDenied):
        plane.place.ask(resource="secrets.other-key")
    assert plane.told("grant.denied")[-1].properties["resource"] == "secrets.other-key"
    person = plane.place.person_asks(demo_people.OPERATOR, resource="secrets.other-key")
    plane.look()
    assert plane.read(person).value == "another one"


def test_an_agent_of_one_app_is_let_into_no_secret_of_another(plane: Plane) -> None:
    with pytest.raises(AccessDenied, match="nothing of another"):
        plane.place.ask(resource=SECRET, principal="agent:links/coder/links.sums.coder.1")
    assert "nothing of another" in plane.told("grant.denied")[-1].properties["why"]
    assert plane.read(plane.given()).value == VALUE


def test_what_does_not_stand_or_cannot_be_a_variable_is_said_to(plane: Plane) -> None:
    plane.cloud.put("tally/build/signing-key", "a\0b")
    given = plane.given()
    with pytest.raises(CloudUnavailable, match="zero byte"):
        plane.read(given)
    gone = plane.place.person_asks(demo_people.OPERATOR, resource=SECRET, environment=Environment.STAGING)
    plane.look()
    assert "does not stand in staging" in plane.place.read(gone.grant).ended_reason


def test_an_answer_is_nothing_but_the_value(plane: Plane) -> None:
    given = plane.given()
    with plane.access._client(given.token) as client:
        answer = client.post(f"/grants/{given.grant.id}/secret")
    assert json.loads(answer.text).keys() == {"variable", "value", "version"}
