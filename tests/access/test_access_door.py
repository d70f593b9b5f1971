"""The broker's door: what the factory's token opens, what a grant's own token does, and that it opens nothing else."""

import contextlib
import json
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from grant_place import GrantPlace, grant_place

from access.asking import Access
from access.client import TaskAsks, Told
from access.door import SOCKET, Door, Served
from access.grants import State
from factory import daemons
from factory.errors import AccessDenied, CloudUnavailable, InputError
from factory.spec import Environment, Function, Scope


@pytest.fixture
def place(tmp_path: Path) -> GrantPlace:
    deep = tmp_path / ("deep" * 20)
    deep.mkdir()
    return grant_place(deep)


@pytest.fixture
def access(place: GrantPlace) -> Iterator[Access]:
    """The client of a door that this process serves."""
    claim = daemons.claim(place.root, daemons.ACCESS)
    served = Served(Door(place.desk, place.database, claim.token).app(), place.root.run)
    claim.publish({}, "1")
    yield Access(place.root)
    served.close()
    claim.release()


def asks(**other: object) -> TaskAsks:
    wanted = {"app": "tally", "environment": Environment.BUILD, "resource": "databases.database", "scope": Scope.READ}
    task = {"function": Function.CODER, "change": "sums", "task": "tally.sums.coder.1"}
    return TaskAsks(**{**wanted, **task, **other})


def called(access: Access, token: str, method: str, path: str, **body: object) -> tuple[int, dict[str, str]]:
    with access._client(token) as client:
        answer = client.request(method, path, content=json.dumps(body))
        return answer.status_code, answer.json()


def opened(place: GrantPlace, access: Access, **other: object) -> Told:
    told = access.ask(asks(**other))
    place.look()
    return access.opened(told)


def test_a_task_is_let_in_and_out_again(place: GrantPlace, access: Access) -> None:
    told = opened(place, access, minutes=10)
    assert (told.grant["state"], told.grant["principal"]) == ("active", "agent:tally/coder/tally.sums.coder.1")
    told = access.renew(told, 30)
    assert told.grant["lease_until"] == "2026-03-01T12:30:00.000+00:00"
    access.end(told, "done")
    place.look()
    assert not place.standing
    with pytest.raises(AccessDenied, match="done"):
        access.opened(told)
    with pytest.raises(AccessDenied, match="is over"):
        access.renew(told, 10)


def test_what_a_task_held_ends_with_it(place: GrantPlace, access: Access) -> None:
    held = [opened(place, access) for _ in range(2)]
    other = opened(place, access, task="tally.sums.coder.2")
    ended = access.end_task("tally", "tally.sums.coder.1", "its task has ended")
    assert {each.grant["id"] for each in ended} == {each.grant["id"] for each in held}
    place.look()
    assert place.standing == {f"mw_{other.grant['id']}"}


def test_what_is_refused_says_why_and_what_waits_for_people_says_that(place: GrantPlace, access: Access) -> None:
    with pytest.raises(AccessDenied, match="admin"):
        access.ask(asks(scope=Scope.ADMIN))
    with pytest.raises(InputError, match="no app named"):
        access.ask(asks(app="nothing"))
    assert opened(place, access, environment=Environment.STAGING).grant["state"] == "requested"


def test_a_grants_own_token_looks_at_it_prolongs_it_and_ends_it(place: GrantPlace, access: Access) -> None:
    told = opened(place, access, minutes=10)
    path = f"/grants/{told.grant['id']}"
    assert called(access, told.token, "GET", path)[0] == 200
    assert called(access, told.token, "POST", f"{path}/renew", fence=told.grant["fence"], minutes=20)[0] == 200
    assert called(access, told.token, "POST", f"{path}/end", why="done")[0] == 200
    assert place.kinds(place.read_by(told.grant["id"]))[-1] == "grant.revoking"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/grants"),
        ("POST", "/tasks/tally/tally.sums.coder.1/end"),
        ("GET", "/grants/{other}"),
        ("POST", "/grants/{other}/renew"),
        ("POST", "/grants/{other}/end"),
        ("GET", "/grants/nothing"),
        ("POST", "/grants/{own}/approve"),
        ("POST", "/requests/1/approve"),
        ("DELETE", "/grants/{other}"),
        ("GET", "/grants"),
    ],
)
def test_a_grants_token_does_nothing_else_and_the_attempt_is_told_of_its_grant(
    place: GrantPlace, access: Access, method: str, path: str
) -> None:
    own, other = opened(place, access), opened(place, access, task="tally.sums.coder.2")
    body = {} if method == "GET" else asks().model_dump(mode="json")
    asked = path.format(own=own.grant["id"], other=other.grant["id"])
    code, said = called(access, own.token, method, asked, **body)
    assert (code, "token" in said["problem"]) == (403, True)
    refused = [each for each in place.told() if each.kind == "grant.refused"]
    assert [each.properties["grant"] for each in refused] == [own.grant["id"]]
    entry = place.logged("grant.refused", grant=own.grant["id"])
    assert entry["actor"] == own.grant["principal"]
    assert place.state(place.read_by(other.grant["id"])) is State.ACTIVE


def test_who_slept_past_the_lease_or_has_an_older_fence_prolongs_nothing_and_that_is_logged(
    place: GrantPlace, access: Access
) -> None:
    told, other = opened(place, access, minutes=10), opened(place, access, minutes=10)
    path = f"/grants/{told.grant['id']}/renew"
    assert called(access, told.token, "POST", path, fence=told.grant["fence"], minutes=20)[0] == 200
    code, said = called(access, told.token, "POST", path, fence=told.grant["fence"], minutes=30)
    assert (code, "has moved on since: fence" in said["problem"]) == (403, True)
    assert "fence" in place.logged("grant.refused", grant=told.grant["id"])["properties"]["why"]
    # The clock goes on, and nobody has looked yet.
    place.pass_by(both=timedelta(minutes=11))
    path = f"/grants/{other.grant['id']}/renew"
    code, said = called(access, other.token, "POST", path, fence=other.grant["fence"], minutes=20)
    assert (code, "is over" in said["problem"]) == (403, True)
    assert "is over" in place.logged("grant.refused", grant=other.grant["id"])["properties"]["why"]
    place.look()
    assert [place.state(place.read_by(each.grant["id"])) for each in (told, other)] == [State.ACTIVE, State.ENDED]


@pytest.mark.parametrize("token", ["-", "mwg_nobody", "x" * 5000])
def test_a_token_of_nothing_opens_nothing(place: GrantPlace, access: Access, token: str) -> None:
    told = opened(place, access)
    assert called(access, token, "GET", f"/grants/{told.grant['id']}")[0] == 403
    assert called(access, token, "POST", "/grants", **asks().model_dump(mode="json"))[0] == 403


@pytest.mark.parametrize(
    "wrong",
    [
        {"scope": "all"},
        {"principal": "agent:x"},
        {"minutes": 0},
        {"minutes": 241},
        {"function": None},
        {"attempt": 1 << 40},
        {"app": "a" * 17},
        {"resource": "databases." + "a" * 55},
        {"change": "a\0b"},
        {"task": "t" * 88},
        {"on_behalf_of": "a" * 65},
        {"reason": "\0"},
    ],
)
def test_what_cannot_be_read_is_refused_with_the_place(
    place: GrantPlace, access: Access, wrong: dict[str, object]
) -> None:
    token = daemons.read(place.root, daemons.ACCESS).token
    code, said = called(access, token, "POST", "/grants", **{**asks().model_dump(mode="json"), **wrong})
    assert (code, next(iter(wrong)) in said["problem"]) == (422, True)
    assert called(access, token, "POST", "/grants", reason="x" * 20_000)[0] == 413


def test_what_a_lease_cannot_be_is_refused_with_what_it_can_be(place: GrantPlace, access: Access) -> None:
    told = opened(place, access, minutes=10)
    path, fence = f"/grants/{told.grant['id']}", told.grant["fence"]
    code, said = called(access, told.token, "POST", f"{path}/renew", fence=fence, minutes=241)
    assert (code, said["problem"]) == (422, "minutes: Input should be less than or equal to 240, not 241")
    assert called(access, told.token, "POST", f"{path}/renew", fence=fence, minutes=10**15)[0] == 422
    assert called(access, told.token, "POST", f"{path}/renew", fence=fence, minutes=240)[0] == 200
    assert called(access, told.token, "POST", f"{path}/end", why="a\0b")[0] == 422
    assert called(access, told.token, "POST", f"{path}/end", why="a" * 500)[0] == 200


def test_what_stands_in_no_row_is_asked_of_none(place: GrantPlace, access: Access) -> None:
    token = daemons.read(place.root, daemons.ACCESS).token
    for path in ("/grants/a%00b", "/tasks/tally/a%00b", f"/tasks/tally/{'a' * 129}"):
        assert called(access, token, "GET", path)[0] == 422
    assert called(access, token, "GET", "/tasks/tally/nothing") == (200, [])
    # As long as the rules for names let a task's become.
    longest = "t" * 87
    told = opened(place, access, task=longest)
    assert (told.grant["state"], told.grant["task"]) == ("active", longest)


def test_nobody_else_on_the_machine_reaches_it(place: GrantPlace, access: Access) -> None:
    door = place.root.run / "access.sock"
    assert (door.stat().st_mode & 0o777, place.root.run.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_broker_that_is_gone_is_said_to_be(place: GrantPlace, access: Access) -> None:
    (place.root.run / "access.sock").unlink()
    with pytest.raises(CloudUnavailable, match="does not answer"):
        access.ask(asks())


def test_a_body_that_does_not_come_is_not_waited_for(
    place: GrantPlace, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("access.door.BODY_SECONDS", 0.2)
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        with contextlib.chdir(place.root.run):
            client.connect(SOCKET)
        client.sendall(b"POST /grants HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")
        assert client.recv(1000).startswith(b"HTTP/1.1 408 ")
