"""The `pulumi` that a factory's environment has: real CLI, real programs, and a door that writes down its calls."""

import fcntl
import shutil
from pathlib import Path

import pytest
from engine_factory import PROGRAM, Factory

from engine.locks import lock_file
from factory.errors import ExitCode

pytestmark = pytest.mark.engine


def test_up_asks_the_door_runs_and_tells_it(factory: Factory) -> None:
    code, out, err = factory.run("up", "-y", "-f", "-s", "links-build")
    assert code == 0, out + err
    assert "the program ran" in out
    assert factory.door() == ["before up links-build --yes --skip-preview --non-interactive", "after up links-build 0"]
    assert list(factory.root.backend.rglob("links-build.json"))
    code, out, err = factory.run("preview", "--stack=links-build", "--expect-no-changes")
    assert code == 0, out + err
    assert factory.door()[2:] == ["before preview links-build --expect-no-changes --non-interactive"]


def test_it_works_from_a_folder_of_the_factory(factory: Factory) -> None:
    inside = factory.root.path / "apps"
    inside.mkdir()
    assert factory.run("preview", "-s", "links-build", cwd=inside)[0] == 0


def test_an_undeclared_stack_is_refused_before_anything_runs(factory: Factory) -> None:
    code, out, err = factory.run("up", "-y", "-s", "undeclared")
    assert code == 1
    assert "no such stack" in err
    assert "the program ran" not in out
    assert factory.door() == ["before up undeclared --yes --non-interactive"]


def test_a_failed_update_keeps_its_exit_code_and_is_told(factory: Factory) -> None:
    (factory.root.path / "__main__.py").write_text("raise ValueError('broken')\n")
    code, out, _ = factory.run("up", "-y", "-f", "-s", "links-build")
    assert code not in (0, None)
    assert "ValueError: broken" in out
    assert factory.door()[-1] == f"after up links-build {code}"


@pytest.mark.long
def test_the_door_can_have_the_state_refreshed_first(factory: Factory) -> None:
    for stack, refreshed in (("stale", True), ("links-build", False)):
        assert factory.run("up", "-y", "-f", "-s", stack)[0] == 0
        code, out, err = factory.run("up", "-y", "-f", "-s", stack)
        assert code == 0, out + err
        assert ("refreshing" in out) is refreshed
        assert '{"refresh"' not in out


@pytest.mark.long
def test_without_a_stack_the_selected_one_counts_and_none_is_refused(factory: Factory) -> None:
    code, _, err = factory.run("up", "-y")
    assert code == ExitCode.INVALID_INPUT
    assert "which stack?" in err
    assert "-s STACK" in err
    for command in ("config set a b", "state unprotect --all --yes", "stack rm --yes", "cancel --yes", "stack output"):
        assert factory.run(*command.split())[0] == ExitCode.INVALID_INPUT
    # What is refused here is told: it may have meant a stack whose refusals are recorded.
    assert {line.split()[0] for line in factory.door()} == {"refused"}
    factory.log.unlink()
    assert factory.run("stack", "init", "links-build")[0] == 0
    assert factory.door() == ["before stack new links-build --non-interactive"]
    assert factory.run("preview")[0] == 0
    assert factory.door()[1:] == ["before preview links-build --non-interactive"]
    assert factory.run("preview", "-s", "organization/tiny/links-build")[0] == 0
    assert factory.door()[2:] == ["before preview links-build --non-interactive"]


def test_a_command_waits_while_another_holds_the_stack(factory: Factory) -> None:
    held = lock_file(factory.root, "links-build")
    held.parent.mkdir(parents=True)
    with held.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        waiting = factory.start("up", "-y", "-f", "-s", "links-build")
        assert waiting.stderr
        assert "waiting for links-build" in waiting.stderr.readline()
        assert factory.door() == []
    out, err = waiting.communicate(timeout=120)
    assert waiting.returncode == 0, out + err


def test_help_asks_nobody(factory: Factory) -> None:
    code, out, _ = factory.run("up", "-s", "undeclared", "--help")
    assert code == 0
    assert "Usage:" in out
    assert factory.door() == []


def standing(factory: Factory) -> Path:
    """A stack that stands, and the file its state is in."""
    assert factory.run("up", "-y", "-f", "-s", "links-build")[0] == 0
    factory.log.unlink()
    return next(factory.root.backend.rglob("links-build.json"))


ATTACKS = {
    "state rename --yes x y -s links-build --help=false": "--help takes no value",
    "stack change-secrets-provider passphrase -s links-build": "is not a command",
    "state move --source links-build --dest organization/other/dev --yes urn": "is not a command",
    "config cp -s links-build -d links-staging": "is not a command",
    "up -y -f -s links-build --config-file f": "--config-file is not a flag",
    "up -y -f -s organization/other/links-build": "no stack of this factory's project",
}


# The table itself is tested without an engine: these two stand for all in `make test`.
@pytest.mark.parametrize("most", [2, pytest.param(len(ATTACKS), marks=pytest.mark.long)])
def test_a_command_line_that_is_not_in_the_table_changes_nothing(factory: Factory, most: int) -> None:
    state = standing(factory)
    before = state.read_bytes()
    for attack, said in list(ATTACKS.items())[:most]:
        code, out, err = factory.run(*attack.split())
        assert code == ExitCode.INVALID_INPUT, attack + out + err
        assert said in err, attack
        assert "hint:" in err, attack
        assert "the program ran" not in out, attack
        assert state.read_bytes() == before, attack
    refused = factory.door()
    assert [line.split()[0] for line in refused] == ["refused"] * most
    # Beside it: what is in the table passes, and a word after `--path` is not taken for its value.
    code, out, err = factory.run("config", "set", "--path", "-s", "links-build", "tiny:a", "b")
    assert code == 0, out + err
    assert factory.run("config", "get", "a", "-s", "links-build")[1].strip() == "b"
    assert factory.door()[len(refused) :] == ["before config set links-build --path --non-interactive"]


@pytest.mark.long
def test_another_project_in_the_factory_does_not_reach_its_stacks(factory: Factory) -> None:
    state = standing(factory)
    before = state.read_bytes()
    other = factory.root.path / "other"
    other.mkdir()
    (other / "Pulumi.yaml").write_text(
        f"name: other\nruntime: python\nbackend:\n  url: file://{factory.root.backend}\n"
    )
    (other / "__main__.py").write_text(PROGRAM)
    by_name = ["state", "unprotect", "--all", "--yes", "-s", "organization/tiny/links-build"]
    code, out, err = factory.run(*by_name, cwd=other)
    assert code == ExitCode.INVALID_INPUT, out + err
    assert "not worked on from another project's folder" in err
    code, out, err = factory.run("stack", "ls", "--all", "-C", "other")
    assert code == 0, out + err
    assert "links-build" not in out
    assert state.read_bytes() == before
    assert factory.run("stack", "init", "dev", cwd=other)[0] == 0
    code, out, err = factory.run("up", "-y", "-f", "-s", "dev", cwd=other)
    assert code == 0, out + err
    assert not list(factory.root.backend.rglob("dev.json"))


def test_outside_any_factory_it_is_the_plain_cli(factory: Factory, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "backend").mkdir(parents=True)
    (elsewhere / "Pulumi.yaml").write_text("name: other\nruntime: python\n")
    (elsewhere / "__main__.py").write_text(PROGRAM)
    factory.environment |= {
        "PULUMI_BACKEND_URL": f"file://{elsewhere}/backend",
        "PULUMI_HOME": str(elsewhere / "home"),
        "PULUMI_CONFIG_PASSPHRASE": "x",
    }
    assert factory.run("stack", "init", "dev", cwd=elsewhere)[0] == 0
    code, out, err = factory.run("up", "-y", "-f", "-s", "dev", cwd=elsewhere)
    assert code == 0, out + err
    assert factory.door() == []
    assert list((elsewhere / "backend").rglob("dev.json"))


def test_a_mistake_in_the_settings_is_one_message_and_its_exit_code(factory: Factory) -> None:
    factory.root.settings_file.write_text("awz: local\n")
    code, out, err = factory.run("preview", "-s", "links-build")
    assert code == ExitCode.INVALID_INPUT
    assert "awz" in err
    assert "Traceback" not in out + err


FORBIDDEN = """
import pulumi

class Thing(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("tiny:index:Thing", name, {})

Thing("forbidden")
"""


def test_the_policy_pack_stops_a_plain_command_and_cannot_be_switched_off(factory: Factory, tmp_path: Path) -> None:
    (factory.root.path / "__main__.py").write_text(FORBIDDEN)
    code, out, _ = factory.run("preview", "-s", "links-build")
    assert code not in (0, None)
    assert "no resource may have this name" in out
    off = tmp_path / "off.json"
    off.write_text('{"all": "disabled"}')
    code, out, err = factory.run("preview", "-s", "links-build", "--policy-pack-config", str(off))
    assert code == ExitCode.POLICY_VIOLATION
    assert "could switch the factory's own policies off" in err


def test_nothing_runs_without_the_policy_pack(factory: Factory) -> None:
    shutil.rmtree(factory.pack)
    factory.pack.with_suffix(".py").touch()
    code, out, err = factory.run("preview", "-s", "links-build")
    assert code == ExitCode.POLICY_VIOLATION
    assert "is not installed" in err
    assert "the program ran" not in out
