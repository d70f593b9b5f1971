"""What the shim understands of a command line, what it refuses, and what it runs instead of the original words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.arguments import parse
from engine.commands import COMMANDS, Effect, forbidden
from factory.errors import InputError, PolicyViolation


@pytest.mark.parametrize(
    ("line", "command", "stack"),
    [
        ("up -s links-build", "up", "links-build"),
        ("up --stack links-build", "up", "links-build"),
        ("up --stack=links-build", "up", "links-build"),
        ("up -slinks-build", "up", "links-build"),
        ("up -s=links-build", "up", "links-build"),
        ("up -yfs links-build", "up", "links-build"),
        ("-s links-build update --yes", "up", "links-build"),
        ("--color never --cwd else pre -s a", "preview", "a"),
        ("dn -s a", "destroy", "a"),
        ("up -m -s -s a", "up", "a"),
        ("up --message -s", "up", None),
        ("up -c s=1 -s a", "up", "a"),
        ("up -r -s a", "up", "a"),
        ("up -r=true -s a", "up", "a"),
        ("up -- -s a", "up", None),
        ("up -s a -s b", "up", "b"),
        ("up", "up", None),
        ("", "", None),
        ("stack init links-build", "stack new", "links-build"),
        ("stack rm links-build --yes", "stack remove", "links-build"),
        ("stack output -s a name", "stack output", "a"),
        ("stack", "stack", None),
        ("config -s a set k v", "config set", "a"),
        ("config set --path -s a k v", "config set", "a"),
        ("state delete urn -s a", "state remove", "a"),
        ("cancel a", "cancel", "a"),
        ("stack ls --all", "stack list", None),
        ("import aws:s3/bucket:Bucket b id -s a", "import", "a"),
    ],
)
def test_the_command_and_the_stack_are_found(line: str, command: str, stack: str | None) -> None:
    found = parse(line.split())
    assert (found.command, found.stack) == (command, stack)


@pytest.mark.parametrize(
    ("line", "run"),
    [
        ("up -yf -s a", "up --yes --skip-preview --stack=X"),
        ("-C else -s a update -m hi", "update --cwd=else --message=hi --stack=X"),
        ("preview -r", "preview --refresh=true --stack=X"),
        ("config set --path k -s a -- -v", "config set --path --stack=X -- k -v"),
        ("stack rm links-build", "stack rm --stack=X"),
        ("--color never about -t", "about --color=never -t"),
        ("plugin ls --json", "plugin ls --json"),
        ("--version", "--version"),
        ("", ""),
    ],
)
def test_what_is_run_is_what_was_read(line: str, run: str) -> None:
    found = parse(line.split())
    assert found.line("X" if found.spec.effect is not Effect.NO_STACK else None) == run.split()


@pytest.mark.parametrize(
    ("line", "run"),
    [
        ("up -h", "up --help"),
        ("up --help", "up --help"),
        ("--help", "--help"),
        ("state unprotect --all --yes -s links-production -h", "state unprotect --help"),
        ("stack change-secrets-provider passphrase --help", "stack --help"),
        ("up -yh -c a=b", "up --help"),
    ],
)
def test_a_question_for_help_runs_nothing_else(line: str, run: str) -> None:
    found = parse(line.split())
    assert found.asks_help
    assert found.line(found.stack) == run.split()
    assert not parse(["up"]).asks_help


@pytest.mark.parametrize("flag", ["--help=false", "--help=true", "--help=", "-h=false"])
def test_a_flag_that_only_looks_like_help_is_refused(flag: str) -> None:
    found = parse(["state", "unprotect", "--all", "--yes", "-s", "links-production", flag])
    assert not found.asks_help
    with pytest.raises(InputError, match="--help takes no value"):
        found.line(found.stack)


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("up -s a --config-file f", "--config-file"),
        ("up -s a --secrets-provider passphrase", "--secrets-provider"),
        ("up -s a --exec-kind auto", "--exec-kind"),
        ("up -s a --client x", "--client"),
        ("up -s a --remote", "--remote"),
        ("up -s a --stack-of-tomorrow", "--stack-of-tomorrow"),
        ("up -s a -Z", "-Z"),
        ("destroy -s a --remove", "--remove"),
        ("destroy -s a --preview-only", "--preview-only"),
        ("destroy --yes --override-env --stack=links-staging", "--override-env"),
        ("config set --config-file f -s a k v", "--config-file"),
        ("stack init a --copy-config-from b", "--copy-config-from"),
        ("stack select a --create", "--create"),
    ],
)
def test_a_flag_that_is_not_in_the_table_is_refused_by_name(line: str, named: str) -> None:
    found = parse(line.split())
    with pytest.raises(InputError, match=named) as refused:
        found.line(found.stack)
    assert "--stack" in refused.value.hint


@pytest.mark.parametrize(
    ("line", "name", "hint"),
    [
        ("stack change-secrets-provider passphrase -s a", "stack change-secrets-provider", "secrets rotate"),
        ("stack rename b -s a", "stack rename", "app.yaml"),
        ("stack migrate file:///x a", "stack migrate", "millwright.yaml"),
        ("stack tag set k v", "stack tag", "stack output"),
        ("config cp -s a -d b", "config copy", "config set"),
        ("config env add x", "config env", "config set"),
        ("state move --source a --dest b --yes urn", "state move", "two stacks"),
        ("state mv --source a --dest b --yes urn", "state move", "two stacks"),
        ("state upgrade --yes", "state upgrade", "every stack"),
        ("state", "state", "state repair"),
        ("watch -s a", "watch", "pulumi up"),
        ("new --force", "new", "outside the factory"),
        ("deployment run", "deployment", "up"),
        ("tomorrow", "tomorrow", "preview"),
        ("stack --show-urns rm a", "stack remove", "stack output"),
        ("config --json set k v", "config set", "config get"),
    ],
)
def test_a_command_that_is_not_in_the_table_is_refused_by_name(line: str, name: str, hint: str) -> None:
    with pytest.raises(InputError, match=f"pulumi {name} is not a command") as refused:
        _ = parse(line.split()).spec
    assert hint in refused.value.hint


@pytest.mark.parametrize("flag", ["--policy-pack=x", "--policy-pack-config=x", "--policy-pack"])
@pytest.mark.parametrize("command", ["up", "preview", "destroy"])
def test_no_other_policies_are_named(command: str, flag: str) -> None:
    with pytest.raises(PolicyViolation, match="switch the factory's own policies off"):
        _ = parse([command, "-s", "a", flag, "x"]).spec


@pytest.mark.parametrize(
    "line", ["up https://example.com/template -s a", "stack select a b", "stack select a -s b", "up -m"]
)
def test_words_that_the_table_does_not_expect_are_refused(line: str) -> None:
    with pytest.raises(InputError):
        _ = parse(line.split()).spec
    assert parse(["stack", "select", "a", "-s", "a"]).stack == "a"


LOOKING = "--diff --json --expect-no-changes --color=never --non-interactive --message=x --parallel=2 --verbose=3"


@pytest.mark.parametrize(
    ("command", "flags"),
    [
        ("up", f"--yes --skip-preview --refresh=true --suppress-outputs --suppress-permalink=false {LOOKING}"),
        ("refresh", f"--yes --skip-preview {LOOKING}"),
        ("preview", f"--refresh=true {LOOKING}"),
        ("stack output", "--json"),
        ("stack", "--show-urns"),
        ("config get", "--path"),
        ("stack select", "--cwd=x"),
    ],
)
def test_production_takes_the_flags_that_say_how_it_is_shown(command: str, flags: str) -> None:
    assert forbidden(command, flags.split()) == []


@pytest.mark.parametrize(
    ("command", "flag"),
    [
        ("up", "--config=secret.signing-key=x"),
        ("preview", "--config=secret.signing-key=x"),
        *[("up", f) for f in ("--ignore-protect", "--replace=**", "--target=x", "--target-replace=x", "--plan=f")],
        *[("up", f) for f in ("--exclude=x", "--target-dependents", "--exclude-dependents", "--refresh=false")],
        *[("up", f) for f in ("--continue-on-error", "--disable-integrity-checking", "--otel-traces=x", "--tracing=x")],
        *[("up", f) for f in ("--attach-debugger=program", "--show-secrets", "--skip-config-validation", "--anything")],
        ("preview", "--save-plan=f"),
        ("preview", "--import-file=f"),
        ("refresh", "--clear-pending-creates"),
        ("refresh", "--import-pending-creates=x"),
        ("stack output", "--show-secrets"),
    ],
)
def test_production_takes_no_flag_that_changes_what_is_done(command: str, flag: str) -> None:
    assert forbidden(command, ["--color=never", flag]) == [flag]


@pytest.mark.parametrize(
    "command",
    [name for name, c in COMMANDS.items() if c.effect is Effect.STATE] + ["destroy", "import", "watch", "unheard of"],
)
def test_commands_that_change_by_hand_are_not_for_production(command: str) -> None:
    assert forbidden(command, []) is None


def test_the_folder_is_found() -> None:
    assert parse(["-C", "else", "up"]).folder == "else"
    assert parse(["up", "--cwd=else"]).folder == "else"
    assert parse(["plugin", "ls", "-Celse"]).folder == "else"


@given(st.lists(st.text(max_size=12), max_size=8))
def test_no_command_line_breaks_it(words: list[str]) -> None:
    parse(words)


@given(
    st.sampled_from([name for name, c in COMMANDS.items() if c.effect is not Effect.NO_STACK]),
    st.lists(st.sampled_from(["-s", "-sb", "--stack", "--stack=b", "-y", "-C", "--", "--path", "-m", "c", "--help"])),
)
def test_whatever_is_run_is_read_the_same_way_again(command: str, words: list[str]) -> None:
    first = parse([*command.split(), *words])
    if first.problem is not None or first.asks_help:
        return
    line = first.line("judged")
    again = parse(line)
    assert (again.command, again.stack, again.flags) == (first.command, "judged", first.flags)
    assert again.arguments == first.arguments
    assert again.line("judged") == line
