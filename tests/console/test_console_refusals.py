"""What the command line says, and how it ends, when it is asked for something it cannot do."""

import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from console_runner import Runner
from hypothesis import example, given
from hypothesis import strategies as st
from rich.text import Text
from spec_strategies import GOOD

from console.show import escaped, event_line, short_type
from factory.errors import ExitCode, MillwrightError
from factory.paths import FactoryRoot
from stacks.driver import Step
from stacks.driver.model import Diagnostic, Failed, StepDone, StepStarted, Violation, Waiting

COMMANDS = [
    "up",
    "preview",
    "destroy",
    "drift",
    "outputs",
    "rollback",
    "history",
    "app",
    "doctor",
    "engine",
    "init",
    "demo",
    "cloud",
]


def test_help_names_every_command(millwright: Runner) -> None:
    answer = millwright("--help")
    assert (answer.code, answer.err) == (ExitCode.OK, "")
    assert [command for command in COMMANDS if f" {command} " not in answer.out] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_is_for(command: str, millwright: Runner) -> None:
    answer = millwright(command, "--help")
    assert answer.code == ExitCode.OK
    assert "Usage: " in answer.out


def test_the_installed_script_shows_its_version() -> None:
    script = shutil.which("millwright", path=str(Path(sys.executable).parent))
    assert script
    ran = subprocess.run([script, "--version"], capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stdout) == (ExitCode.OK, f"millwright {version('millwright')}\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ups"], "No such command 'ups'"),
        (["up"], "Missing argument"),
        (["up", "links"], "Missing argument 'ENV'"),
        (["up", "links", "build", "--jsn"], "No such option"),
        (["up", "links", "build", "extra"], "unexpected extra argument"),
        (["app", "frobnicate"], "No such command"),
        (["up", "links", "--all"], "name no app"),
        (["up", "links", "build", "--parallel", "2"], "go with --all"),
        (["preview", "links", "build", "-e", "build"], "go with --all"),
        (["preview", "links", "build", "--markdown"], "go with --all"),
        (["preview", "links", "build", "--app", "links"], "go with --all"),
        (["preview", "--all", "--json", "--markdown"], "choose one"),
        (["preview"], "Missing argument 'APP'"),
    ],
)
def test_a_command_that_does_not_exist_is_a_usage_error(
    arguments: list[str], words: str, millwright: Runner, root: FactoryRoot
) -> None:
    answer = millwright(*arguments)
    assert (answer.code, answer.out) == (ExitCode.USAGE, "")
    assert words in answer.err


STACK_COMMANDS = ["up", "preview", "destroy", "drift", "outputs"]
WRONG = [
    (["link", "build"], ExitCode.INVALID_INPUT, "no app named 'link'", "did you mean 'links'?"),
    (["../links", "build"], ExitCode.INVALID_INPUT, "no app named '../links'", "did you mean 'links'?"),
    (["links", "stagin"], ExitCode.INVALID_INPUT, "links declares no environment 'stagin'", "did you mean 'staging'?"),
    (["links", "prod"], ExitCode.INVALID_INPUT, "links declares no environment 'prod'", "did you mean 'production'?"),
]
PRODUCTION = (
    ["links", "production"],
    ExitCode.DECISION_REQUIRED,
    "links-production is production",
    "millwright promote",
)


@pytest.mark.parametrize("command", STACK_COMMANDS)
@pytest.mark.parametrize("case", [*WRONG, PRODUCTION], ids=lambda case: " ".join(case[0]))
def test_a_wrong_name_is_refused_before_anything_slow_starts(
    command: str, case: tuple[list[str], ExitCode, str, str], millwright: Runner, root: FactoryRoot
) -> None:
    arguments, code, message, hint = case
    if command in ("outputs", "drift", "destroy") and case is PRODUCTION:
        proposed = "millwright up links production" if command == "outputs" else "millwright promote links"
        code, message, hint = ExitCode.INVALID_INPUT, "links-production does not stand", proposed
    told = millwright(command, *arguments)
    assert (told.code, told.out) == (code, "")
    assert f"error: {message}" in told.err
    assert f"hint: {hint}" in told.err
    in_json = millwright(command, *arguments, "--json")
    assert (in_json.code, in_json.err) == (code, "")
    (document,) = in_json.documents
    assert document["error"].startswith(message)
    assert document["hint"].startswith(hint)
    assert document["exit_code"] == code
    assert not (root.state / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["up", "--all", "-e", "prod"], "no environment is named 'prod'"),
        (["up", "--all", "--parallel", "0"], "0 operations at once"),
        (["preview", "--all", "--changed-since", "main"], "git cannot say what changed"),
    ],
)
def test_wrong_options_of_many_stacks_are_refused_before_anything_slow_starts(
    arguments: list[str], message: str, millwright: Runner, root: FactoryRoot
) -> None:
    told = millwright(*arguments)
    assert (told.code, told.out) == (ExitCode.INVALID_INPUT, "")
    assert f"error: {message}" in told.err
    assert not (root.state / "run").exists()


def test_production_alone_is_left_out_and_nothing_starts(millwright: Runner, root: FactoryRoot) -> None:
    (document,) = millwright("up", "--all", "-e", "production", "--json").documents
    (outcome,) = document["outcomes"]
    assert (outcome["stack"], outcome["state"]) == ("links-production", "skipped")
    assert document["exit_code"] == ExitCode.OK
    assert not (root.state / "run").exists()


@pytest.mark.parametrize("command", [["app", "list"], ["up", "links", "build"], ["cloud", "status"], ["doctor"]])
def test_outside_a_factory_commands_say_so(
    command: list[str], millwright: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (document,) = millwright(*command, "--json").documents
    assert document["error"].startswith("no factory here")
    assert "millwright init DIR" in document["hint"]


def test_a_cloud_that_does_not_run_has_an_exit_code_of_its_own(millwright: Runner, root: FactoryRoot) -> None:
    for command in ("status", "snapshot", "logs"):
        answer = millwright("cloud", command, "--json")
        assert answer.code == ExitCode.CLOUD_UNAVAILABLE
        assert answer.documents[0]["exit_code"] == ExitCode.CLOUD_UNAVAILABLE
    assert millwright("cloud", "stop", "--json").documents == [{"stopped": False}]


def test_the_local_cloud_is_not_for_a_factory_on_a_real_account(millwright: Runner, root: FactoryRoot) -> None:
    root.settings_file.write_text("aws: account\naws_account: '123456789012'\n")
    answer = millwright("cloud", "start", "--json")
    assert answer.code == ExitCode.INVALID_INPUT
    assert "real AWS account" in answer.documents[0]["error"]


def test_wrong_settings_stop_every_command_with_their_place(millwright: Runner, root: FactoryRoot) -> None:
    root.settings_file.write_text("aws: local\nawz: x\n")
    answer = millwright("app", "list")
    assert answer.code == ExitCode.INVALID_INPUT
    assert "millwright.yaml:2:1: awz: unknown key" in answer.err
    (document,) = millwright("app", "list", "--json").documents
    assert [(problem["line"], problem["field"]) for problem in document["problems"]] == [(2, "awz")]


def test_apps_are_listed_with_their_environments(millwright: Runner, root: FactoryRoot) -> None:
    expected = {"app": "links", "owner": "web-team", "environments": ["build", "staging", "production"]}
    assert millwright("app", "list", "--json").documents == [[expected]]
    assert "build, staging, production" in millwright("app", "list").out


def test_the_schema_for_editors_names_the_keys_of_the_file(millwright: Runner) -> None:
    answer = millwright("app", "schema")
    assert answer.code == ExitCode.OK
    assert '"apiVersion"' in answer.out
    assert '"additionalProperties": false' in answer.out


def _add_app(root: FactoryRoot, name: str, text: str) -> None:
    (root.apps / name).mkdir()
    (root.apps / name / "app.yaml").write_text(text)


def test_validate_accepts_what_is_right(millwright: Runner, root: FactoryRoot) -> None:
    (document,) = millwright("app", "validate", "--json").documents
    assert (document["app"], document["ok"]) == ("links", True)
    told = millwright("app", "validate", "links")
    assert (told.code, told.err) == (ExitCode.OK, "")
    assert told.out.startswith("links: ok (sha256:")


def test_validate_shows_every_mistake_of_every_file(millwright: Runner, root: FactoryRoot) -> None:
    _add_app(
        root,
        "notes",
        GOOD.replace("links", "notes").replace("10.20", "10.21").replace("8080", "80").replace("owner", "ownr"),
    )
    _add_app(root, "shop", "name: [\n")
    told = millwright("app", "validate")
    assert told.code == ExitCode.INVALID_INPUT
    assert told.out.startswith("links: ok")
    for place in (
        "notes/app.yaml:3:1: ownr: ",
        "notes/app.yaml:9:11: services.web.port: ",
        "shop/app.yaml:2:1: name: not YAML",
    ):
        assert place in told.err
    in_json = millwright("app", "validate", "--json")
    assert in_json.code == ExitCode.INVALID_INPUT
    good, *bad = in_json.documents
    assert good["ok"] is True
    assert [len(document["problems"]) for document in bad] == [3, 1]
    assert millwright("app", "validate", "links").code == ExitCode.OK
    assert millwright("app", "validate", "links", "nots").code == ExitCode.INVALID_INPUT


def test_an_interrupted_command_ends_as_shells_expect(
    millwright: Runner, root: FactoryRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_root: FactoryRoot) -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr("console.commands.app_files.app_names", interrupted)
    assert millwright("app", "list").code == ExitCode.INTERRUPTED


@example("\\\\\\")
@given(st.text(alphabet="[]/\\ab #@='\"") | st.text(st.characters(exclude_categories=["C"])))
def test_no_text_is_taken_for_markup(text: str) -> None:
    shown = Text.from_markup(f"[red]{escaped(text)}[/]!", emoji=False)
    # rich itself loses a backslash before a bracket that begins no tag.
    assert shown.plain.replace("\\", "") == f"{text}!".replace("\\", "")
    assert {str(span.style) for span in shown.spans} == {"red"}


STEP = Step(urn="u::a[b]", type="aws:ec2/vpc:Vpc", name="a[/b]", action="create", properties=("tags", "x[0]"))


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            StepDone(stack="links-build", step=STEP),
            "links-build      + ec2.Vpc                            a[/b] (tags, x[0])",
        ),
        (StepStarted(stack="links-build", step=STEP), None),
        (Waiting(stack="links-build", reason="[x]"), "links-build      waits: [x]"),
        (Diagnostic(stack="links-build", severity="error", message="[/no]", urn=""), "links-build      [/no]"),
        (
            Violation(stack="links-build", policy="p", level="mandatory", message="m", urn="u::a[b]"),
            "links-build      policy p (mandatory) a[b]: m",
        ),
        (Failed(stack="links-build", error=MillwrightError("x")), "links-build      failed"),
    ],
)
def test_an_event_is_one_line_with_its_names_as_they_are(event: StepDone, line: str | None) -> None:
    shown = event_line(event)
    assert (None if shown is None else Text.from_markup(shown).plain) == line


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        ("aws:ec2/vpc:Vpc", "ec2.Vpc"),
        ("millwright:aws:Keys", "millwright.Keys"),
        ("pulumi:pulumi:Stack", "pulumi.Stack"),
        ("pulumi:providers:aws", "pulumi.aws"),
    ],
)
def test_types_are_shown_as_people_say_them(token: str, shown: str) -> None:
    assert short_type(token) == shown
