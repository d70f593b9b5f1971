"""Merges and reverts: only what was decided reaches main, once, and whatever moved since stops it."""

from pathlib import Path

import pytest
from git_place import BRANCH, SOURCE, Place, place

from factory.errors import DecisionRequired, InputError
from pipeline.git import CommitRefused, Conflicts, Moved


@pytest.fixture
def here(tmp_path: Path) -> Place:
    made = place(tmp_path)
    made.work()
    return made


def test_a_merge_is_one_commit_of_main_with_who_decided_it(here: Place) -> None:
    here.write("a.py")
    head, base = str(here.commit()), here.repository.head()
    assert here.repository.merge_base(BRANCH) == base
    checked = here.repository.merge_check(BRANCH)
    assert checked.conflicts == ()
    assert here.repository.merged(head) is None
    merged = here.merge(head)
    assert here.repository.head() == merged == here.repository.merged(head)
    assert here.git("log", "-1", "--format=%P %T", "main").split() == [base, head, checked.tree]
    assert "Decided-by: demo-maintainer" in here.git("log", "-1", "--format=%(trailers:only)", "main")


def test_a_merge_that_is_made_again_is_the_same_merge(here: Place) -> None:
    here.write("a.py")
    head, base = str(here.commit()), here.repository.head()
    merged = here.merge(head, base)
    assert here.merge(head, base) == merged
    assert here.git("rev-list", "--count", "--merges", "main").strip() == "1"


def test_after_a_further_push_nothing_is_merged(here: Place) -> None:
    here.write("a.py")
    decided = str(here.commit(1))
    here.write("b.py")
    pushed, main = str(here.commit(2)), here.repository.head()
    with pytest.raises(Moved, match=f"{BRANCH} has moved on") as caught:
        here.merge(decided)
    assert isinstance(caught.value, DecisionRequired)
    assert here.repository.head() == main
    assert here.merge(pushed) == here.repository.head()


def test_when_main_has_moved_nothing_is_merged_until_it_is_looked_at_again(here: Place) -> None:
    here.write("a.py")
    head, before = str(here.commit()), here.repository.head()
    moved = here.push_by_hand("b.py", "main")
    with pytest.raises(Moved, match="main has moved on"):
        here.merge(head, before)
    assert here.repository.head() == moved
    here.merge(head, moved)


def test_a_branch_that_holds_nothing_new_is_not_merged(here: Place) -> None:
    with pytest.raises(InputError, match="nothing that main does not hold"):
        here.merge(here.repository.head(BRANCH))


def test_conflicts_are_named_and_stop_the_merge(here: Place) -> None:
    other = here.root.tasks / "t2" / "worktree"
    here.work("change/other", folder=other)
    here.write("links/store.py", "LINKS = {'a': 1}\n")
    here.merge(str(here.commit()))
    (other / "links/store.py").write_text("LINKS = {'b': 2}\n")
    head = str(here.repository.commit_step(other, "change/other", message="m", trailers={}, key="t2/1"))
    assert here.repository.merge_check("change/other").conflicts == ("links/store.py",)
    main = here.repository.head()
    with pytest.raises(Conflicts) as caught:
        here.repository.merge("change/other", expected_head=head, expected_base=main, message="m", trailers={})
    assert [problem.file for problem in caught.value.problems] == ["links/store.py"]
    assert here.repository.head() == main


def test_a_branch_that_got_a_ci_file_past_the_guard_is_refused_at_the_merge(here: Place) -> None:
    here.write("a.py")
    here.commit()
    pushed = here.push_by_hand(".gitlab-ci.yml")
    main = here.repository.head()
    with pytest.raises(CommitRefused, match=BRANCH) as caught:
        here.merge(pushed)
    assert [problem.file for problem in caught.value.problems] == [".gitlab-ci.yml"]
    assert here.repository.head() == main


def test_a_revert_takes_a_merge_back_and_keeps_what_came_after(here: Place) -> None:
    here.write("a.py")
    merged = here.merge(str(here.commit(1)))
    here.repository.remove_worktree(here.tree)
    here.repository.worktree(here.tree, "change/later", here.repository.head())
    here.write("b.py")
    later = str(here.repository.commit_step(here.tree, "change/later", message="m", trailers={}, key="t2/1"))
    main = here.repository.head()
    here.repository.merge("change/later", expected_head=later, expected_base=main, message="m", trailers={})
    reverted = here.repository.revert(merged, "Take tags back", {"Change": "links/add-tags"})
    assert here.repository.head() == reverted
    assert here.repository.files(reverted) == sorted([*SOURCE, "b.py"])
    assert f"Reverts: {merged}" in here.git("log", "-1", "--format=%(trailers:only)", "main")
    assert here.repository.revert(merged, "Take tags back", {}) == reverted


def test_only_what_main_holds_is_reverted(here: Place) -> None:
    here.write("a.py")
    head = str(here.commit())
    for sha in (head, here.repository.head()):
        with pytest.raises(InputError, match="no commit of main that can be reverted"):
            here.repository.revert(sha, "m", {})
