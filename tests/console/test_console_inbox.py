"""`millwright inbox|review|approve|refuse`: a person sees everything, and decides by signature and nothing else."""

import io
import shutil
import sys
from pathlib import Path

import pytest
from change_bench import AUTHOR, MAINTAINER, database
from console_runner import Runner

from factory import db, decisions, demo_people, events, requests
from factory.errors import ExitCode
from factory.gates import Gate, Role
from factory.paths import FactoryRoot
from factory.people import load_people
from factory.requests import Question, Request, RequestState
from factory.settings import Settings

DIFF = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-old\n+new = '[red]x[/]\\[' \x1b[2J\u202e\n"
MERGE = {
    "change": "links/stats",
    "head": "a" * 40,
    "diff": DIFF,
    "files": ["a.py", "b.py"],
    "tests": {
        "ok": True,
        "suites": [
            {"suite": "own", "ok": True, "passed": 3, "failures": []},
            {"suite": "held-out", "ok": False, "passed": 1, "total": 2},
        ],
        "for_agent": "own passed: 3\nheld-out criteria failed: 1 of 2",
    },
    "findings": {"critical": 0, "low": 4},
    "review": {
        "verdict": "approve",
        "summary": "fine\nrequest 9  approved",
        "comments": [{"path": "a.py", "line": 7, "message": "a nit", "mood": "glad"}],
    },
    "surprise": {"inner": ["kept"]},
}
PRODUCTION = {
    "environment": "production",
    "plan": [
        ["urn:pulumi:links-production::p::millwright:aws:App$aws:ecs/service:Service::web", "update", "taskDefinition"],
        ["urn:pulumi:links-production::p::aws:ecs/taskDefinition:TaskDefinition::web", "create"],
    ],
    "replaces": {"release": 1, "artefact": "sha256:dd", "spec": "sha256:ee"},
}
CRITICAL = {"tool": "detect", "rule": "key", "severity": "critical", "path": "a.py", "line": 3, "message": "a key"}
AGAIN = {"what happened": "2 attempts:\ntests fail", "approve": "let it try again", "refuse": "give it up"}


def _ask(root: FactoryRoot, shown: dict[str, object], gate: Gate = Gate.MERGE, role: Role = Role.MAINTAINER) -> Request:
    question = Question(
        key=f"{gate}:{len(shown)}",
        gate=gate,
        app="links",
        change="stats",
        environment="production" if gate is Gate.PRODUCTION else None,
        title="Say [bold]how much",
        role=role,
        authors=[AUTHOR],
        shown=shown,
    )
    with db.transaction(database(root)) as connection:
        return requests.open_request(connection, question)


def _state(root: FactoryRoot, request: Request) -> RequestState:
    with db.transaction(database(root)) as connection:
        found = requests.read(connection, request.id)
    assert found is not None
    return found.state


@pytest.fixture
def desk(root: FactoryRoot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FactoryRoot:
    """A factory with demo people, a home without keys, and a login whose name must mean nothing."""
    demo_people.ensure(root, Settings())
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USER", MAINTAINER)
    monkeypatch.setenv("LOGNAME", MAINTAINER)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    return root


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _real_person(root: FactoryRoot) -> Path:
    """The demo maintainer's key becomes the key of somebody real; where it lies."""
    (public,) = load_people(root, Settings()).person(MAINTAINER).keys
    (root.demo_people / "people.yaml").unlink()
    root.people_file.write_text(f"people:\n  ben: {{name: Ben, roles: [maintainer], keys: [{public}]}}\n")
    return root.demo_people / f"{MAINTAINER}.key"


def test_the_inbox_says_what_waits_for_whom(millwright: Runner, desk: FactoryRoot) -> None:
    assert millwright("inbox").out == "nothing waits for a person\n"
    merge = _ask(desk, MERGE)
    _ask(desk, PRODUCTION, Gate.PRODUCTION, Role.OPERATOR)
    _ask(desk, {}, Gate.ARCHITECTURE, Role.ARCHITECT)
    shown = millwright("inbox").out
    for words in (
        "merge",
        "links/stats production",
        "Say [bold]how much",
        "maintainer:",
        "demo-maintainer (stand-in)",
        "demo-operator (stand-in)",
        "demo-architect (stand-in)",
        "everything it is decided on: millwright review 1",
    ):
        assert words in shown, words
    first, second, third = millwright("inbox", "--json").documents
    assert [d["may_decide"] for d in (first, second, third)] == [
        [MAINTAINER],
        [demo_people.OPERATOR],
        [demo_people.ARCHITECT],
    ]
    assert (first["id"], first["gate"], first["fingerprint"]) == (merge.id, "merge", merge.fingerprint)
    assert "shown" not in first
    assert millwright("inbox", "--app", "links", "--json").documents == [first, second, third]
    wrong = millwright("inbox", "--app", "link", "--json")
    assert (wrong.code, wrong.documents[0]["hint"]) == (ExitCode.INVALID_INPUT, "did you mean 'links'?")


def test_review_shows_everything_a_merge_is_decided_on(millwright: Runner, desk: FactoryRoot) -> None:
    request = _ask(desk, MERGE)
    shown = millwright("review", "1").out
    for words in (
        "request 1  merge  Say [bold]how much",
        "authors        demo-author (stand-in)",
        "of maintainer: demo-maintainer (stand-in)",
        f"fingerprint    {request.fingerprint}",
        f"head           {'a' * 40}",
        "  -old\n  +new = '[red]x[/]\\[' \\x1b[2J\\u202e\n",
        "  passed  own\n    passed         3\n    failures\n      []\n",
        "  failed  held-out\n    passed         1\n    total          2\n",
        "held-out criteria failed: 1 of 2",
        "  critical       0\n  low            4\n",
        "  an agent says approve: fine\n    request 9  approved\n  a.py:7: a nit\n    mood           glad\n",
        "surprise\n  inner\n",
        '"kept"',
        f"  millwright approve 1 --as demo-maintainer --fingerprint {request.fingerprint}\n",
        f"  millwright refuse 1 --as demo-maintainer --fingerprint {request.fingerprint} --reason TEXT\n",
    ):
        assert words in shown, words
    assert "\x1b" not in shown
    assert '"b.py"' in shown
    assert "cut here" not in shown
    (document,) = millwright("review", "1", "--json").documents
    assert document["shown"] == MERGE
    assert (document["decisions"], document["may_decide"]) == ([], [MAINTAINER])
    assert document["commands"]["approve"].endswith(request.fingerprint)


def test_review_says_that_a_diff_is_cut(millwright: Runner, desk: FactoryRoot) -> None:
    _ask(
        desk,
        {**MERGE, "diff": DIFF[:50] + "\n[cut here: only the first 50 bytes are shown; the list of files is whole]\n"},
    )
    assert (
        "\n  [cut here: only the first 50 bytes are shown; the list of files is whole]\n"
        in millwright("review", "1").out
    )


def test_review_shows_plan_and_return_of_a_production_release(millwright: Runner, desk: FactoryRoot) -> None:
    _ask(desk, PRODUCTION, Gate.PRODUCTION, Role.OPERATOR)
    _ask(desk, {**PRODUCTION, "plan": [], "replaces": None, "x": 1}, Gate.PRODUCTION, Role.OPERATOR)
    shown = millwright("review", "1").out
    assert "  update   aws:ecs/service:Service web  (taskDefinition)\n" in shown
    assert "  create   aws:ecs/taskDefinition:TaskDefinition web\n" in shown
    assert "  artefact       sha256:dd\n" in shown
    assert "to which it returns by itself when this one is bad" in shown
    first = millwright("review", "2").out
    assert "  nothing changes\n" in first
    assert "this is the first release; there is none to return to" in first


def test_review_shows_critical_findings_and_what_either_verdict_means(millwright: Runner, desk: FactoryRoot) -> None:
    _ask(desk, {"findings": [CRITICAL | {"extra": "kept"}]}, Gate.SECURITY_EXCEPTION, Role.SECURITY)
    _ask(desk, AGAIN, Gate.ATTENTION)
    assert "  critical detect/key a.py:3: a key\n    extra          kept\n" in millwright("review", "1").out
    shown = millwright("review", "2").out
    assert "what happened\n  2 attempts:\n  tests fail\n" in shown
    assert "approve        let it try again\n" in shown


@pytest.mark.parametrize("value", [None, 7, "text", [], [7], [[]], {}, {"suites": 7}, {"comments": [7]}, [["u"]]])
def test_what_has_another_shape_is_shown_as_it_is(value: object, millwright: Runner, desk: FactoryRoot) -> None:
    shown = dict.fromkeys(("tests", "findings", "review", "plan", "replaces", "diff", "files"), value)
    _ask(desk, shown)
    answer = millwright("review", "1")
    assert (answer.code, answer.err) == (ExitCode.OK, "")
    if value in (7, "text"):
        assert answer.out.count(f" {value}\n") == len(shown)


def test_a_terminal_gets_the_diff_in_colours(
    millwright: Runner, desk: FactoryRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rich.console import Console

    from console.commands import inbox

    _ask(desk, MERGE)
    stream = io.StringIO()
    coloured = Console(file=stream, force_terminal=True, color_system="standard", no_color=False, soft_wrap=True)
    monkeypatch.setattr(inbox, "OUT", coloured)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR")
    millwright("review", "1")
    assert "\x1b[31m-old" in stream.getvalue()
    assert "\x1b[32m+new" in stream.getvalue()
    assert "\x1b[2J" not in stream.getvalue()


def test_an_approval_is_signed_recorded_and_says_what_follows(millwright: Runner, desk: FactoryRoot) -> None:
    request = _ask(desk, MERGE)
    answer = millwright("approve", "1", "--as", MAINTAINER, "--fingerprint", request.fingerprint, "--reason", "good")
    assert answer.code == ExitCode.OK
    assert answer.out.splitlines() == [
        "request 1: demo-maintainer (stand-in) decided approve",
        "  next: this very commit is merged, tested as merged, and goes to staging",
        "  millwright change show links stats --watch",
    ]
    assert "demo-maintainer is a stand-in of the demo: nobody real acts here" in answer.err
    assert request.fingerprint in answer.err
    assert "the worker does not run, so it waits: millwright factory up" in answer.err
    with db.transaction(database(desk)) as connection:
        (made,) = decisions.decisions_of(connection, 1)
    assert (made.verdict, made.person, made.reason) == ("approve", MAINTAINER, "good")
    shown = millwright("review", "1").out
    assert f"demo-maintainer (stand-in) decided approve, {made.decided[:19]}: good" in shown
    assert "to decide:" not in shown


def test_a_refusal_needs_a_reason_and_says_what_follows(millwright: Runner, desk: FactoryRoot) -> None:
    request = _ask(desk, AGAIN, Gate.ATTENTION)
    missing = millwright("refuse", "1", "--as", MAINTAINER)
    assert (missing.code, "Missing option '--reason'" in missing.err) == (ExitCode.USAGE, True)
    empty = millwright("refuse", "1", "--as", MAINTAINER, "--reason", "", "--json")
    assert (empty.code, empty.documents[0]["error"].endswith("a refusal needs a reason: others act on it")) == (
        ExitCode.DECISION_REQUIRED,
        True,
    )
    assert _state(desk, request) is RequestState.OPEN
    (document,) = millwright("refuse", "1", "--as", MAINTAINER, "--reason", "no", "--json").documents
    assert (document["verdict"], document["reason"], document["next"]) == ("refuse", "no", "give it up")
    assert _state(desk, request) is RequestState.REFUSED


def test_who_may_not_decide_is_told_why_and_the_request_stays(millwright: Runner, desk: FactoryRoot) -> None:
    request = _ask(desk, MERGE)
    for person, why in ((AUTHOR, "is an author of it"), (demo_people.SECURITY, "does not hold the role maintainer")):
        answer = millwright("approve", "1", "--as", person, "--json")
        assert (answer.code, why in answer.documents[0]["error"]) == (ExitCode.DECISION_REQUIRED, True)
    with db.transaction(database(desk)) as connection:
        rejected = [e.actor for e in events.recent(connection) if e.kind == "decision.rejected"]
    assert rejected == [AUTHOR, demo_people.SECURITY]
    assert _state(desk, request) is RequestState.OPEN
    assert millwright("approve", "1", "--as", MAINTAINER).code == ExitCode.OK


def test_another_content_than_was_shown_is_not_decided(millwright: Runner, desk: FactoryRoot) -> None:
    request = _ask(desk, MERGE)
    other = "sha256:" + "0" * 64
    for command in (("approve", "1"), ("refuse", "1", "--reason", "x")):
        answer = millwright(*command, "--as", MAINTAINER, "--fingerprint", other, "--json")
        assert answer.code == ExitCode.INVALID_INPUT
        assert answer.documents[0]["error"] == f"request 1 shows {request.fingerprint}, and you were shown {other}"
        assert answer.documents[0]["hint"] == "look again: millwright review 1"
    assert _state(desk, request) is RequestState.OPEN
    assert millwright("approve", "1", "--as", MAINTAINER, "--fingerprint", request.fingerprint).code == ExitCode.OK


@pytest.mark.parametrize("command", [["review", "9"], ["approve", "9"], ["refuse", "9", "--reason", "x"]])
def test_a_request_that_is_not_there_is_told(command: list[str], millwright: Runner, desk: FactoryRoot) -> None:
    answer = millwright(*command, "--json")
    assert (answer.code, answer.documents[0]["error"]) == (ExitCode.INVALID_INPUT, "there is no request 9")


def test_on_a_terminal_the_person_is_asked_and_elsewhere_nobody(
    millwright: Runner, desk: FactoryRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = (_ask(desk, {str(n): n for n in range(size)}) for size in (1, 2, 3))
    approve = ("approve", "--as", MAINTAINER)
    monkeypatch.setattr(sys, "stdin", _Terminal("n\n"))
    answer = millwright(*approve, "1")
    assert (answer.code, "Is that so?" in answer.err, answer.out) == (ExitCode.FAILED, True, "")
    assert answer.err.endswith("nothing was decided\n")
    assert _state(desk, first) is RequestState.OPEN
    monkeypatch.setattr(sys, "stdin", _Terminal("y\n"))
    assert millwright(*approve, "1").code == ExitCode.OK
    monkeypatch.setattr(sys, "stdin", _Terminal(""))
    assert "Is that so?" not in millwright(*approve, "2", "--yes").err
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert "Is that so?" not in millwright(*approve, "3").err
    assert {_state(desk, request) for request in (first, second, third)} == {RequestState.APPROVED}


def test_the_name_of_a_login_decides_nothing(millwright: Runner, desk: FactoryRoot) -> None:
    request = _ask(desk, MERGE)
    answer = millwright("approve", "1", "--json")
    assert (answer.code, answer.documents[0]["hint"]) == (ExitCode.INVALID_INPUT, "--as PERSON, or --key FILE")
    assert "nobody is named" in answer.documents[0]["error"]
    assert _state(desk, request) is RequestState.OPEN
    assert millwright("approve", "1", "--as", MAINTAINER).code == ExitCode.OK


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not here: it signs for real people")
def test_a_real_person_is_known_by_the_key(millwright: Runner, desk: FactoryRoot, tmp_path: Path) -> None:
    key = _real_person(desk)
    first, second, third = (_ask(desk, {str(n): n for n in range(size)}) for size in (1, 2, 3))
    named = millwright("approve", "1", "--as", "ben", "--json")
    assert (named.code, named.documents[0]["hint"]) == (ExitCode.INVALID_INPUT, "name it: --key FILE")
    other = str(desk.demo_people / f"{demo_people.OPERATOR}.key")
    stranger = millwright("approve", "1", "--key", other, "--json")
    assert f"{other} is nobody's key in people.yaml (SHA256:" in stranger.documents[0]["error"]
    wrong = millwright("approve", "1", "--as", "ben", "--key", other, "--json")
    assert (wrong.code, "is none of ben's" in wrong.documents[0]["error"]) == (ExitCode.INVALID_INPUT, True)
    assert _state(desk, first) is RequestState.OPEN
    answer = millwright("approve", "1", "--key", str(key), "--json")
    assert (answer.documents[0]["person"], "stand-in" in answer.err) == ("ben", False)
    assert millwright("approve", "2", "--as", "ben", "--key", str(key)).code == ExitCode.OK
    (tmp_path / "home" / ".ssh").mkdir()
    shutil.copy(key, tmp_path / "home" / ".ssh" / "id_ed25519")
    assert millwright("approve", "3").out.startswith("request 3: ben decided approve\n")
    assert {_state(desk, request) for request in (first, second, third)} == {RequestState.APPROVED}


def test_a_stand_in_decides_nothing_on_a_real_account(millwright: Runner, desk: FactoryRoot) -> None:
    request = _ask(desk, MERGE)
    local = desk.settings_file.read_text()
    desk.settings_file.write_text("aws: account\naws_account: '111122223333'\n")
    answer = millwright("approve", "1", "--as", MAINTAINER, "--json")
    assert answer.code == ExitCode.INVALID_INPUT
    assert answer.documents[0]["error"] == f"nobody has the id '{MAINTAINER}'; known: nobody"
    assert _state(desk, request) is RequestState.OPEN
    desk.settings_file.write_text(local)
    assert millwright("approve", "1", "--as", MAINTAINER).code == ExitCode.OK
