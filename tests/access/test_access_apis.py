"""An API's grant whole, with the real broker, relay and Secrets Manager: asked for, used, recorded, ended alive."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx2
import pytest
from api_declared import PAYMENTS, declare
from api_place import CREDENTIAL, Api, api
from grant_place import AGENT, GrantPlace, grant_place
from grant_waits import wait_for
from secret_place import Vault, vault

from access.apis.process import ApiRelay
from access.broker import Broker
from access.grants import Given, Grant, State
from access.providers.apis import Apis, declared
from access.providers.standing import app_secret
from access.recordings import Held, recorded
from access.relays import api_relay
from factory import db, demo_people, events
from factory.errors import AccessDenied
from factory.spec import Environment, Scope

STANDIN = Path(__file__).parent / "api_standin.py"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vault]:
    with vault(tmp_path_factory.mktemp("cloud")) as made:
        yield made


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with api(tmp_path_factory.mktemp("api")) as made:
        yield made


class Plane:
    """A broker with the real provider: its relay, and the API behind it."""

    def __init__(self, place: GrantPlace, cloud: Vault, there: Api) -> None:
        self.place, self.cloud, self.there = place, cloud, there
        self.relays: list[ApiRelay] = []
        self.client = httpx2.Client(timeout=30, trust_env=False)
        self.begin()

    def begin(self) -> None:
        place = self.place
        value_of = partial(app_secret, place.database, self.cloud.clients)
        provider = Apis(self._relay, partial(declared, place.root), value_of)
        self.broker = Broker(place.desk, place.database, {"api": provider})

    def _relay(self) -> ApiRelay:
        command = (sys.executable, "-P", str(STANDIN), str(self.there.pem))
        self.relays.append(api_relay(self.place.root, self.place.database, command))
        return self.relays[-1]

    def look(self) -> None:
        self.broker.cut()
        self.broker.work()

    def given(self, scope: Scope = Scope.WRITE) -> Given:
        given = self.place.ask(resource=PAYMENTS, scope=scope)
        self.look()
        assert self.place.state(given.grant) is State.ACTIVE, self.place.read(given.grant).ended_reason
        return Given(self.place.read(given.grant), given.token)

    def call(self, given: Given, method: str = "GET", path: str = "/items") -> httpx2.Response:
        url = f"{self.place.read(given.grant).door}{path}"
        return self.client.request(method, url, headers={"authorization": f"Bearer {given.token}"})

    def told(self, kind: str) -> list[events.Event]:
        with db.transaction(self.place.database) as connection:
            return events.of_kinds(connection, [kind])

    def ended_with(self, grant: Grant) -> str:
        return self.place.read(grant).ended_reason


@pytest.fixture
def plane(tmp_path: Path, cloud: Vault, there: Api) -> Iterator[Plane]:
    place = grant_place(tmp_path)
    # The relay has its own clock.
    place.wall = datetime.now(UTC)
    declare(place, cloud, there)
    made = Plane(place, cloud, there)
    yield made
    made.broker.close()


def test_what_is_asked_for_is_used_recorded_ended_and_told(plane: Plane) -> None:
    given = plane.given()
    assert plane.call(given, "POST").text == "hello"
    assert plane.there.heard[-1].headers["authorization"] == f"Bearer {CREDENTIAL}"
    plane.place.desk.end(plane.place.read(given.grant), "done", actor="ada")
    plane.look()
    assert plane.place.state(given.grant) is State.ENDED
    (ended,) = wait_for(lambda: plane.told("session.ended"))
    assert (ended.actor, ended.app, ended.properties["grant"]) == (AGENT, "tally", given.grant.id)
    with db.transaction(plane.place.database) as connection:
        (found,) = recorded(plane.place.root, connection, given.grant)
    assert (found.held, found.ended) == (Held.WHOLE, "done")
    assert [(each.text, each.tags) for each in found.said] == [("POST /items", ["200", "5 bytes"])]
    # The credential is in nothing that is kept.
    kept = [path for path in plane.place.root.path.rglob("*") if path.is_file()]
    assert not [path for path in kept if CREDENTIAL.encode() in path.read_bytes()]


def test_after_the_end_its_token_is_refused_and_that_is_told(plane: Plane) -> None:
    given, other = plane.given(), plane.given()
    assert plane.call(given).status_code == 200
    plane.place.desk.end(plane.place.read(given.grant), "done", actor="ada")
    plane.broker.cut()
    assert plane.call(given).status_code == 401
    entry = plane.place.logged("login.refused", reason="credentials", grant=given.grant.id)
    assert entry["actor"] == AGENT
    assert plane.call(other).status_code == 200


def test_the_end_comes_in_the_middle_of_a_request(plane: Plane) -> None:
    given, broken = plane.given(), threading.Event()

    def read() -> None:
        try:
            plane.call(given, path="/slow")
        except httpx2.HTTPError:
            broken.set()

    plane.there.hold.clear()
    plane.there.begun.clear()
    reading = threading.Thread(target=read)
    reading.start()
    assert plane.there.begun.wait(30)
    plane.place.desk.end(plane.place.read(given.grant), "enough", actor="ada")
    plane.broker.cut()
    reading.join(30)
    plane.there.hold.set()
    assert broken.is_set()


def test_what_a_scope_does_not_hold_is_refused_and_told_of_the_grant(plane: Plane) -> None:
    given = plane.given(Scope.READ)
    assert plane.call(given, "POST").status_code == 403
    entry = plane.place.logged("request.refused", reason="method", grant=given.grant.id)
    assert entry["actor"] == AGENT
    assert plane.call(given, "GET").status_code == 200
    with pytest.raises(AccessDenied, match="admin"):
        plane.place.ask(resource=PAYMENTS, scope=Scope.ADMIN)
    assert plane.told("grant.denied")[-1].properties["scope"] == "admin"


def test_nobody_calls_by_the_token_of_another_api(plane: Plane) -> None:
    given = plane.given()
    with pytest.raises(AccessDenied):
        plane.place.ask(resource="apis.other", scope=Scope.READ)
    with pytest.raises(AccessDenied):
        plane.place.ask(resource=PAYMENTS, scope=Scope.READ, environment=Environment.STAGING)
    assert plane.call(given).status_code == 200


def test_a_relay_that_is_killed_takes_everybody_with_it_and_is_followed_by_another(plane: Plane) -> None:
    given = plane.given()
    assert plane.call(given).status_code == 200
    os.kill(plane.relays[-1].pid, signal.SIGKILL)
    wait_for(lambda: not plane.relays[-1].alive())
    with pytest.raises(httpx2.HTTPError):
        plane.call(given)
    plane.look()
    assert len(plane.relays) == 2
    assert plane.call(given).status_code == 200
    plane.place.desk.end(plane.place.read(given.grant), "done", actor="ada")
    plane.look()
    with db.transaction(plane.place.database) as connection:
        found = recorded(plane.place.root, connection, given.grant)
    # Of what the killed one recorded nobody told a digest.
    wait_for(lambda: plane.told("session.ended"))
    assert found[0].held is Held.OPEN


def test_after_a_restart_of_the_broker_it_is_open_again(plane: Plane) -> None:
    given = plane.given()
    plane.broker.close()
    with pytest.raises(httpx2.HTTPError):
        plane.call(given)
    plane.begin()
    plane.look()
    assert plane.call(given).status_code == 200


def test_what_was_opened_and_not_written_down_is_opened_anew(plane: Plane) -> None:
    given = plane.given()
    with plane.place.database.begin() as connection:
        connection.exec_driver_sql("UPDATE access_grant SET state = 'issuing', lease_until = NULL")
    plane.look()
    assert plane.call(given).status_code == 200


def test_a_new_credential_is_that_of_the_next_grant(plane: Plane) -> None:
    before = plane.given()
    plane.cloud.put("tally/build/payments-key", "another-one")
    after = plane.given()
    assert plane.call(before).status_code == 200
    assert plane.there.heard[-1].headers["authorization"] == f"Bearer {CREDENTIAL}"
    assert plane.call(after).status_code == 200
    assert plane.there.heard[-1].headers["authorization"] == "Bearer another-one"


@pytest.mark.parametrize("value", ["two\nlines", "ünïcode", "", " spaces "])
def test_a_credential_that_no_header_can_hold_opens_nothing_and_is_not_told(plane: Plane, value: str) -> None:
    plane.cloud.put("tally/build/payments-key", value or "\n")
    given = plane.place.ask(resource=PAYMENTS, scope=Scope.READ)
    plane.look()
    assert "cannot stand in a header" in plane.ended_with(given.grant)
    assert not value or value not in plane.ended_with(given.grant)
    plane.cloud.put("tally/build/payments-key", CREDENTIAL)
    assert plane.call(plane.given()).status_code == 200


def test_a_person_is_let_in_by_the_same_way(plane: Plane) -> None:
    given = plane.place.person_asks(demo_people.OPERATOR, resource=PAYMENTS, scope=Scope.ADMIN)
    plane.look()
    assert plane.call(given, "DELETE").status_code == 200
    begun = wait_for(lambda: plane.told("session.began"))
    assert begun[-1].actor == demo_people.OPERATOR
