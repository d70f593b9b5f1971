"""`millwright access connect git`: a person clones and pushes with their own git, by the real daemon and its door."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from console_runner import Runner

from factory import daemons, demo_people
from factory.errors import ExitCode
from factory.paths import FactoryRoot
from factory.settings import Settings
from pipeline.git import Repository

pytestmark = pytest.mark.e2e
TALLY = Path(__file__).parents[2] / "apps" / "tally"
BRANCH = "change/sums"
GIT = str(shutil.which("git"))
WHO = ("-c", "user.name=Somebody", "-c", "user.email=")


@pytest.fixture
def repository(root: FactoryRoot) -> Iterator[Repository]:
    """An app's, in which a change is worked on."""
    shutil.copytree(TALLY, root.apps / "tally")
    demo_people.ensure(root, Settings())
    made = Repository(root, "tally")
    made.ensure(root.apps / "tally" / "source")
    made.worktree(root.tasks / "t1" / "worktree", BRANCH, made.head())
    yield made
    daemons.stop(root, daemons.ACCESS)


def test_a_person_clones_and_pushes_to_the_branch_of_the_change_they_name(
    millwright: Runner, root: FactoryRoot, repository: Repository
) -> None:
    as_whom = ("--as", demo_people.MAINTAINER)
    clone = root.path / "clone"
    connect = ("access", "connect", "git", "tally", *as_whom)
    cloned = millwright(*connect, "--", "clone", "--quiet", "--branch", BRANCH, "millwright:tally", str(clone))
    assert cloned.code == ExitCode.OK, cloned.err
    (clone / "note.txt").write_text("by a person\n")
    for words in (("add", "note.txt"), (*WHO, "commit", "--quiet", "-m", "A note")):
        subprocess.run([GIT, "-C", str(clone), *words], check=True, timeout=60)
    push = ("--", "-C", str(clone), "push", "--quiet", "origin", BRANCH)
    # What reads, and what is for oneself only, takes nothing of it.
    assert millwright(*connect, *push).code != ExitCode.OK
    assert millwright(*connect, "--scope", "write", *push).code != ExitCode.OK
    done = millwright(*connect, "--scope", "write", "--change", "sums", *push)
    assert done.code == ExitCode.OK, done.err
    assert "note.txt" in repository.files(repository.head(BRANCH))
    grant = millwright("access", "list", "--all", "--json").documents[-1]
    assert (grant["resource"], grant["change"], grant["provider_ref"]) == ("repository", "sums", BRANCH)
    # The log is told of the recording's end a moment after the command.
    for _ in range(100):
        (session,) = millwright("access", "replay", grant["id"], "--json").documents
        if session["held"] != "open":
            break
        time.sleep(0.1)
    assert any(each["text"].startswith(f"push refs/heads/{BRANCH} ") for each in session["said"])
    assert session["held"] == "whole"


def test_a_change_is_named_as_changes_are(millwright: Runner, root: FactoryRoot, repository: Repository) -> None:
    asked = ("access", "request", "tally", "build", "repository", "--reason", "x", "--as", demo_people.MAINTAINER)
    refused = millwright(*asked, "--scope", "write", "--change", "../main")
    assert (refused.code, "is no id of a change" in refused.err) == (ExitCode.INVALID_INPUT, True)
    (told,) = millwright(*asked, "--scope", "write", "--change", "sums", "--json").documents
    assert told["environment"]["GIT_CONFIG_VALUE_0"] == "millwright:tally"
    assert told["provider_ref"] == BRANCH
    shown = millwright("access", "show", told["id"])
    assert "change/sums" in shown.out
    assert "git clone millwright:tally  (the password is the token)" in shown.out
