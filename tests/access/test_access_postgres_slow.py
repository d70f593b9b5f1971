"""A client that says half of something costs the relay so much memory and so much time, and others nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres_place import Database, Place, database, relay
from postgres_raw import Raw, fields
from postgres_standin import message

from access.postgres.limits import Limits
from access.postgres.refusals import Refused
from access.postgres.waiting import Memory

pytestmark = pytest.mark.engine
SELECT = message(b"Q", b"SELECT 1\0")
LONG = message(b"B", b"\0\0\0\0\0\1" + (200_000).to_bytes(4) + bytes(200_000) + b"\0\0")


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with database(tmp_path_factory.mktemp("db")) as found:
        yield found


def entered(place: Place, grant: str = "g1") -> Raw:
    client = Raw(place).secure().log_in(grant)
    client.until(b"Z")
    return client


def test_half_a_message_ends_its_session_and_no_other_one(tmp_path: Path, db: Database) -> None:
    with relay(tmp_path / "relay", "message_seconds=0.3") as place:
        place.open(db)
        idle, half = entered(place), entered(place)
        # One that comes in two halves is whole.
        half.send(SELECT[:7])
        half.send(SELECT[7:])
        assert [kind for kind, _ in half.until(b"Z")] == [b"T", b"D", b"C", b"Z"]
        half.send(SELECT[:7])
        (last,) = half.everything()
        assert (last[0], fields(last[1])["C"]) == (b"E", "57P05")
        assert [each.reason for each in place.ended()] == ["limit"]
        idle.send(SELECT)
        assert [kind for kind, _ in idle.until(b"Z")] == [b"T", b"D", b"C", b"Z"]
        assert place.texts() == ["SELECT 1"] * 2


def test_what_waits_is_bounded_for_each_grant_and_is_nobody_elses(tmp_path: Path, db: Database) -> None:
    with relay(tmp_path / "relay", "grant_waiting_bytes=300_000") as place:
        place.open(db)
        place.open(db, "other")
        one, two, other = entered(place), entered(place), entered(place, "other")
        one.send(LONG[:-1])
        # What is sent behind it, and answered, is of another grant; what is refused, of the same one.
        other.send(LONG + message(b"S"))
        assert fields(other.until(b"Z")[0][1])["C"] == "26000"
        two.send(LONG[:-1])
        assert [fields(body)["C"] for kind, body in two.everything() if kind == b"E"] == ["53200"]
        assert [each.reason for each in place.ended()] == ["limit"]
        one.send(LONG[-1:] + message(b"S"))
        # No such statement; but the message has gone through.
        assert fields(one.until(b"Z")[0][1])["C"] == "26000"
        one.send(LONG[:-1])
        one.send(LONG[-1:] + message(b"S"))
        assert fields(one.until(b"Z")[0][1])["C"] == "26000"


def test_the_bound_of_all_holds_whatever_each_may() -> None:
    whole = Memory(10)
    one, two = Memory(8, whole), Memory(8, whole)
    one.change(8)
    with pytest.raises(Refused) as refused:
        one.change(1)
    assert refused.value.sqlstate == "53200"
    with pytest.raises(Refused):
        two.change(3)
    two.change(2)
    one.change(-8)
    two.change(6)
    assert Limits().waiting_bytes >= Limits().grant_waiting_bytes >= Limits().message_bytes
