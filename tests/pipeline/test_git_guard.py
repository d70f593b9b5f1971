"""The guard: which entries an agent's commit may hold. Every refusal stands beside what is let through."""

import os
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from property_sizes import tried

from factory.errors import ExitCode
from pipeline.git import CommitRefused, Entry, Limits
from pipeline.git.guard import DELETED, EXECUTABLE, FILE, LINK, MOST_PROBLEMS, SUBMODULE, check, problems, shape

WHOLE = [Entry("README.md", FILE, 5), Entry("src/app.py", FILE, 5)]


def told(*changed: Entry, limits: Limits | None = None) -> dict[str, str]:
    """What is wrong with a commit of these entries: place to message."""
    after = {entry.path: entry for entry in [*WHOLE, *changed] if entry.mode != DELETED}
    return {p.file: p.message for p in problems(changed, list(after.values()), limits or Limits())}


def read(*held: Entry) -> dict[str, str]:
    """What is wrong with a tree of these entries that is in the repository already: place to message."""
    whole = [*WHOLE, *held]
    return {p.file: p.message for p in shape(whole, whole, Limits())}


@pytest.mark.parametrize(
    "path",
    [
        ".github/workflows/check.yml",
        ".github/dependabot.yml",
        "service/.github/workflows/x.yml",
        ".GitHub/workflows/x.yml",
        ".gitlab-ci.yml",
        ".gitlab-ci.extra.yaml",
        ".circleci/config.yml",
        ".buildkite/pipeline.yml",
        "buildspec.yml",
        "ci/buildspec-test.yaml",
        "Jenkinsfile",
        "Jenkinsfile.release",
        "azure-pipelines.yml",
        ".travis.yml",
        "bitbucket-pipelines.yml",
        "cloudbuild.yaml",
        "CODEOWNERS",
        "docs/CODEOWNERS",
    ],
)
def test_what_ci_runs_is_not_touched(path: str) -> None:
    assert told(Entry(path, FILE, 1)) == {path: "agents do not touch what CI services run"}
    assert told(Entry(path, DELETED)) == {path: "agents do not touch what CI services run"}


@pytest.mark.parametrize(
    "path",
    [".githooks/pre-commit", ".husky/pre-push", ".pre-commit-config.yaml", "lefthook.yml", ".lefthook.toml", ".envrc"],
)
def test_hooks_are_not_touched(path: str) -> None:
    assert told(Entry(path, FILE, 1)) == {path: "agents do not touch hooks, which run on people's machines"}


@pytest.mark.parametrize("path", [".gitmodules", ".gitattributes", "src/.gitattributes", ".GITMODULES", ".lfsconfig"])
def test_what_git_obeys_is_not_touched(path: str) -> None:
    assert told(Entry(path, FILE, 1)) == {path: "agents do not touch what git itself obeys"}


@pytest.mark.parametrize(
    "path", ["src/.git", "src/.git/config", ".GIT/hooks/pre-commit", "GIT~1/config", "src/.git. ", "a/.Git"]
)
def test_no_spelling_of_gits_own_folder_is_let_through(path: str) -> None:
    assert told(Entry(path, FILE, 1))[path] == "agents do not touch git's own folder"


def test_spellings_that_an_eye_does_not_see_are_let_through_neither() -> None:
    assert "agents do not touch git's own folder" in [
        p.message for p in problems([Entry(".g\u200dit/config", FILE, 1)], WHOLE, Limits())
    ]
    assert "agents do not touch what CI services run" in [
        p.message for p in problems([Entry(".\uff47ithub/x", FILE, 1)], WHOLE, Limits())
    ]


@pytest.mark.parametrize(
    "path",
    [
        "docs/github.md",
        "github/client.py",
        ".gitignore",
        "src/jenkins.py",
        "tests/test_hooks.py",
        "src/git.py",
        "git/config",
        "build/spec.yml",
        "src/buildspecs/reader.py",
        "naïve/größe.py",
        "a b/c (1).txt",
        "x.git",
        ".env.example",
    ],
)
def test_names_that_only_look_alike_are_let_through(path: str) -> None:
    assert told(Entry(path, FILE, 1), Entry("src/app.py", DELETED)) == {}


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("a\nb", "a\\x0ab"),
        ("a\x1b[2J", "a\\x1b[2J"),
        ("a\udcff", "a\\xff"),
        ("a\u202eb", "a\\u202eb"),
        ("a\\b", "a\\b"),
        ("c:x", "c:x"),
        ("-rf", "-rf"),
        ("src/--upload-pack=x", "src/--upload-pack=x"),
        ("../outside", "../outside"),
        ("src/../../x", "src/../../x"),
        ("/etc/passwd", "/etc/passwd"),
        ("src//x", "src//x"),
        ("./x", "./x"),
        ("", ""),
    ],
)
def test_a_name_that_something_could_take_for_another_is_refused(path: str, shown: str) -> None:
    assert list(told(Entry(path, FILE, 1))) == [shown]


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        (SUBMODULE, "a submodule"),
        (stat.S_IFIFO, "a pipe"),
        (stat.S_IFSOCK, "a socket"),
        (stat.S_IFCHR, "a device"),
        (stat.S_IFBLK, "a device"),
        (1, "neither a file"),
    ],
)
def test_what_is_no_file_is_refused(mode: int, kind: str) -> None:
    assert kind in told(Entry("x", mode))["x"]
    assert told(Entry("x", FILE, 1), Entry("y", EXECUTABLE, 1)) == {}


@pytest.mark.parametrize("target", ["README.md", "./src", "src/../README.md", "not-there-yet", "src/app.py"])
def test_no_agent_commits_a_link_and_one_that_was_there_may_be_read_and_removed(target: str) -> None:
    link = Entry("link", LINK, 1, target)
    assert told(link) == {"link": "is a symbolic link"}
    assert read(link) == {}
    assert told(Entry("link", DELETED)) == {}
    assert list(problems([Entry("new.py", FILE, 1)], [*WHOLE, link, Entry("new.py", FILE, 1)], Limits())) == []


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("/etc/passwd", "leads to an absolute path"),
        ("../x", "leads out of the tree"),
        ("src/../../x", "leads out of the tree"),
        ("deep/../../..", "leads out of the tree"),
        ("link", "leads in a circle"),
        (".git", "leads into .git"),
        (".GIT/config", "leads into .git"),
        ("src/\x1b", "leads to a name that is none"),
        ("", "leads to a name that is none"),
    ],
)
def test_a_link_that_leads_anywhere_but_into_the_tree_is_refused(target: str, reason: str) -> None:
    assert reason in read(Entry("link", LINK, 1, target))["link"]


def test_links_that_lead_out_only_together_are_refused() -> None:
    # By its text, `out` is inside; the kernel takes `..` where `up` has led.
    up, out = Entry("a/b/up", LINK, 1, "../.."), Entry("out", LINK, 1, "a/b/up/../../etc")
    assert read(up) == {}
    assert read(up, out) == {"out": "is a symbolic link that leads out of the tree"}
    assert read(Entry("a/b/up", LINK, 1, ".."), out) == {"out": "is a symbolic link that leads out of the tree"}
    assert read(Entry("out", LINK, 1, "a/b/up/../../README.md")) == {}


def test_a_new_link_that_turns_an_old_one_around_is_refused() -> None:
    old = Entry("docs", LINK, 1, "current/..")
    assert list(problems([], [*WHOLE, old], Limits())) == []
    turned = Entry("current", LINK, 1, ".")
    (problem,) = shape([turned], [*WHOLE, old, turned], Limits())
    assert problem.file == "docs"


def test_a_path_below_something_that_is_no_folder_is_refused() -> None:
    assert "stands below 'src/app.py'" in told(Entry("src/app.py/x", FILE, 1))["src/app.py/x"]


@pytest.mark.parametrize("path", ["readme.md", "SRC/other.py", "src/APP.py"])
def test_a_path_that_another_system_would_take_for_an_existing_one_is_refused(path: str) -> None:
    assert "differs from another path only by case" in told(Entry(path, FILE, 1))[path]
    assert told(Entry("README.md", FILE, 2)) == {}


def test_too_much_is_refused_and_the_limit_itself_is_not() -> None:
    limits = Limits(
        changed_files=2, changed_bytes=20, file_bytes=15, tree_files=4, tree_bytes=100, path_bytes=12, depth=3
    )
    assert told(Entry("a", FILE, 15), Entry("b", FILE, 5), limits=limits) == {}
    assert list(told(Entry("a", FILE, 16), limits=limits)) == ["a"]
    assert list(told(Entry("a", FILE, 15), Entry("b", FILE, 6), limits=limits)) == ["a commit"]
    assert list(told(*(Entry(name, FILE, 1) for name in "abc"), limits=limits)) == ["a commit", "the app's tree"]
    assert list(told(Entry("a/b/c/d", FILE, 1), limits=limits)) == ["a/b/c/d"]
    assert list(told(Entry("ä" * 7, FILE, 1), limits=limits)) == ["ä" * 7]
    assert told(Entry("a/b/c", FILE, 1), Entry("ä" * 6, FILE, 1), limits=limits) == {}


def test_the_refusal_names_each_place_and_has_an_exit_code_of_its_own() -> None:
    many = [Entry(f"{number}/.git", FILE, 1) for number in range(MOST_PROBLEMS + 7)]
    with pytest.raises(CommitRefused, match="7 more are not shown") as caught:
        check(many, many)
    assert len(caught.value.problems) == MOST_PROBLEMS
    assert caught.value.exit_code is ExitCode.POLICY_VIOLATION
    check(WHOLE, WHOLE)


PARTS = st.sampled_from(["a", "b", "up", "..", ".", "", "c"])
PATHS = st.lists(st.sampled_from(["a", "b", "up", "c"]), min_size=1, max_size=3).map("/".join)
TARGETS = st.lists(PARTS, min_size=1, max_size=5).map("/".join)
ENTRIES = st.builds(Entry, PATHS, st.just(FILE), st.just(1)) | st.builds(
    lambda path, target: Entry(path, LINK, 1, target), PATHS | st.lists(PARTS, max_size=3).map("/".join), TARGETS
)


@settings(max_examples=tried(300), suppress_health_check=[HealthCheck.filter_too_much])
@given(st.lists(ENTRIES, max_size=6, unique_by=lambda entry: entry.path))
def test_no_tree_that_is_read_resolves_outside(entries: list[Entry]) -> None:
    # Links as such: they may be there from before.
    assume({p.message for p in problems(entries, entries, Limits())} <= {"is a symbolic link"})
    with tempfile.TemporaryDirectory() as name:
        # Far below the top, so that leading out does not end where everything ends.
        root = Path(name).resolve() / "1" / "2" / "3" / "4" / "5" / "6" / "tree"
        root.mkdir(parents=True)
        for entry in sorted(entries, key=lambda entry: entry.mode == LINK):
            path = root / entry.path
            path.parent.mkdir(parents=True, exist_ok=True)
            if entry.mode == LINK:
                path.symlink_to(entry.target or "")
            else:
                path.write_text("x")
        for entry in entries:
            # The kernel's own answer, by way of the C library.
            assert Path(os.path.realpath(root / entry.path)).is_relative_to(root)
