"""What the shim understands of a command line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.arguments import parse


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
        ("state delete urn -s a", "state", "a"),
    ],
)
def test_the_command_and_the_stack_are_found(line: str, command: str, stack: str | None) -> None:
    found = parse(line.split())
    assert (found.command, found.stack) == (command, stack)


@pytest.mark.parametrize("line", ["up -h", "up --help", "--help"])
def test_a_question_for_help_is_seen(line: str) -> None:
    assert parse(line.split()).asks_help
    assert not parse(["up"]).asks_help


def test_the_folder_is_found() -> None:
    assert parse(["-C", "else", "up"]).folder == "else"
    assert parse(["up", "--cwd=else"]).folder == "else"


def test_every_flag_is_named() -> None:
    assert parse(["up", "-yf", "--policy-pack-config=x", "--", "--not-one"]).flags == {"y", "f", "policy-pack-config"}


@given(st.lists(st.text(max_size=12), max_size=8))
def test_no_command_line_breaks_it(words: list[str]) -> None:
    parse(words)
