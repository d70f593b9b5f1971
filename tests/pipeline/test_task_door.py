"""The worker's door: a token opens it for one task, the key never comes through, nothing else of the API is reached."""

import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest

from access.client import Upstream
from factory.errors import AccessDenied
from factory.usage import Usage, UsageMeter
from pipeline.task_door import Step, StepAnswer, TaskDoor

KEY = "mwg_" + "k" * 43
EVENTS = [
    {"type": "message_start", "message": {"usage": {"input_tokens": 11, "cache_read_input_tokens": 5}}},
    {"type": "content_block_delta", "delta": {"type": "text_delta", "text": '"usage": {"input_tokens": 9999}'}},
    {"type": "message_delta", "usage": {"output_tokens": 7}},
]
STREAM = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in EVENTS).encode()


@dataclass
class Standin:
    """What the API's stand-in was asked, and what it answers."""

    status: int = 200
    body: bytes = STREAM
    cut: bool = False
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)


@dataclass
class Opened:
    door: TaskDoor
    upstream: Standin
    steps: list[tuple[str, Step]]
    usages: list[tuple[str, Usage]]

    def post(self, path: str, token: str | None, content: bytes, **headers: str) -> httpx2.Response:
        named = {"x-api-key": token} if token else {}
        with httpx2.Client(trust_env=False) as client:
            return client.post(self.door.url + path, content=content, headers=named | headers)

    def ask(self, token: str | None, task: str = "one", **headers: str) -> httpx2.Response:
        return self.post("/model/v1/messages", token, json.dumps({"metadata": {"user_id": task}}).encode(), **headers)

    def hand_in(self, token: str | None, task: str = "one") -> httpx2.Response:
        step = {"task": task, "step": 1, "tools": ["edit"], "summary": "s"}
        return self.post("/steps", token, json.dumps(step).encode())


@pytest.fixture
def opened() -> Iterator[Opened]:
    upstream = Standin()

    class Api(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            upstream.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(upstream.status)
            self.send_header("content-type", "text/event-stream")
            self.send_header("set-cookie", "session=1")
            self.send_header("content-length", str(len(upstream.body) + (1000 if upstream.cut else 0)))
            self.end_headers()
            self.wfile.write(upstream.body)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    api = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    thread = threading.Thread(target=api.serve_forever, daemon=True)
    thread.start()
    steps: list[tuple[str, Step]] = []
    usages: list[tuple[str, Usage]] = []

    def on_step(task: str, step: Step) -> StepAnswer:
        steps.append((task, step))
        return StepAnswer(commit="c0ffee")

    there = Upstream(f"http://127.0.0.1:{api.server_port}", KEY)
    door = TaskDoor(lambda task, failed: there, on_step, lambda task, usage: usages.append((task, usage)))
    door.start()
    yield Opened(door, upstream, steps, usages)
    door.stop()
    api.shutdown()
    api.server_close()
    thread.join()


def test_the_key_goes_up_and_the_token_does_not(opened: Opened) -> None:
    token = opened.door.issue("one")
    answer = opened.ask(token, authorization="Bearer other", cookie="a=b", **{"anthropic-version": "2023-06-01"})
    assert (answer.status_code, answer.content) == (200, STREAM)
    ((path, headers, body),) = opened.upstream.asked
    assert path == "/v1/messages"
    assert headers["x-api-key"] == KEY
    assert headers["anthropic-version"] == "2023-06-01"
    assert token not in str(headers) + str(body)
    assert "authorization" not in headers
    assert "cookie" not in headers


def test_nothing_that_comes_back_or_is_logged_holds_the_key(opened: Opened, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = opened.door.issue("one")
    answers = [opened.ask(token), opened.ask("wrong")]
    opened.upstream.status = 401
    answers += [opened.ask(token)]
    assert [answer.status_code for answer in answers] == [200, 401, 401]
    assert len(opened.upstream.asked) == 2
    for answer in answers:
        assert KEY not in str(answer.headers) + answer.text
        assert "set-cookie" not in answer.headers
    assert KEY not in caplog.text
    assert token not in caplog.text


def test_what_an_answer_used_is_counted_from_its_own_events(opened: Opened) -> None:
    opened.ask(opened.door.issue("one"))
    assert opened.usages == [("one", Usage(input=11, output=7, cache_read=5))]


def test_an_upstream_that_breaks_is_not_taken_for_one_that_ended(opened: Opened) -> None:
    opened.upstream.cut = True
    token = opened.door.issue("one")
    with pytest.raises(httpx2.RemoteProtocolError):
        opened.ask(token)
    assert opened.usages == [("one", Usage(input=11, output=7, cache_read=5))]


def test_an_upstream_that_is_gone_is_said_so(opened: Opened) -> None:
    failed: list[str] = []
    gone = Upstream("http://127.0.0.1:9", None)
    opened.door._model_of = lambda task, address: failed.append(address) or gone
    answer = opened.ask(opened.door.issue("one"))
    assert answer.status_code == 502
    assert answer.json()["error"]["type"] == "api_error"
    assert "cannot be reached" in answer.text
    # It was asked again where to go, once.
    assert failed == ["", "http://127.0.0.1:9"]


def test_an_upstream_that_has_moved_is_asked_where_it_is_now(opened: Opened) -> None:
    there = opened.door._model_of("one", "")
    opened.door._model_of = lambda task, failed: there if failed else Upstream("http://127.0.0.1:9", None)
    assert opened.ask(opened.door.issue("one")).content == STREAM


def test_a_task_whose_grant_is_over_asks_no_model(opened: Opened) -> None:
    def over(task: str, failed: str) -> Upstream:
        raise AccessDenied("the grant of model is over: revoked")

    opened.door._model_of = over
    answer = opened.ask(opened.door.issue("one"))
    assert (answer.status_code, answer.json()["error"]["type"]) == (403, "permission_error")
    assert "revoked" in answer.text
    assert opened.upstream.asked == []


def test_a_token_opens_for_its_own_task_alone_and_until_it_is_revoked(opened: Opened) -> None:
    one, two = opened.door.issue("one"), opened.door.issue("two")
    assert opened.hand_in(one).json() == {"commit": "c0ffee"}
    assert opened.hand_in(two, "one").status_code == 403
    assert opened.ask(two, "one").status_code == 403
    assert opened.hand_in(None).status_code == 401
    assert opened.hand_in("x" * len(one)).status_code == 401
    opened.door.revoke("one")
    assert opened.hand_in(one).status_code == 401
    assert opened.ask(one).status_code == 401
    assert opened.hand_in(two, "two").status_code == 200
    assert [task for task, _ in opened.steps] == ["one", "two"]
    assert opened.upstream.asked == []


def test_a_new_token_ends_the_one_before(opened: Opened) -> None:
    first = opened.door.issue("one")
    second = opened.door.issue("one")
    assert opened.hand_in(first).status_code == 401
    assert opened.hand_in(second).status_code == 200


def test_the_door_s_own_refusals_are_marked_and_the_api_s_are_not(opened: Opened) -> None:
    assert opened.ask("wrong").headers["x-millwright-door"] == "refused"
    opened.upstream.status = 401
    assert "x-millwright-door" not in opened.ask(opened.door.issue("one")).headers


@pytest.mark.parametrize(
    "path",
    [
        "/model/v1/models",
        "/model/v1/messages/batches",
        "/model/v1/messages/count_tokens",
        "/model/v1/files",
        "/model/v1/messages/",
        "/model/../v1/messages",
        "/model/v1/messages%3fbeta",
        "/v1/messages",
        "/",
    ],
)
def test_no_other_path_is_passed_on(path: str, opened: Opened) -> None:
    token = opened.door.issue("one")
    answer = opened.post(path, token, b'{"metadata": {"user_id": "one"}}')
    assert answer.status_code == 404, answer
    assert opened.upstream.asked == []


def test_parameters_and_other_methods_are_not_passed_on(opened: Opened) -> None:
    token = opened.door.issue("one")
    assert opened.post("/model/v1/messages?beta=true", token, b'{"metadata": {"user_id": "one"}}').status_code == 400
    with httpx2.Client(trust_env=False) as client:
        assert client.get(f"{opened.door.url}/model/v1/messages", headers={"x-api-key": token}).status_code >= 400
    assert opened.upstream.asked == []


def test_too_much_is_refused_before_it_is_held(opened: Opened) -> None:
    token = opened.door.issue("one")
    assert opened.post("/steps", token, b" " * 64_001).status_code == 413
    assert opened.post("/model/v1/messages", token, b" " * 8_000_001).status_code == 413


@pytest.mark.parametrize(
    "step",
    [b"[]", b'{"task": "one"}', b'{"task": "one", "step": 0, "tools": [], "summary": ""}', b"{" * 5000],
)
def test_what_is_no_step_is_refused(step: bytes, opened: Opened) -> None:
    assert opened.post("/steps", opened.door.issue("one"), step).status_code == 400
    assert opened.steps == []


def test_a_refused_step_says_why(opened: Opened) -> None:
    opened.door._on_step = lambda task, step: StepAnswer(problems=("a: is a link", "b: too big"))
    answer = opened.hand_in(opened.door.issue("one"))
    assert (answer.status_code, answer.json()) == (409, {"problems": ["a: is a link", "b: too big"]})


def test_a_step_that_breaks_the_worker_s_code_is_logged_and_answered(
    opened: Opened, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(task: str, step: Step) -> StepAnswer:
        raise OSError("no repository")

    opened.door._on_step = broken
    answer = opened.hand_in(opened.door.issue("one"))
    assert (answer.status_code, answer.json()["error"]["type"]) == (500, "api_error")
    assert "no repository" in caplog.text
    assert "no repository" not in answer.text


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_usage_is_read_however_the_bytes_are_cut(size: int) -> None:
    meter = UsageMeter()
    for start in range(0, len(STREAM), size):
        meter.feed(STREAM[start : start + size])
    assert meter.usage == Usage(input=11, output=7, cache_read=5)


def test_usage_of_one_message_is_read_too() -> None:
    meter = UsageMeter()
    meter.feed(b'{"type": "message", "usage": {"input_tokens": 3,')
    meter.feed(b' "output_tokens": 4}}')
    assert meter.usage == Usage(input=3, output=4)
