"""`millwright rollback`: asked with a signature, followed to its end, and what is said where there is nothing to do."""

import shutil

import pytest
from change_bench import AUTHOR, EXAMPLES, database
from console_runner import Runner

from console import follow_change
from factory import artefacts, daemons, db, demo_people, releases, requests
from factory.errors import ExitCode
from factory.gates import Gate, Role
from factory.paths import FactoryRoot
from factory.releases import Proposal, Release
from factory.requests import Question
from factory.settings import Settings
from factory.spec import load_app
from pipeline import records
from pipeline.records import ChangeState

STAGING = ("rollback", "links", "staging", "--as", AUTHOR)


@pytest.fixture
def started(root: FactoryRoot, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The daemons that a command has started; none really runs here, and a follower soon gives up."""
    names: list[str] = []
    monkeypatch.setattr(daemons, "ensure", lambda _root, name: names.append(name))
    monkeypatch.setattr(follow_change, "WORKER_SECONDS", -1.0)
    demo_people.ensure(root, Settings())
    return names


def serving(root: FactoryRoot, number: int, environment: str = "staging") -> Release:
    """A release that serves there; each number is another artefact."""
    tree = root.path / "tree"
    shutil.copytree(EXAMPLES / "source", tree, dirs_exist_ok=True)
    (tree / "number.txt").write_text(str(number))
    spec = load_app(root, "links")
    with db.transaction(database(root)) as connection:
        release = releases.propose(
            connection,
            Proposal(
                key=f"{environment}:{number}",
                app="links",
                environment=environment,
                artefact=artefacts.store(root, tree),
                spec=spec.model_dump(mode="json", by_alias=True),
                spec_digest=spec.digest(),
                change=f"change-{number}",
            ),
        )
        releases.begin(connection, release.id, None)
        releases.serves(connection, release)
    return release


def ended(root: FactoryRoot, state: ChangeState) -> None:
    with db.transaction(database(root)) as connection:
        records.end_change(connection, "links/rollback-1", state, "as the test says")


def test_it_is_signed_put_on_the_line_and_followed(millwright: Runner, root: FactoryRoot, started: list[str]) -> None:
    for number in (1, 2):
        serving(root, number)
    asked = millwright(*STAGING)
    assert started == [daemons.WORKER]
    # No worker runs here, which a follower says in the end.
    assert (asked.code, "waits for the worker" in asked.err) == (ExitCode.FAILED, True)
    (record,) = millwright("change", "list", "--json").documents
    assert (record["id"], record["author"]) == ("links/rollback-1", AUTHOR)
    assert record["specification"]["rollback"]["release"] == 1
    # Said again while it is under way, it is followed again.
    millwright(*STAGING)
    assert len(millwright("change", "list", "--json").documents) == 1


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (ChangeState.RELEASED, ExitCode.OK),
        (ChangeState.ROLLED_BACK, ExitCode.FAILED),
        (ChangeState.CANCELLED, ExitCode.FAILED),
    ],
)
def test_the_exit_code_says_how_it_ended(
    millwright: Runner,
    root: FactoryRoot,
    started: list[str],
    monkeypatch: pytest.MonkeyPatch,
    state: ChangeState,
    code: ExitCode,
) -> None:
    for number in (1, 2):
        serving(root, number)
    monkeypatch.setattr(daemons, "ensure", lambda _root, _name: ended(root, state))
    answer = millwright(*STAGING, "--json")
    assert (answer.code, answer.documents[-1]["change"]["state"]) == (code, state.value)


def test_an_interrupted_follower_says_that_it_goes_on(
    millwright: Runner, root: FactoryRoot, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2):
        serving(root, number)

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("console.commands.rollback.follow_change", interrupted)
    answer = millwright(*STAGING)
    assert answer.code == ExitCode.INTERRUPTED
    assert "it goes on without you: millwright change show links rollback-1 --watch" in answer.err


def test_what_serves_already_is_nothing_to_do(millwright: Runner, root: FactoryRoot, started: list[str]) -> None:
    for number in (1, 2):
        serving(root, number)
    told = millwright(*STAGING, "--to", "2")
    assert (told.code, told.out) == (ExitCode.OK, "nothing to do: links-staging serves release 2 already\n")
    (document,) = millwright(*STAGING, "--to", "2", "--json").documents
    assert (document["state"], document["environment"]) == ("nothing to do", "staging")
    assert (millwright("change", "list", "--json").documents, started) == ([], [])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("links", "staging", "--to", "7"), "links-staging has no release 7"),
        (("links", "staging", "--to", "3"), "links-staging has no release 3"),
        (("links", "build"), "nothing was released to links-build: there is no way back"),
        (("links", "stagin"), "links declares no environment 'stagin'"),
        (("lynks", "staging"), "no app named 'lynks'"),
    ],
)
def test_what_is_not_there_is_refused_before_anything_starts(
    millwright: Runner, root: FactoryRoot, started: list[str], words: tuple[str, ...], message: str
) -> None:
    for number in (1, 2):
        serving(root, number)
    serving(root, 3, "production")
    answer = millwright("rollback", *words, "--as", AUTHOR, "--json")
    assert answer.code == ExitCode.INVALID_INPUT
    assert answer.documents[0]["error"].startswith(message)
    if "--to" in words:
        assert "--to takes one that served there before: 1 (change-1, sha256:" in answer.documents[0]["hint"]
    assert (millwright("change", "list", "--json").documents, started) == ([], [])


def test_nobody_asks_in_somebody_elses_name(millwright: Runner, root: FactoryRoot, started: list[str]) -> None:
    for number in (1, 2):
        serving(root, number)
    key = str(demo_people.key_file(root, demo_people.MAINTAINER))
    answer = millwright(*STAGING, "--key", key, "--json")
    assert answer.code == ExitCode.INVALID_INPUT
    assert f"is none of {AUTHOR}'s" in answer.documents[0]["error"]
    assert (millwright("change", "list", "--json").documents, started) == ([], [])


def test_who_decides_sees_what_is_brought_back_and_what_is_set_aside(
    millwright: Runner, root: FactoryRoot, started: list[str]
) -> None:
    shown = {
        "environment": "production",
        "restores": 4,
        "takes back": ["links/expiry"],
        "app.yaml set aside": {"digest": "sha256:1", "differs in": ["services.web.replicas"]},
        "replaces": {"release": 5, "artefact": "sha256:2", "spec": "sha256:1"},
    }
    question = Question(
        key="links/rollback-1:production:1",
        gate=Gate.PRODUCTION,
        app="links",
        environment="production",
        change="rollback-1",
        title="production back to release 4: to production",
        role=Role.OPERATOR,
        authors=[AUTHOR],
        shown=shown,
    )
    with db.transaction(database(root)) as connection:
        request = requests.open_request(connection, question)
    said = millwright("review", str(request.id)).out
    assert "release 4: it served here before" in said
    assert "services.web.replicas" in said
    assert "production follows the spec of the release, not app.yaml" in said
    refused = ("refuse", str(request.id), "--as", demo_people.OPERATOR, "--reason", "no", "--json")
    assert millwright(*refused).documents[0]["next"] == "production stays as it is"
