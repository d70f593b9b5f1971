"""Worktrees that hostile code wrote: nothing in them is run, followed or waited for, and each can be removed."""

import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from git_place import BRANCH, GIT, Place, place

from factory.paths import FactoryRoot
from factory.trees import remove_tree


@pytest.fixture
def here(tmp_path: Path) -> Place:
    made = place(tmp_path)
    made.work()
    return made


def link_out(here: Place) -> None:
    (here.tree / "passwd").symlink_to("/etc/passwd")


def link_up(here: Place) -> None:
    (here.tree / "links" / "up").symlink_to("../../brief.json")


def link_inside(here: Place) -> None:
    (here.tree / "links" / "alias.py").symlink_to("store.py")


def folder_becomes_a_link(here: Place) -> None:
    remove_tree(here.tree / "links")
    outside = here.root.path / "outside"
    outside.mkdir()
    (outside / "store.py").write_text("stolen")
    (here.tree / "links").symlink_to(outside)


def pipe(here: Place) -> None:
    os.mkfifo(here.tree / "pipe")


def unix_socket(here: Place) -> None:
    listener = socket.socket(socket.AF_UNIX)
    # A short name from inside: the path of a socket is limited to 107 bytes.
    before = Path.cwd()
    os.chdir(here.tree)
    try:
        listener.bind("socket")
    finally:
        os.chdir(before)
        listener.close()


def nested_repository(here: Place) -> None:
    subprocess.run([GIT, "init", "-q", str(here.tree / "vendored")], check=True, timeout=30)


def submodule(here: Place) -> None:
    here.write(".gitmodules", '[submodule "x"]\n\tpath = x\n\turl = ./x\n')


def loop(here: Place) -> None:
    (here.tree / "loop").symlink_to("links/loop")
    (here.tree / "links" / "loop").symlink_to("../loop")


def disguised_repository(here: Place) -> None:
    here.write(".GIT/config", "[core]\n\tfsmonitor = evil\n")


def ci(here: Place) -> None:
    here.write(".github/workflows/check.yml", "on: never\n")


def ci_deleted(here: Place) -> None:
    (here.tree / ".github/workflows/check.yml").unlink()


def ci_renamed(here: Place) -> None:
    (here.tree / ".github").rename(here.tree / ".GITHUB")


def hooks(here: Place) -> None:
    here.write(".husky/pre-commit", "#!/bin/sh\n")


def attributes(here: Place) -> None:
    here.write(".gitattributes", "* filter=evil\n")


def newline(here: Place) -> None:
    here.write("a\nb.py")


def option(here: Place) -> None:
    here.write("--upload-pack=x")


def pathspec_magic(here: Place) -> None:
    here.write(":(exclude)x")


def no_utf8(here: Place) -> None:
    Path(os.fsdecode(os.fsencode(here.tree) + b"/\xff\xfe")).write_text("x")


def sparse(here: Place) -> None:
    with (here.tree / "huge").open("wb") as file:
        file.truncate(1 << 40)


def deep(here: Place) -> None:
    here.write("/".join(["d"] * 40) + "/x.py")


# Every key by which git would run a command.
RUNNING_KEYS = [
    "core.fsmonitor",
    "core.sshCommand",
    "core.pager",
    "core.editor",
    "diff.external",
    "gpg.program",
    "filter.evil.clean",
    "filter.evil.smudge",
    "filter.evil.process",
    "diff.evil.textconv",
    "diff.evil.command",
    "merge.evil.driver",
    "credential.helper",
    "uploadpack.packObjectsHook",
    "core.alternateRefsCommand",
    "core.gitProxy",
]
HOOKS = [
    "pre-commit",
    "post-commit",
    "post-checkout",
    "reference-transaction",
    "post-index-change",
    "fsmonitor-watchman",
]
ATTACKS = {
    link_out: ["passwd"],
    link_up: ["links/up"],
    link_inside: ["links/alias.py"],
    folder_becomes_a_link: ["links"],
    pipe: ["pipe"],
    unix_socket: ["socket"],
    nested_repository: ["vendored/.git"],
    submodule: [".gitmodules"],
    loop: ["links/loop", "loop"],
    disguised_repository: [".GIT/config"],
    ci: [".github/workflows/check.yml"],
    ci_deleted: [".github/workflows/check.yml"],
    ci_renamed: [".GITHUB/workflows/check.yml", ".github/workflows/check.yml"],
    hooks: [".husky/pre-commit"],
    attributes: [".gitattributes"],
    newline: ["a\\x0ab.py"],
    option: ["--upload-pack=x"],
    pathspec_magic: [":(exclude)x"],
    no_utf8: ["\\xff\\xfe"],
    sparse: ["a commit", "huge", "the app's tree"],
    deep: ["/".join(["d"] * 24)],
}


@pytest.mark.parametrize(("attack", "places"), ATTACKS.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_an_attack_is_refused_by_its_place_and_the_same_commit_without_it_is_made(
    attack: Callable[[Place], None], places: list[str], here: Place
) -> None:
    here.write("links/tags.py")
    attack(here)
    assert sorted(set(here.refused())) == places
    here.repository.restore(here.tree, BRANCH)
    here.write("links/tags.py")
    assert here.refused() == []
    assert here.git("diff", "--name-only", "main", BRANCH) == "links/tags.py\n"


def _armed(here: Place, repository: Path) -> Path:
    """An attacker's repository: whatever way git would run something by its configuration touches the canary."""
    here.root.path.mkdir(exist_ok=True)
    canary = here.root.path / "canary"
    script = here.root.path / "evil.sh"
    script.write_text(f"#!/bin/sh\ntouch '{canary}'\ncat\n")
    script.chmod(0o755)
    subprocess.run([GIT, "init", "-q", str(repository)], check=True, timeout=30)
    folder = repository / ".git"
    for key in RUNNING_KEYS:
        subprocess.run([GIT, "-C", str(repository), "config", key, str(script)], check=True, timeout=30)
    for alias in ("add", "commit", "ls-tree", "update-index", "write-tree", "check-ignore"):
        subprocess.run([GIT, "-C", str(repository), "config", f"alias.{alias}", f"!{script}"], check=True, timeout=30)
    (folder / "hooks").mkdir(exist_ok=True)
    for hook in HOOKS:
        (folder / "hooks" / hook).write_text(script.read_text())
        (folder / "hooks" / hook).chmod(0o755)
    return canary


def _dot_git_file(here: Place, evil: Path) -> None:
    (here.tree / ".git").write_text(f"gitdir: {evil / '.git'}\n")


def _dot_git_folder(here: Place, evil: Path) -> None:
    (here.tree / ".git").unlink()
    (evil / ".git").rename(here.tree / ".git")


def _dot_git_link(here: Place, evil: Path) -> None:
    (here.tree / ".git").unlink()
    (here.tree / ".git").symlink_to(evil / ".git")


def _dot_git_pipe(here: Place, evil: Path) -> None:
    (here.tree / ".git").unlink()
    os.mkfifo(here.tree / ".git")


def _dot_git_gone(here: Place, evil: Path) -> None:
    (here.tree / ".git").unlink()


@pytest.mark.parametrize("rewrite", [_dot_git_file, _dot_git_folder, _dot_git_link, _dot_git_pipe, _dot_git_gone])
def test_a_rewritten_link_to_the_repository_runs_nothing_and_is_mended(
    rewrite: Callable[[Place, Path], None], here: Place
) -> None:
    canary = _armed(here, evil := here.root.path / "evil")
    right = (here.tree / ".git").read_bytes()
    rewrite(here, evil)
    here.write("links/tags.py")
    head = here.commit()
    assert here.repository.head(BRANCH) == head
    assert (here.tree / ".git").read_bytes() == right
    assert not (here.tree / ".git").is_symlink()
    (here.tree / ".git").write_text(f"gitdir: {evil / '.git'}\n")
    here.work()
    assert (here.tree / ".git").read_bytes() == right
    here.repository.diff(here.repository.head(), str(head))
    here.merge(str(head))
    here.repository.remove_worktree(here.tree)
    assert not canary.exists()


def test_the_canary_would_have_sung(here: Place) -> None:
    canary = _armed(here, evil := here.root.path / "evil")
    _dot_git_file(here, evil)
    subprocess.run([GIT, "-C", str(here.tree), "status"], check=False, capture_output=True, timeout=30)
    assert canary.exists()


def test_attributes_and_configuration_in_the_repository_itself_run_nothing(tmp_path: Path) -> None:
    here = Place(FactoryRoot(tmp_path / "factory"))
    canary = _armed(here, evil := tmp_path / "evil")
    here.source.mkdir(parents=True)
    (here.source / ".gitattributes").write_text("* filter=evil diff=evil merge=evil text=auto ident\n")
    (here.source / "a.py").write_text("$Id$\r\n")
    here.repository.ensure(here.source)
    with (here.repository.folder / "config").open("a") as config:
        config.write((evil / ".git" / "config").read_text().replace("bare = false", ""))
    here.work()
    assert (here.tree / "a.py").read_bytes() == b"$Id$\r\n"
    here.write("b.py")
    head = str(here.commit())
    here.repository.diff(here.repository.head(), head)
    here.merge(head)
    here.repository.remove_worktree(here.tree)
    assert not canary.exists()
    # It is the factory's own attributes that keep those of the tree from meaning anything.
    (here.repository.folder / "info" / "attributes").unlink()
    here.work()
    assert canary.exists()


def test_the_tree_of_an_attackers_environment_is_not_the_factorys(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    canary = _armed(here, evil := here.root.path / "evil")
    for name, value in {
        "GIT_DIR": str(evil / ".git"),
        "GIT_WORK_TREE": str(evil),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.fsmonitor",
        "GIT_CONFIG_VALUE_0": str(here.root.path / "evil.sh"),
        "GIT_EXTERNAL_DIFF": str(here.root.path / "evil.sh"),
        "GIT_INDEX_FILE": str(evil / "index"),
        "GIT_AUTHOR_NAME": "somebody",
    }.items():
        monkeypatch.setenv(name, value)
    here.write("a.py")
    head = str(here.commit())
    assert "+x = 1" in here.repository.diff(here.repository.head(), head)
    for name in ("GIT_DIR", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name)
    assert here.git("log", "-1", "--format=%an", head) == "Millwright factory\n"
    assert not canary.exists()


def test_a_link_that_is_ignored_hides_no_way_out(here: Place) -> None:
    outside = here.root.path / "outside"
    outside.mkdir()
    (outside / "store.py").write_text("stolen")
    remove_tree(here.tree / "links")
    (here.tree / "links").symlink_to(outside)
    here.write(".gitignore", "links\n")
    here.commit()
    assert "stolen" not in here.git("log", "-p", BRANCH)
    here.repository.restore(here.tree, BRANCH)
    assert (outside / "store.py").read_text() == "stolen"
    assert list(outside.iterdir()) == [outside / "store.py"]
