"""Which apps a change in the factory's repository concerns: an app's own files its stacks, shared ones all."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from spec_strategies import GOOD, factory_in

from factory.errors import InputError
from factory.paths import FactoryRoot
from stacks.driver.changed import affected, changed_apps

APPS = ["links", "notes"]
GIT = str(shutil.which("git"))
WHO = {
    f"GIT_{role}_{what}": "" if what == "EMAIL" else "A person"
    for role in ("AUTHOR", "COMMITTER")
    for what in ("NAME", "EMAIL")
}


def git(folder: Path, *arguments: str) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **WHO}
    ran = subprocess.run([GIT, *arguments], cwd=folder, env=environment, check=True, capture_output=True, text=True)
    return ran.stdout.strip()


@pytest.fixture
def root(tmp_path: Path) -> FactoryRoot:
    """A factory with two apps in a folder of a repository."""
    folder = tmp_path / "here" / "factory"
    factory_in(folder)
    root = factory_in(folder, GOOD.replace("links", "notes"), "notes")
    git(tmp_path / "here", "init", "--quiet", "--initial-branch=main")
    git(tmp_path / "here", "add", ".")
    git(tmp_path / "here", "commit", "--quiet", "--message=first")
    return root


@pytest.mark.parametrize(
    ("paths", "concerned"),
    [
        (["apps/notes/app.yaml"], ["notes"]),
        (["apps/notes/infra.py"], ["notes"]),
        (["apps/notes/source/main.py"], ["notes"]),
        (["apps/links/app.yaml", "apps/notes/app.yaml"], APPS),
        (["apps/gone/app.yaml"], []),
        (["apps/notes/changes/x.md", "apps/notes/acceptance/x.feature", "apps/notes/scripts/x.json"], []),
        (["README.md", "docs/a.html", "tests/test_a.py", ""], []),
        (["components/aws/network.py"], APPS),
        (["Pulumi.yaml"], APPS),
        (["millwright.yaml"], APPS),
        (["apps/shared.py"], APPS),
    ],
)
def test_a_file_concerns_its_app_every_app_or_none(paths: list[str], concerned: list[str]) -> None:
    assert affected(paths, APPS) == set(concerned)


def test_nothing_changed_concerns_nobody(root: FactoryRoot) -> None:
    assert changed_apps(root, "HEAD", APPS) == frozenset()


def test_what_was_committed_edited_or_added_since_counts(root: FactoryRoot) -> None:
    (root.apps / "notes" / "infra.py").write_text("def extend(factory): ...\n")
    assert changed_apps(root, "main", APPS) == {"notes"}
    git(root.path, "add", ".")
    git(root.path, "commit", "--quiet", "--message=second")
    assert changed_apps(root, "main", APPS) == frozenset()
    assert changed_apps(root, "main~1", APPS) == {"notes"}
    root.settings_file.write_text("aws: local\n# edited\n")
    assert changed_apps(root, "main", APPS) == set(APPS)


def test_what_others_did_on_the_ref_since_the_branch_left_it_does_not_count(root: FactoryRoot) -> None:
    git(root.path, "checkout", "--quiet", "-b", "mine")
    git(root.path, "checkout", "--quiet", "main")
    (root.apps / "links" / "infra.py").write_text("def extend(factory): ...\n")
    git(root.path, "add", ".")
    git(root.path, "commit", "--quiet", "--message=theirs")
    git(root.path, "checkout", "--quiet", "mine")
    assert changed_apps(root, "main", APPS) == frozenset()
    (root.apps / "notes" / "infra.py").write_text("def extend(factory): ...\n")
    assert changed_apps(root, "main", APPS) == {"notes"}


def test_a_file_that_moved_concerns_where_it_was_and_where_it_is(root: FactoryRoot) -> None:
    git(root.path, "mv", "apps/links/source/main.py", "apps/notes/source/moved.py")
    assert changed_apps(root, "HEAD", APPS) == set(APPS)


def test_files_beside_the_factory_concern_nobody(root: FactoryRoot) -> None:
    (root.path.parent / "elsewhere.py").write_text("")
    assert changed_apps(root, "HEAD", APPS) == frozenset()


@pytest.mark.parametrize("ref", ["no-such-branch", "", "--output=x", "HEAD:factory", "HEAD..HEAD"])
def test_a_ref_that_names_no_commit_is_refused(root: FactoryRoot, ref: str) -> None:
    with pytest.raises(InputError, match="names no commit") as refused:
        changed_apps(root, ref, APPS)
    assert "origin/main" in refused.value.hint


def test_a_hook_that_names_its_own_repository_changes_nothing(
    root: FactoryRoot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other.git"))
    assert changed_apps(root, "HEAD", APPS) == frozenset()


def test_without_a_repository_or_without_git_nobody_can_say(
    root: FactoryRoot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.rmtree(root.path.parent / ".git")
    with pytest.raises(InputError, match="not a git repository"):
        changed_apps(root, "HEAD", APPS)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="no `git`"):
        changed_apps(root, "HEAD", APPS)
