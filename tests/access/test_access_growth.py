"""What a grant's holder can do over and over, each time of which is told or kept: it ends somewhere, and says so."""

import contextlib
from datetime import timedelta
from pathlib import Path

import pytest
from grant_place import GrantPlace, grant_place
from grant_waits import wait_for
from model_place import model_place

from access.messages.relay import TOGETHER
from access.orders import Happened
from access.telling import teller
from factory import db, events


@pytest.fixture
def place(tmp_path: Path) -> GrantPlace:
    return grant_place(tmp_path)


def renewals(place: GrantPlace) -> int:
    return len([each for each in place.told() if each.kind == "grant.renewed"])


def logins(place: GrantPlace) -> list[str]:
    with db.transaction(place.database) as connection:
        return [each.properties["detail"] for each in events.of_kinds(connection, ["login.refused"])]


def test_a_grant_is_prolonged_by_a_minute_or_not_at_all(place: GrantPlace) -> None:
    grant = place.ask(minutes=10).grant
    place.look()
    grant = place.read(grant)
    for _ in range(3):
        assert place.desk.renew(grant, grant.fence, 10, actor="ada") == grant
    place.pass_by(both=timedelta(seconds=59))
    assert place.desk.renew(grant, grant.fence, 10, actor="ada") == grant
    assert renewals(place) == 0
    place.pass_by(both=timedelta(seconds=1))
    grant = place.desk.renew(grant, grant.fence, 10, actor="ada")
    assert (renewals(place), place.read(grant).lease_until) == (1, grant.lease_until)
    # The last bit of its time is had, once.
    grant = place.desk.renew(grant, grant.fence, 9_999, actor="ada")
    assert (renewals(place), grant.lease_until) == (2, grant.hard_until)
    place.pass_by(both=timedelta(minutes=2))
    assert place.desk.renew(grant, grant.fence, 9_999, actor="ada") == grant
    assert renewals(place) == 2


def test_what_a_database_does_not_take_waits_up_to_a_bound(
    place: GrantPlace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("access.telling.MOST_WAITING", 2)
    tell = teller(place.database, "test")
    with db.transaction(place.database) as connection:
        # Nobody else writes meanwhile.
        connection.exec_driver_sql("UPDATE access_grant SET app = app")
        for number in range(5):
            tell(Happened(happened="login_refused", detail=f"number {number}"))
        said = [each.getMessage() for each in caplog.records if "too much waits" in each.getMessage()]
        assert ["number 2" in said[0], "number 4" in said[-1], len(said)] == [True, True, 3]
    wait_for(lambda: logins(place) == ["number 0", "number 1"])
    tell(Happened(happened="login_refused", detail="number 5"))
    wait_for(lambda: logins(place) == ["number 0", "number 1", "number 5"])


def test_a_task_has_so_many_calls_of_the_model_at_a_time(tmp_path: Path) -> None:
    with model_place(tmp_path) as model, contextlib.ExitStack() as stack:
        given, other = model.given(), model.given()
        for _ in range(TOGETHER):
            stack.enter_context(model.stream(given))
        refused = model.ask(given)
        assert (refused.status_code, "under way already" in refused.text) == (429, True)
        model.api.held.set()
        assert model.ask(other).status_code == 200
        wait_for(lambda: model.ask(given).status_code == 200)
