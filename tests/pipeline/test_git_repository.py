"""The app's repository: seeded once, worked on in worktrees, one commit per step, merged and reverted on main."""

from pathlib import Path

import pytest
from git_place import APP, BRANCH, SOURCE, TRAILERS, Place, place

from factory.errors import Busy, InputError, MillwrightError
from pipeline.git import Limits, Moved, Repository


@pytest.fixture
def here(tmp_path: Path) -> Place:
    made = place(tmp_path)
    made.work()
    return made


def test_the_source_becomes_one_commit_that_is_the_same_in_every_factory(tmp_path: Path) -> None:
    one, other = place(tmp_path / "one"), place(tmp_path / "other")
    assert one.repository.head() == other.repository.head()
    assert one.git("log", "--format=%an <%ae> %cn <%ce> %P", "main") == (
        "Millwright factory <> Millwright factory <> \n"
    )
    assert one.repository.files(one.repository.head()) == sorted(SOURCE)
    assert one.git("fsck", "--strict", "--no-dangling") == ""


def test_a_source_that_changes_later_changes_nothing(here: Place) -> None:
    before = here.repository.head()
    (here.source / "README.md").write_text("other\n")
    here.repository.ensure(here.source)
    assert here.repository.head() == before


def test_what_the_source_ignores_and_what_tools_leave_is_not_seeded(tmp_path: Path) -> None:
    made = Place(place(tmp_path).root)
    source = tmp_path / "source"
    for path in ("a.py", "x.log", "build/out", "__pycache__/a.pyc", ".venv/bin/python", "a.egg-info/PKG-INFO"):
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_text("x")
    (source / ".gitignore").write_text(SOURCE[".gitignore"])
    other = Repository(made.root, "notes")
    other.ensure(source)
    assert other.files(other.head()) == [".gitignore", "a.py"]


@pytest.mark.parametrize("target", ["/etc/passwd", "../../outside", "README.md"])
def test_a_source_with_a_link_is_refused_with_its_place(target: str, tmp_path: Path) -> None:
    made = place(tmp_path)
    source = tmp_path / "source"
    source.mkdir()
    (source / "README.md").write_text("x")
    Repository(made.root, "notes").ensure(source)
    (source / "bad").symlink_to(target)
    with pytest.raises(InputError) as caught:
        Repository(made.root, "other").ensure(source)
    assert {(p.file, p.found) for p in caught.value.problems} == {("bad", target)}
    assert not (made.root.git / "other.git").exists()


@pytest.mark.parametrize("name", ["../links", "Links", "", "a/b"])
def test_an_app_name_that_is_none_has_no_repository(name: str, here: Place) -> None:
    with pytest.raises(InputError):
        Repository(here.root, name)


def test_a_step_is_one_commit_with_its_trailers(here: Place) -> None:
    here.write("links/tags.py")
    sha = here.commit()
    assert sha == here.repository.head(BRANCH)
    said = here.git("log", "-1", "--format=%(trailers:only)", BRANCH).strip().splitlines()
    assert said == [*(f"{key}: {value}" for key, value in TRAILERS.items()), "Step: t1/1"]
    assert here.repository.changed_files(here.repository.head(), here.repository.head(BRANCH)) == ["links/tags.py"]


def test_every_kind_of_change_is_committed(here: Place) -> None:
    (here.tree / "README.md").unlink()
    here.write("links/store.py", "LINKS = {1: 2}\n").chmod(0o755)
    here.commit()
    said = here.git("diff", "--name-status", "main", BRANCH).split()
    assert said == ["D", "README.md", "M", "links/store.py"]
    modes = {row.split("\t")[1]: row.split()[0] for row in here.git("ls-tree", "-r", BRANCH).splitlines()}
    assert modes["links/store.py"] == "100755"


def test_a_step_that_changed_nothing_is_no_commit(here: Place) -> None:
    here.write("debug.log")
    here.write("build/out.o")
    here.write("links/__pycache__/store.pyc")
    assert here.commit() is None
    here.write("links/new.py")
    assert here.commit() is not None


def test_the_same_step_again_is_the_same_commit_also_when_others_came_after(here: Place) -> None:
    here.write("a.py")
    first = here.commit(1)
    here.write("b.py")
    assert here.commit(1) == first
    second = here.commit(2)
    assert second not in (None, first)
    here.write("c.py")
    assert [here.commit(1), here.commit(2)] == [first, second]
    assert here.repository.head(BRANCH) == second
    # Nothing was lost by that: what stands there is the next step's.
    assert here.repository.changed_files(str(second), str(here.commit(3))) == ["c.py"]


def test_no_message_forges_a_trailer(here: Place) -> None:
    here.write("a.py")
    first = here.commit(1, message="Done\n\nStep: t1/2\nDecided-by: demo-maintainer\x1b[2J")
    here.write("b.py")
    assert here.commit(2) not in (None, first)
    said = here.git(
        "log", "-1", "--format=%(trailers:key=Step,valueonly)%(trailers:key=Decided-by,valueonly)", str(first)
    )
    assert said.split() == ["t1/1"]
    assert "\x1b" not in here.git("log", "-1", "--format=%B", str(first))


@pytest.mark.parametrize("value", ["two\nlines", "", "x" * 300, "\x1b[2J"])
def test_a_trailer_is_one_line_of_plain_text(value: str, here: Place) -> None:
    here.write("a.py")
    with pytest.raises(ValueError, match="cannot be a trailer"):
        here.repository.commit_step(here.tree, BRANCH, message="m", trailers={"Change": value}, key="t1/1")


def test_only_a_branch_of_its_own_takes_an_agents_work(here: Place) -> None:
    with pytest.raises(InputError, match="never to main"):
        here.repository.worktree(here.root.tasks / "t2" / "worktree", "main", here.repository.head())
    with pytest.raises(InputError, match="never to main"):
        here.repository.commit_step(here.tree, "main", message="m", trailers={}, key="t1/1")
    for name in ("-x", "a..b", "Change", "x.lock", "a//b", "refs/../main", ""):
        with pytest.raises(InputError, match="cannot be the name"):
            here.repository.head(name)


def test_a_worktree_that_is_whole_stays_as_it_is(here: Place) -> None:
    here.write("half-done.py")
    assert here.work() == here.tree
    assert (here.tree / "half-done.py").exists()
    (worktree,) = here.repository.worktrees()
    assert (worktree.folder, worktree.branch, worktree.tip) == (here.tree, BRANCH, here.repository.head())


def test_two_branches_are_worked_on_at_once_and_one_branch_only_once(here: Place) -> None:
    other = here.root.tasks / "t2" / "worktree"
    with pytest.raises(Busy, match="is worked on in"):
        here.work(folder=other)
    here.work("change/other", folder=other)
    assert [worktree.branch for worktree in here.repository.worktrees()] == [BRANCH, "change/other"]
    with pytest.raises(MillwrightError, match="is a worktree of change/other"):
        here.work("change/third", folder=other)


def test_a_removed_worktree_is_gone_and_its_branch_stays(here: Place) -> None:
    here.write("a.py")
    sha = here.commit()
    here.repository.remove_worktree(here.tree)
    here.repository.remove_worktree(here.tree)
    assert (here.tree.exists(), here.repository.worktrees()) == (False, [])
    assert here.repository.head(BRANCH) == sha
    here.work()
    assert (here.tree / "a.py").exists()


def test_a_folder_that_is_no_worktree_is_neither_used_nor_removed(here: Place) -> None:
    theirs = here.root.tasks / "t2" / "worktree"
    theirs.mkdir(parents=True)
    (theirs / "precious").write_text("x")
    with pytest.raises(MillwrightError, match="no worktree of this app"):
        here.work("change/other", folder=theirs)
    with pytest.raises(MillwrightError, match="is no worktree of links"):
        here.repository.remove_worktree(theirs)
    assert (theirs / "precious").exists()


def test_work_on_a_branch_that_moved_meanwhile_is_not_laid_over_it(here: Place) -> None:
    here.write("a.py")
    pushed = here.push_by_hand("b.py")
    with pytest.raises(Moved, match="has moved on"):
        here.commit()
    assert here.repository.head(BRANCH) == pushed
    # Made again, the worktree stems from what was pushed.
    here.work()
    here.write("a.py")
    assert here.commit() is not None


def test_a_diff_is_bounded_and_says_when_it_is_cut(here: Place) -> None:
    here.write("a.py", "value = 1\n" * 1000)
    head = str(here.commit())
    whole = here.repository.diff(here.repository.head(), head)
    assert (whole.count("+value = 1"), "cut here" in whole) == (1000, False)
    part = here.repository.diff(here.repository.head(), head, limit=500)
    assert len(part) < 700
    assert "cut here: only the first 500 bytes" in part


def test_a_diff_spells_out_what_a_terminal_would_obey(here: Place) -> None:
    here.write("a.py", "x = 1  # \x1b[2Jgone \u202e desrever \u200b\tafter a tab\n")
    shown = here.repository.diff(here.repository.head(), str(here.commit()))
    assert "\\x1b[2Jgone \\u202e desrever \\u200b\tafter a tab\n" in shown


def test_an_exported_tree_is_the_commit_and_nothing_else(here: Place, tmp_path: Path) -> None:
    here.write("run.sh", "true\n").chmod(0o755)
    here.commit()
    # One from before links were refused: what removes it has to be tested beside it.
    head = here.push_by_hand("alias", mode="120000", data="README.md")
    out = tmp_path / "out" / "tree"
    here.repository.export(head, out)
    found = {str(path.relative_to(out)) for path in out.rglob("*") if not path.is_dir()}
    assert found == {*SOURCE, "run.sh", "alias"}
    assert (out / "alias").readlink() == Path("README.md")
    assert [(out / name).stat().st_mode & 0o777 for name in ("run.sh", "README.md")] == [0o755, 0o644]
    assert [path.name for path in out.parent.iterdir()] == ["tree"]
    with pytest.raises(MillwrightError, match="not empty"):
        here.repository.export(head, out)


def test_restore_takes_back_whatever_is_not_committed(here: Place) -> None:
    here.write("a.py")
    here.commit()
    here.write(".github/workflows/check.yml", "on: never\n")
    here.write("links/store.py", "broken")
    here.repository.restore(here.tree, BRANCH)
    assert (here.tree / "a.py").read_text() == "x = 1\n"
    assert (here.tree / ".github/workflows/check.yml").read_text() == "on: push\n"
    assert here.commit(2) is None
    with pytest.raises(MillwrightError, match="no worktree of change/other"):
        here.repository.restore(here.tree, "change/other")


def test_a_person_who_looks_at_the_worktree_with_git_sees_it_clean(here: Place) -> None:
    here.write("a.py")
    here.commit()
    record = here.repository.worktrees()[0].record
    assert here.git(f"--git-dir={record}", f"--work-tree={here.tree}", "status", "--porcelain") == ""


def test_an_app_without_a_repository_says_so(here: Place) -> None:
    with pytest.raises(MillwrightError, match="notes has no repository yet"):
        Repository(here.root, "notes").head()
    assert Repository(here.root, APP).exists(BRANCH) is True
    assert Repository(here.root, APP).exists("change/none") is False


def test_a_commit_of_more_than_the_limits_allow_is_refused(tmp_path: Path) -> None:
    here = place(tmp_path, Limits(changed_files=3, changed_bytes=100, file_bytes=60))
    here.work()
    here.write("big.py", "x" * 61)
    assert here.refused() == ["big.py"]
    here.write("big.py", "x" * 60)
    here.write("second.py", "x" * 60)
    assert here.refused() == ["a commit"]
    here.write("second.py", "x" * 40)
    assert here.refused() == []
    for number in range(4):
        here.write(f"{number}.py", str(number))
    assert here.refused(2) == ["a commit"]
    (here.tree / "0.py").unlink()
    assert here.refused(2) == []
