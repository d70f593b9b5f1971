"""The model by a grant: its token opens the relay for one task until it ends; the key stays; each call is recorded."""

import hashlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from grant_waits import wait_for
from model_place import FIRST, KEY, LAST, ModelPlace, model_place

from access.grants import Given, State
from access.recordings import Held, recorded
from factory import db
from factory.spec import Function


@pytest.fixture
def here(tmp_path: Path) -> Iterator[ModelPlace]:
    with model_place(tmp_path) as found:
        yield found


def refusals(here: ModelPlace, given: Given) -> list[str]:
    return [str(each.properties["why"]) for each in here.events(given) if each.kind == "grant.refused"]


def test_the_key_goes_up_and_the_token_does_not(here: ModelPlace) -> None:
    given = here.given()
    answer = here.ask(given)
    assert (answer.status_code, answer.content) == (200, FIRST + LAST)
    ((headers, body),) = here.api.asked
    assert (headers["x-api-key"], headers["anthropic-version"]) == (KEY, "2023-06-01")
    assert given.token not in str(headers) + str(body)
    assert "cookie" not in headers
    assert KEY not in str(answer.headers) + answer.text
    assert "set-cookie" not in answer.headers


def test_a_call_is_recorded_before_it_is_sent_and_what_came_of_it_after_without_any_text(here: ModelPlace) -> None:
    given = here.given()
    with here.stream(given) as pieces:
        assert [each["kind"] for each in here.recorded(given)] == ["session_start", "model_call"]
        here.api.held.set()
        assert list(pieces) == [LAST]
    here.ask(given)
    records = here.recorded(given)
    assert [each["kind"] for each in records] == [
        "session_start",
        "model_call",
        "model_answer",
        "model_call",
        "model_answer",
    ]
    call, answer = records[1], records[2]
    sent, came = here.body(), FIRST + LAST
    assert (call["model"], call["bytes"], call["sha256"]) == ("claude-x", len(sent), hashlib.sha256(sent).hexdigest())
    assert (answer["of"], answer["status"], answer["broken"]) == (call["n"], 200, "")
    assert (answer["bytes"], answer["sha256"]) == (len(came), hashlib.sha256(came).hexdigest())
    assert (answer["usage"]["input"], answer["usage"]["output"]) == (11, 7)
    assert "hello" not in str(records)
    assert given.token not in str(records)


def test_what_cannot_be_recorded_is_not_sent(here: ModelPlace) -> None:
    given = here.given()
    folder = here.place.root.recordings / "tally"
    folder.mkdir(parents=True)
    (folder / given.grant.id).write_text("in the way")
    answer = here.ask(given)
    assert (answer.status_code, here.api.asked) == (503, [])
    assert "cannot be recorded" in answer.text
    (folder / given.grant.id).unlink()
    assert here.ask(given).status_code == 200


def test_the_replay_tells_the_calls_and_the_log_holds_the_recording_to_it(here: ModelPlace) -> None:
    given = here.given()
    here.ask(given)
    here.place.desk.end(given.grant, "done", actor="a test")
    here.look()
    wait_for(lambda: any(each.kind == "session.ended" for each in here.events(given)))
    with db.transaction(here.place.database) as connection:
        (session,) = recorded(here.place.root, connection, here.place.read(given.grant))
    assert (session.held, session.ended, session.client) == (Held.WHOLE, "done", "the worker")
    (said,) = session.said
    assert (said.text, said.tags, said.sqlstate) == (
        f"model claude-x: {len(here.body())} bytes",
        ["11 tokens in, 7 out"],
        "",
    )


def test_an_answer_under_way_is_cut_off_when_its_grant_ends(here: ModelPlace) -> None:
    given = here.given()
    with here.stream(given) as pieces:
        here.place.desk.end(given.grant, "somebody said so", actor="a test")
        here.look()
        with pytest.raises(httpx2.HTTPError):
            list(pieces)
    assert here.place.state(given.grant) is State.ENDED
    answer, end = here.recorded(given)[-2:]
    assert (answer["kind"], answer["broken"], answer["usage"]["input"]) == ("model_answer", "somebody said so", 11)
    assert (end["kind"], end["detail"]) == ("session_end", "somebody said so")


def test_a_token_whose_grant_is_over_asks_nothing_any_more_and_that_is_told(here: ModelPlace) -> None:
    given, other = here.given(), here.given(task="tally.sums.coder.2", principal="agent:tally/coder/tally.sums.coder.2")
    assert here.ask(given).status_code == 200
    here.place.desk.end(given.grant, "its task has ended", actor="a test")
    here.look()
    again = here.ask(given)
    assert (again.status_code, again.json()["error"]["type"]) == (401, "authentication_error")
    assert len(here.api.asked) == 1
    assert refusals(here, given) == ["a call of the model by a token that opens nothing (any more)"]
    # Beside it, whoever still holds one.
    assert here.ask(other, task="tally.sums.coder.2").status_code == 200


def test_a_token_asks_for_its_own_task_alone_and_the_attempt_is_told(here: ModelPlace) -> None:
    given, other = here.given(), here.given(task="tally.sums.coder.2", principal="agent:tally/coder/tally.sums.coder.2")
    refused = here.ask(given, task="tally.sums.coder.2")
    assert (refused.status_code, refused.json()["error"]["type"]) == (403, "permission_error")
    assert here.api.asked == []
    assert refusals(here, given) == ["a call of the model for another task"]
    assert refusals(here, other) == []
    assert here.ask(given).status_code == 200


@pytest.mark.parametrize("token", ["", "mwg_nobody", KEY, "x" * 5000])
def test_what_is_no_token_of_a_grant_opens_nothing(here: ModelPlace, token: str) -> None:
    given = here.given()
    assert here.ask(given, token=token).status_code == 401
    assert here.api.asked == []


@pytest.mark.parametrize(
    ("path", "status"),
    [("/v1/messages?beta=true", 400), ("/v1/messages/batches", 404), ("/v1/models", 404), ("/v1/messages/", 404)],
)
def test_nothing_but_messages_is_passed_on(here: ModelPlace, path: str, status: int) -> None:
    given = here.given()
    with httpx2.Client(trust_env=False) as client:
        answer = client.post(given.grant.door + path, content=here.body(), headers=here.told(given))
    assert (answer.status_code, here.api.asked) == (status, [])


def test_without_a_key_nobody_is_let_in_and_it_is_said(tmp_path: Path) -> None:
    with model_place(tmp_path, key=None) as here:
        given = here.given()
        assert given.grant.state is not State.ACTIVE
        assert "needs a key" in here.place.read(given.grant).ended_reason


def test_after_a_restart_the_same_token_finds_it_at_another_door(here: ModelPlace) -> None:
    given = here.given()
    assert here.ask(given).status_code == 200
    here.provider.close()
    here.provider._relay = None
    here.look()
    moved = Given(here.place.read(given.grant), given.token)
    assert moved.grant.state is State.ACTIVE
    assert moved.grant.door != given.grant.door
    assert here.ask(moved).status_code == 200


def test_a_planner_asks_it_too_and_no_app_yaml_says_so(here: ModelPlace) -> None:
    reviewer = {"function": Function.CODE_REVIEWER, "principal": "agent:tally/code-reviewer/tally.sums.code-reviewer.1"}
    given = here.given(task="tally.sums.code-reviewer.1", **reviewer)
    assert given.grant.state is State.ACTIVE


def test_a_call_whose_body_came_whole_only_after_the_end_is_not_made(here: ModelPlace) -> None:
    given, body, relay = here.given(), here.body(), here.provider._relay
    assert relay is not None
    place = urlsplit(given.grant.door)
    head = [f"{name}: {said}" for name, said in {**here.told(given), "host": place.netloc}.items()]
    began = ["POST /v1/messages HTTP/1.1", *head, f"content-length: {len(body)}", "", ""]
    with socket.create_connection((place.hostname, place.port), 30) as client:
        client.sendall("\r\n".join(began).encode() + body[:5])
        (opened,) = relay._open.values()
        # It is in, and what it says is awaited.
        wait_for(lambda: opened.tasks)
        opened.ends_at = time.monotonic()
        client.sendall(body[5:])
        assert client.recv(1000).startswith(b"HTTP/1.1 401 ")
    assert (here.api.asked, here.recorded(given)) == ([], [])
    wait_for(lambda: refusals(here, given) == ["a call of the model after the grant's hard limit"])
