"""What the plain door lets happen to production: each refusal is an event, beside the command line that passes."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from production_bench import ask_to_destroy, decide, decided, refused, stand
from production_bench import place as place  # noqa: PLC0414  (the fixture)

from engine.arguments import parse
from factory import demo_people
from factory.errors import DecisionRequired, InputError
from factory.spec import Environment
from stacks import destruction, door
from stacks.places import Place


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes after the judgement needs an engine, and is tested with one."""
    for name in ("look", "state_file", "ensure_stack", "settle", "cloud_generation"):
        monkeypatch.setattr(door, name, lambda *_, **__: None)
    monkeypatch.setattr(door, "_cli", lambda: Path("pulumi"))


def ask(place: Place, command: str, *flags: str) -> None:
    door.before(place.root, place.settings, place.spec, place.environment, command, flags)


def shim_refuses(place: Place, words: Sequence[str]) -> None:
    """As the shim tells it: what it read is wrong, and these were the words."""
    problem = parse(words).problem
    assert isinstance(problem, InputError)
    door.refused(place.root, place.settings, str(problem), *words)


@pytest.mark.usefixtures("no_engine")
def test_what_was_decided_may_be_applied_again_seen_and_refreshed(place: Place) -> None:
    decided(place)
    ask(place, "up", "--yes", "--skip-preview", "--refresh=true", "--message=again", "--color=never")
    ask(place, "refresh", "--yes", "--diff")
    ask(place, "preview", "--diff", "--json", "--expect-no-changes")
    for command in ("stack output", "stack", "config get", "stack select"):
        ask(place, command)
    assert refused(place) == []


@pytest.mark.parametrize("command", ["up", "refresh", "preview", "stack new", "destroy", "state remove", "config set"])
def test_undecided_production_is_refused(place: Place, command: str) -> None:
    with pytest.raises(DecisionRequired, match="is production"):
        ask(place, command)
    (reason,) = refused(place)
    assert "decision" in reason


@pytest.mark.parametrize(
    "command",
    ["import", "state unprotect", "config set", "config remove", "stack remove", "stack import", "cancel", "logs"],
)
def test_a_decision_to_serve_is_none_to_change_it_by_hand(place: Place, command: str) -> None:
    decided(place)
    stand(place, "2026-01-01T00:00:00")
    with pytest.raises(DecisionRequired, match=f"pulumi {command} is not for it"):
        ask(place, command)
    (reason,) = refused(place)
    assert command in reason


def test_a_plain_destroy_is_refused_with_an_event_whatever_stands_or_is_decided(place: Place) -> None:
    with pytest.raises(DecisionRequired, match="not by a plain destroy"):
        ask(place, "destroy")
    stand(place, "2026-01-01T00:00:00")
    request = ask_to_destroy(place, demo_people.AUTHOR)
    decide(place, request.id)
    # The decision holds, for the driver: it is the door that is the wrong one.
    destruction.require_destroy(place)
    with pytest.raises(DecisionRequired, match="not by a plain destroy") as refusal:
        ask(place, "destroy", "--yes")
    assert "millwright destroy links production" in refusal.value.hint
    assert len(refused(place)) == 2


@pytest.mark.parametrize(
    ("command", "flag", "named"),
    [
        ("up", "--config=secret.signing-key=attacker", "--config"),
        ("preview", "--config=secret.signing-key=attacker", "--config"),
        ("up", "--ignore-protect", "--ignore-protect"),
        ("up", "--replace=**", "--replace"),
        ("up", "--target=urn", "--target"),
        ("up", "--exclude=urn", "--exclude"),
        ("up", "--plan=file", "--plan"),
        ("up", "--refresh=false", "--refresh=false"),
        ("refresh", "--clear-pending-creates", "--clear-pending-creates"),
    ],
)
def test_a_flag_that_was_never_decided_is_refused_by_name(place: Place, command: str, flag: str, named: str) -> None:
    decided(place)
    with pytest.raises(DecisionRequired, match=f"pulumi {command} on it takes no {named}: ") as refusal:
        ask(place, command, "--diff", flag)
    assert "--diff" in refusal.value.hint
    (reason,) = refused(place)
    assert named in reason
    assert "attacker" not in reason


@pytest.mark.parametrize(
    "line",
    [
        "state unprotect --all --yes -s links-production --help=false",
        "stack change-secrets-provider passphrase -slinks-production",
        "stack rename links-production -s links-staging",
        "state move --source links-production --dest organization/other/dev --yes urn",
        "config cp -s links-staging -d links-production",
        "watch --stack=organization/millwright/links-production",
        "up -y -s links-production --config-file f",
    ],
)
def test_what_the_shim_refuses_is_an_event_where_it_meant_production(place: Place, line: str) -> None:
    decided(place)
    shim_refuses(place, line.replace("links-production", "links-staging").split())
    assert refused(place) == []
    with pytest.raises(DecisionRequired, match="links-production is production"):
        shim_refuses(place, line.split())
    assert len(refused(place)) == 1


def test_a_command_that_nobody_knows_is_for_no_stack(place: Place) -> None:
    staging = place._replace(environment=Environment.STAGING)
    with pytest.raises(InputError, match="pulumi tomorrow is not for"):
        ask(staging, "tomorrow")
    ask(staging, "config set")
    with pytest.raises(DecisionRequired, match="pulumi tomorrow is not for it"):
        ask(place, "tomorrow")
