"""The twin is strict: what the API would refuse, or no script says, is refused by name; what it answers is labelled."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest

from agents.twin import Twin, load_script
from agents.twin.__main__ import check
from agents.twin.play import Answered, holds
from agents.twin.scripts import When
from factory.errors import InputError

HEAD = "apiVersion: millwright-script/v1\n"
SCRIPT = """
attempts:
  1:
    turns:
      - say: I look.
        use: [{read: {path: a.py}}]
      - choose:
          - when: {contains: [good]}
            use: [{submit: {summary: fine}}]
          - when: {contains: [bad]}
            say: Again.
            use: [{read: {path: b.py}}]
            then:
              - when: {contains: [worse]}
                use: [{submit: {summary: after all}}]
"""
TOOLS = [{"name": name, "description": "d", "input_schema": {"type": "object"}} for name in ("read", "submit")]
FIRST = {"role": "user", "content": "Begin."}
Messages = list[dict[str, Any]]


@pytest.fixture
def twin(tmp_path: Path) -> Any:
    _write(tmp_path, SCRIPT)
    served = Twin(tmp_path)
    served.start()
    yield served
    served.stop()


def _write(apps: Path, text: str, name: str = "sums.coder.yaml") -> Path:
    path = apps / "links" / "scripts" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + text)
    return path


def _client(twin: Twin, script: str = "links/sums/coder/1") -> anthropic.Anthropic:
    http = anthropic.DefaultHttpxClient(trust_env=False)
    return anthropic.Anthropic(
        api_key="none",
        base_url=twin.url,
        max_retries=0,
        default_headers={"x-millwright-script": script},
        http_client=http,
    )


def _ask(twin: Twin, messages: Messages, script: str = "links/sums/coder/1", **changed: Any) -> Any:
    body = {"model": "claude-sonnet-5-5", "max_tokens": 100, "tools": TOOLS, "messages": messages} | changed
    return _client(twin, script).messages.create(**body)


def _refused(twin: Twin, messages: Messages, script: str = "links/sums/coder/1", **changed: Any) -> str:
    with pytest.raises(anthropic.BadRequestError) as caught:
        _ask(twin, messages, script, **changed)
    body: Any = caught.value.body
    assert body["type"] == "error"
    assert body["error"]["type"] == "invalid_request_error"
    return str(body["error"]["message"])


def _go_on(messages: Messages, answer: Any, said: str, *, error: bool = False) -> Messages:
    content = [block.to_dict() for block in answer.content]
    results = [
        {"type": "tool_result", "tool_use_id": block["id"], "content": said, "is_error": error}
        for block in content
        if block["type"] == "tool_use"
    ]
    return [*messages, {"role": "assistant", "content": content}, {"role": "user", "content": results}]


def test_the_turn_follows_from_the_request_alone(twin: Twin) -> None:
    first = _ask(twin, [FIRST])
    good = _go_on([FIRST], first, "good")
    bad = _go_on([FIRST], first, "bad")
    again = _ask(twin, bad)
    assert _ask(twin, good).content[0].input == {"summary": "fine"}
    assert [block.type for block in again.content] == ["text", "tool_use"]
    assert _ask(twin, _go_on(bad, again, "worse")).content[0].input == {"summary": "after all"}
    assert _ask(twin, [FIRST]) == first


def test_a_stream_says_the_same_as_a_message(twin: Twin) -> None:
    whole = _ask(twin, [FIRST])
    body: Any = {"model": "claude-sonnet-5-5", "max_tokens": 100, "tools": TOOLS, "messages": [FIRST]}
    with _client(twin).messages.stream(**body) as stream:
        streamed = stream.get_final_message()
    assert [block.to_dict() for block in streamed.content] == [block.to_dict() for block in whole.content]
    assert (streamed.id, streamed.stop_reason, streamed.model) == (whole.id, "tool_use", "claude-sonnet-5-5")
    assert streamed.usage.output_tokens == whole.usage.output_tokens


def test_every_answer_is_labelled_as_scripted(twin: Twin) -> None:
    raw = _client(twin).messages.with_raw_response.create(
        model="claude-sonnet-5-5", max_tokens=5, tools=TOOLS, messages=[FIRST]
    )
    assert raw.headers["x-millwright-twin"] == "scripted"
    assert raw.parse().id.startswith("msg_scripted_")


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("links/other/coder/1", "other.coder.yaml: there is no such script"),
        ("links/sums/coder/2", "no attempt 2; the script has: 1"),
        ("links/sums/code-reviewer/1", "sums.code-reviewer.yaml: there is no such script"),
        ("../sums/coder/1", "needed <app>/<change>/<function>/<attempt>"),
        ("links/sums/coder", "needed <app>/<change>/<function>/<attempt>"),
    ],
)
def test_an_unknown_script_is_refused_by_name(script: str, told: str, twin: Twin) -> None:
    assert told in _refused(twin, [FIRST], script)


def test_a_later_look_at_an_attempt_plays_the_same_script(twin: Twin) -> None:
    later = _ask(twin, [FIRST], "links/sums/coder/1.3")
    assert [b.to_dict() for b in later.content if b.type == "text"] == [{"type": "text", "text": "I look."}]
    assert later.content[1].input == {"path": "a.py"}


def test_a_result_that_no_branch_expects_is_refused_with_what_was_found(twin: Twin) -> None:
    told = _refused(twin, _go_on([FIRST], _ask(twin, [FIRST]), "strange", error=True))
    assert "sums.coder.yaml: attempt 1, turn 2: no condition holds" in told
    assert "read (error): strange" in told


def test_an_exhausted_script_is_refused(twin: Twin) -> None:
    messages = _go_on([FIRST], _ask(twin, [FIRST]), "good")
    after = _go_on(messages, _ask(twin, messages), "submitted")
    assert "turn 3: the script is exhausted; found: submit: submitted" in _refused(twin, after)


def test_a_request_whose_past_is_another_is_refused(twin: Twin) -> None:
    messages = copy.deepcopy(_go_on([FIRST], _ask(twin, [FIRST]), "good"))
    messages[1]["content"][1]["input"] = {"path": "other.py"}
    assert "turn 1: the request says that" in _refused(twin, messages)


def test_a_tool_that_is_not_on_offer_is_not_called(twin: Twin) -> None:
    told = _refused(twin, [FIRST], tools=[TOOLS[1]])
    assert "turn 1: the script calls read, and the request offers: submit" in told


def _no_result(messages: Messages) -> None:
    messages[2]["content"] = "go on"


def _strange_result(messages: Messages) -> None:
    messages[2]["content"][0]["tool_use_id"] = "toolu_other"


def _two_results(messages: Messages) -> None:
    messages[2]["content"] *= 2


def _assistant_first(messages: Messages) -> None:
    del messages[0]


def _user_twice(messages: Messages) -> None:
    messages.insert(0, FIRST)


def _assistant_last(messages: Messages) -> None:
    del messages[2]


def _nothing_said(messages: Messages) -> None:
    messages[0]["content"] = ""


def _other_role(messages: Messages) -> None:
    messages[0]["role"] = "system"


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_no_result, "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after"),
        (_strange_result, "unexpected `tool_use_id` found in `tool_result` blocks: toolu_other"),
        (_two_results, "each tool_use must have a single result"),
        (_assistant_first, 'first message must use the "user" role'),
        (_user_twice, "messages.1: roles must alternate"),
        (_assistant_last, 'the last message must use the "user" role'),
        (_nothing_said, "text content blocks must be non-empty"),
        (_other_role, "messages.0.role: Input should be 'user' or 'assistant'"),
    ],
)
def test_what_the_api_would_refuse_is_refused(spoil: Callable[[Messages], None], told: str, twin: Twin) -> None:
    messages = copy.deepcopy(_go_on([FIRST], _ask(twin, [FIRST]), "good"))
    assert _ask(twin, messages).stop_reason == "tool_use"
    spoil(messages)
    assert told in _refused(twin, messages)


@pytest.mark.parametrize(
    ("without", "told"), [("max_tokens", "max_tokens: Field required"), ("model", "model: Field required")]
)
def test_a_missing_parameter_is_named(without: str, told: str, twin: Twin) -> None:
    body = {"model": "claude-sonnet-5-5", "max_tokens": 5, "messages": [FIRST], "tools": TOOLS}
    headers = {"x-millwright-script": "links/sums/coder/1"}
    with httpx2.Client(trust_env=False) as client:
        assert client.post(f"{twin.url}/v1/messages", json=body, headers=headers).status_code == 200
        del body[without]
        answer = client.post(f"{twin.url}/v1/messages", json=body, headers=headers)
        unknown = client.post(f"{twin.url}/v1/messages", json=body | {"speed": "fast"}, headers=headers)
        elsewhere = client.get(f"{twin.url}/v1/models")
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, told)
    assert "speed: Extra inputs are not permitted by the twin" in unknown.json()["error"]["message"]
    assert (elsewhere.status_code, elsewhere.json()["error"]["type"]) == (404, "not_found_error")


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ("attempts: {1: {turns: [{sey: x}]}}", "2:25", "unknown key (found 'sey')"),
        ("attempts: {1: {turns: [{use: [{read: {pth: x}}]}]}}", "2:", "ends here without a submission"),
        ("attempts: {1: {turns: [{use: [{read: {pth: x}}]}]}}", "2:", "path: Field required"),
        ("attempts: {1: {turns: [{use: [{submit: {}}]}]}}", "2:", "Field required"),
        ("attempts: {1: {turns: [{use: [{submit: {summary: x}, read: {path: x}}]}]}}", "2:", "exactly one key"),
        ("attempts: {0: {turns: [{use: [{submit: {summary: x}}]}]}}", "2:", "is no number of an attempt"),
        ("attempts: {1: {turns: [{use: [{submit: {summary: x}}], faults: [418]}]}}", "2:", "not one of the values"),
        ("attempts: {1: {turns: [{when: {matches: ['(']}, use: [{submit: {summary: x}}]}]}}", "2:", "regular expr"),
        ("attempts: {1: {turns: [{say: x, choose: [{use: [{submit: {summary: x}}]}]}]}}", "2:", "stands beside say"),
        ("attempts: {1: {turns: []}}", "2:", "at least 1 item"),
        ("attempts: {1: {turns: [{stop: refusal}]}}\nmore: 1", "3:1", "unknown key"),
    ],
)
def test_every_mistake_of_a_script_is_located(text: str, place: str, told: str, tmp_path: Path) -> None:
    path = _write(tmp_path, text)
    with pytest.raises(InputError) as caught:
        load_script(path)
    rendered = caught.value.rendered()
    assert told in rendered, rendered
    assert f"{path}:{place}" in rendered, rendered


def test_a_reviewer_has_no_tool_that_changes_anything(tmp_path: Path) -> None:
    text = "attempts: {1: {turns: [{use: [{run: {argv: [ls]}}, {submit: {verdict: approve, summary: x}}]}]}}"
    with pytest.raises(InputError, match="mistakes") as caught:
        load_script(_write(tmp_path, text, "sums.code-reviewer.yaml"))
    assert "code-reviewer has no tool run" in caught.value.rendered()
    load_script(_write(tmp_path, text.replace("run: {argv: [ls]}", "read: {path: x}"), "sums.code-reviewer.yaml"))


def test_a_script_with_mistakes_is_refused_when_it_is_played(twin: Twin, tmp_path: Path) -> None:
    _write(tmp_path, "attempts: {1: {turns: [{sey: x}]}}")
    assert "unknown key (found 'sey')" in _refused(twin, [FIRST])


def test_all_scripts_of_a_folder_are_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write(tmp_path, SCRIPT)
    assert check(tmp_path) == 0
    _write(tmp_path, "attempts: {1: {turns: [{sey: x}]}}", "other.coder.yaml")
    assert check(tmp_path) == 4
    assert "2 scripts, 1 with mistakes" in capsys.readouterr().out


RESULTS = [Answered("run", "exit code 1\n2 failed", error=True), Answered("read", "class A", error=False)]


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({}, True),
        ({"contains": ["failed", "class A"]}, True),
        ({"contains": ["failed", "passed"]}, False),
        ({"lacks": ["passed"]}, True),
        ({"lacks": ["failed"]}, False),
        ({"matches": [r"^\d+ failed$"]}, True),
        ({"matches": [r"^failed"]}, False),
        ({"is_error": True}, True),
        ({"is_error": False}, False),
        ({"tool": "read", "is_error": False}, True),
        ({"tool": "read", "contains": ["failed"]}, False),
        ({"tool": "edit"}, False),
        ({"prompt_contains": ["why"], "prompt_lacks": ["how"]}, True),
        ({"prompt_contains": ["how"]}, False),
        ({"prompt_lacks": ["why"]}, False),
    ],
)
def test_a_condition_holds_when_all_it_says_is_so(when: dict[str, Any], expected: bool) -> None:
    assert holds(When(**when), RESULTS, "why") is expected
