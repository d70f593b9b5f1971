"""`millwright change`: submitted by a proved author, shown with what it waits for, followed, ended."""

from pathlib import Path

import pytest
from change_bench import AUTHOR, CHANGE, MAINTAINER, SUBMIT, ask, database, decide, set_change, with_change
from console_runner import Runner
from rich.text import Text

from console.change_view import one_line, request_line, stage_line, task_line
from factory import db, demo_people, findings, releases, requests
from factory.decisions import Verdict
from factory.errors import ExitCode
from factory.findings import Finding, Severity
from factory.gates import Gate
from factory.paths import FactoryRoot
from factory.settings import Settings
from pipeline import client, records
from pipeline.records import ChangeState, Stage, TaskRecord


@pytest.fixture
def line(root: FactoryRoot) -> FactoryRoot:
    return with_change(root)


def _task(**values: object) -> TaskRecord:
    plain: dict[str, object] = {
        "id": "links.custom-codes.coder.1",
        "app": "links",
        "change": CHANGE,
        "function": "coder",
        "attempt": 1,
        "state": "submitted",
        "reason": "",
        "model": "some-model",
        "scripted": True,
        "turns": 3,
        "input_tokens": 1200,
        "output_tokens": 340,
        "dollars": 0.0,
        "started": "2026-01-01T00:00:00.000+00:00",
        "ended": None,
    }
    return TaskRecord.model_validate(plain | values)


def _plain(markup: str) -> str:
    return Text.from_markup(markup).plain


def test_a_submitted_change_is_on_the_line_with_its_proved_author(millwright: Runner, line: FactoryRoot) -> None:
    answer = millwright(*SUBMIT)
    assert (answer.code, answer.out.splitlines()[0]) == (
        ExitCode.OK,
        f"links/{CHANGE}: submitted, by demo-author (stand-in)",
    )
    assert "the worker does not run, so it waits: millwright factory up" in answer.err
    (record,) = millwright("change", "list", "--json").documents
    assert (record["id"], record["author"], record["state"]) == (f"links/{CHANGE}", AUTHOR, "submitted")


def test_a_change_that_is_submitted_twice_is_on_the_line_once(millwright: Runner, line: FactoryRoot) -> None:
    first, second = (millwright(*SUBMIT, "--json").documents for _ in range(2))
    assert first == second
    assert len(millwright("change", "list", "--json").documents) == 1


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["submit", "link", CHANGE, "--as", AUTHOR], "no app named 'link'", "did you mean 'links'?"),
        (["submit", "links", "custom-code", "--as", AUTHOR], "the change custom-code has 2 mistakes", ""),
        (["submit", "links", CHANGE, "--as", "demo-autor"], "nobody has the id 'demo-autor'", "did you mean"),
        (["show", "link", CHANGE], "no app named 'link'", "did you mean 'links'?"),
        (["show", "links", "custom-cods"], "no change 'custom-cods' of links was submitted", "did you mean"),
        (["show", "links", "custom-cods", "--watch"], "no change 'custom-cods' of links was", "did you mean"),
        (
            ["cancel", "links", "custom-cods", "--as", AUTHOR, "--reason", "x"],
            "no change 'custom-cods'",
            "did you mean",
        ),
        (["lint", "links", "custom-code"], "the change custom-code has 2 mistakes", ""),
        (["list", "--app", "lnks"], "no app named 'lnks'", "did you mean 'links'?"),
    ],
)
def test_a_wrong_name_is_told_with_the_nearest_one(
    arguments: list[str], message: str, hint: str, millwright: Runner, line: FactoryRoot
) -> None:
    millwright(*SUBMIT)
    answer = millwright("change", *arguments, "--json")
    (document,) = answer.documents
    assert answer.code == ExitCode.INVALID_INPUT
    assert document["error"].startswith(message)
    assert document["hint"].startswith(hint)


def test_nobody_submits_in_somebody_elses_name(millwright: Runner, line: FactoryRoot) -> None:
    key = str(demo_people.key_file(line, MAINTAINER))
    answer = millwright(*SUBMIT, "--key", key, "--json")
    assert answer.code == ExitCode.INVALID_INPUT
    assert f"is none of {AUTHOR}'s" in answer.documents[0]["error"]
    assert millwright("change", "list", "--json").documents == []
    own = str(demo_people.key_file(line, AUTHOR))
    assert millwright(*SUBMIT, "--key", own).code == ExitCode.OK


def test_a_real_person_signs_with_a_key_of_their_own(millwright: Runner, line: FactoryRoot) -> None:
    demo = line.demo_people / "people.yaml"
    line.people_file.write_text(demo.read_text().replace("demo-", "team-"))
    demo.unlink()
    submit = ("change", "submit", "links", CHANGE, "--as", "team-author")
    refused = millwright(*submit, "--json")
    assert (refused.code, refused.documents[0]["hint"]) == (ExitCode.INVALID_INPUT, "name it: --key FILE")
    assert millwright(*submit, "--key", str(line.demo_people / f"{AUTHOR}.key")).code == ExitCode.OK


def test_mistakes_in_the_files_stop_a_submission_with_their_places(millwright: Runner, line: FactoryRoot) -> None:
    assert millwright("change", "lint", "links", CHANGE).out == f"links/{CHANGE}: ok\n"
    file = line.apps / "links" / "changes" / f"{CHANGE}.md"
    file.write_text(file.read_text().replace("Scenario:", "Scenery:"))
    for command in (("change", "lint", "links", CHANGE), SUBMIT):
        answer = millwright(*command, "--json")
        assert answer.code == ExitCode.INVALID_INPUT
        assert {Path(p["file"]).name for p in answer.documents[0]["problems"]} == {file.name}
    assert millwright("change", "list", "--json").documents == []


def test_the_list_says_what_to_do_when_it_is_empty(millwright: Runner, line: FactoryRoot) -> None:
    assert "millwright change submit APP CHANGE --as PERSON" in millwright("change", "list").out
    millwright(*SUBMIT)
    assert CHANGE in millwright("change", "list", "--app", "links").out


def _busy_change(root: FactoryRoot) -> None:
    """A change that has seen everything."""
    set_change(root, stage=Stage.DEPLOY, state=ChangeState.WAITING, detail="a person decides", attempt=2, head="a" * 40)
    found = [
        Finding(tool="ruff", rule="S105", severity=Severity.LOW, path="b.py", line=2, message="low one"),
        Finding(tool="detect", rule="key", severity=Severity.CRITICAL, path="a.py", line=1, message="[bold]\x1b[2Jbad"),
    ]
    with db.transaction(database(root)) as connection:
        records.put_task(connection, _task())
        records.put_task(connection, _task(id="t2", scripted=False, dollars=0.1234, turns=1, reason="limit\nreached"))
        findings.record(connection, app="links", change=CHANGE, run="r", found=found)
        proposal = releases.Proposal(
            key="k",
            app="links",
            environment="staging",
            artefact="sha256:" + "b" * 64,
            spec={},
            spec_digest="s",
            change=CHANGE,
        )
        releases.propose(connection, proposal)
    decide(root, ask(root), Verdict.APPROVE, "fits the criteria")
    ask(root, Gate.PRODUCTION, "production:1")


def test_show_says_where_it_stands_what_it_waits_for_and_who_did_what(millwright: Runner, line: FactoryRoot) -> None:
    millwright(*SUBMIT)
    _busy_change(line)
    shown = millwright("change", "show", "links", CHANGE).out
    for words in (
        "intake ✓  generate ✓  test ✓  security ✓  review ✓  deploy …",
        "waits for: a person (maintainer) to decide on production: millwright review 2",
        "by demo-author (stand-in), ",
        "attempt 2, commit aaaaaaaaaaaa",
        "3 turns, 1200 tokens in, 340 out, some-model (scripted, no charge)",
        "1 turn, 1200 tokens in, 340 out, some-model ($0.1234): limit reached",
        "1 critical, 1 low",
        "detect/key a.py:1: [bold]\\x1b[2Jbad",
        "request 1, approved: demo-maintainer (stand-in) decided approve: fits the criteria",
        "request 2, open: a person with the role maintainer decides",
        "proposed   release 1, artefact bbbbbbbbbbbb",
        "decision.made",
    ):
        assert words in shown, words
    assert shown.index("detect/key") < shown.index("ruff/S105")
    assert "\x1b" not in shown


def test_in_json_the_whole_view_is_one_document(millwright: Runner, line: FactoryRoot) -> None:
    millwright(*SUBMIT)
    _busy_change(line)
    (document,) = millwright("change", "show", "links", CHANGE, "--json").documents
    assert document["decisions"][0]["person"] == MAINTAINER
    assert [task["scripted"] for task in document["tasks"]] == [True, False]
    assert document["waits_for"].startswith("a person (maintainer)")


def test_a_change_that_ended_says_how(millwright: Runner, line: FactoryRoot) -> None:
    millwright(*SUBMIT)
    set_change(line, state=ChangeState.FAILED, stage=Stage.TEST, detail="tests fail")
    shown = millwright("change", "show", "links", CHANGE).out
    assert "intake ✓  generate ✓  test ✗  security  review  deploy" in shown
    assert "waits for: nothing, it has ended" in shown
    assert "tests fail" in shown


def test_the_stage_line_of_a_released_change_is_all_done(line: FactoryRoot, millwright: Runner) -> None:
    millwright(*SUBMIT)
    set_change(line, state=ChangeState.RELEASED, stage=Stage.DEPLOY)
    record = client.show_change(line, Settings(), "links", CHANGE).record
    assert _plain(stage_line(record)).count("✓") == len(Stage)


def test_only_author_or_maintainer_end_a_change_and_their_reason_is_kept(millwright: Runner, line: FactoryRoot) -> None:
    millwright(*SUBMIT)
    cancel = ("change", "cancel", "links", CHANGE, "--reason", "not now", "--as")
    refused = millwright(*cancel, demo_people.OPERATOR, "--json")
    assert refused.code == ExitCode.INVALID_INPUT
    assert "neither the author" in refused.documents[0]["error"]
    assert millwright("change", "list", "--json").documents[0]["state"] == "submitted"
    assert millwright(*cancel, MAINTAINER).out.startswith(f"links/{CHANGE}: cancelling, by demo-maintainer")
    (record,) = millwright("change", "list", "--json").documents
    assert (record["state"], record["detail"]) == ("cancelling", f"cancelled by {MAINTAINER}: not now")


def test_a_cancellation_without_a_reason_is_a_usage_error(millwright: Runner, line: FactoryRoot) -> None:
    answer = millwright("change", "cancel", "links", CHANGE, "--as", AUTHOR)
    assert (answer.code, "Missing option '--reason'" in answer.err) == (ExitCode.USAGE, True)


def test_text_that_others_wrote_is_neither_markup_nor_obeyed() -> None:
    assert _plain(one_line("[red]a[/]\n\x1b[2Jb")) == "[red]a[/] \\x1b[2Jb"
    assert "[x]" in _plain(task_line(_task(reason="[x]", state="failed")))


def test_a_withdrawn_request_says_why(line: FactoryRoot) -> None:
    request = ask(line).model_copy(update={"state": requests.RequestState.WITHDRAWN, "reason": "something was pushed"})
    assert _plain(request_line(request, [])).endswith("withdrawn: something was pushed")
