"""Each rule of the house finds its offence, and lets a clean example pass."""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.lint import house, layout, licences, lockfile, texts

HASH = "--hash=sha256:" + "0" * 64
PYPROJECT = """
[project]
dependencies = [
    # says hello
    "hello>=1",
]
[dependency-groups]
test = [
    "tester>=2",  # runs tests
]
[tool.hatch.build.targets.wheel]
packages = ["room"]
"""
LOCK = f"hello==1.2 \\\n    {HASH}\ntester==2.0 ; python_version < '4' \\\n    {HASH}\n"
DOCSTRING = '"""What the room is for.\n\nWho may import it.\n"""\n'
Write = Callable[[Mapping[str, str]], list[str]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write files into a repository with pyproject.toml; their names."""

    def files(content: Mapping[str, str]) -> list[str]:
        for name, text in {"pyproject.toml": PYPROJECT, **content}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return sorted(content)

    return files


def test_every_rule_is_part_of_the_lint(tmp_path: Path, write: Write) -> None:
    write({"requirements.lock": LOCK.replace("hello==1.2", "hello==0.9"), "room/walls.py": "", "x.md": "/" + "root/x"})
    found = "\n".join(house.offences(tmp_path))
    for said in ("licences: hello is", "hello 0.9 is not", "room/__init__.py: missing", "x.md:1: "):
        assert said in found


@pytest.mark.parametrize(
    "licence",
    [
        "MIT",
        "Apache-2.0 OR GPL-3.0-only",
        "Apache Software License; BSD License",
        "DFSG approved; MIT License",
        "GNU Lesser General Public License v3 (LGPLv3)",
        "GNU Library or Lesser General Public License (LGPL)",
        "Mozilla Public License 2.0 (MPL 2.0)",
        "EPL-2.0 OR GPL-2.0-or-later",
        "Eclipse Public License 2.0 (EPL-2.0)",
    ],
)
def test_permissive_and_weak_copyleft_licences_pass(licence: str) -> None:
    assert licences.judge("a-package", licence, {}) == ""


@pytest.mark.parametrize(
    "licence",
    [
        "GPL-2.0-only",
        "GNU General Public License v3 (GPLv3)",
        "GNU Affero General Public License v3",
        "AGPL-3.0-or-later",
        "SSPL-1.0",
        "MIT AND GPL-3.0-only",
        "MIT License; GNU General Public License (GPL)",
        "BUSL-1.1",
        "EPL-2.0 AND GPL-2.0-or-later",
    ],
)
def test_strong_copyleft_is_refused(licence: str) -> None:
    assert "is not linked" in licences.judge("a-package", licence, {})


@pytest.mark.parametrize("licence", ["", "UNKNOWN", "Limited use only", "EPL-1.0"])
def test_a_licence_that_nobody_judged_is_refused_until_it_is_listed_by_hand(licence: str) -> None:
    assert "nobody has judged" in licences.judge("a-package", licence, {})
    assert licences.judge("a-package", licence, {"a-package": "its LICENSE file is the MIT licence"}) == ""


def test_the_closure_follows_extras_and_markers() -> None:
    plain, _ = licences.closure([Requirement("moto")])
    server, missing = licences.closure(
        [Requirement("moto[server]"), Requirement("never-on-this; python_version < '3'")]
    )
    assert "boto3" in plain
    assert "flask" not in plain
    assert "flask" in server
    assert not missing


def test_a_dependency_that_is_not_installed_is_named() -> None:
    assert licences.closure([Requirement("surely-not-installed-here")])[1] == {"surely-not-installed-here"}


def lock_offences(project: str, lock: str) -> list[str]:
    pins = lockfile.read_pins(lock)
    unpinned = [o for requirement in lockfile.requirements(project) for o in lockfile.unpinned(requirement, pins)]
    return [*lockfile.lock_offences(lock, pins), *unpinned, *lockfile.unexplained(project)]


def test_a_whole_lock_passes() -> None:
    assert lock_offences(PYPROJECT, LOCK) == []


@pytest.mark.parametrize(
    ("lock", "said"),
    [
        (LOCK.replace("hello==1.2", "other==1.2"), "hello is not in it"),
        (LOCK.replace("hello==1.2", "hello==0.9"), "hello 0.9 is not >=1"),
        (LOCK.replace("hello==1.2", "hello>=1.2"), "not pinned to one version"),
        (LOCK.replace("hello==1.2", "hello==1.*"), "not pinned to one version"),
        (f"{LOCK}more==1\n", "more has no hash"),
        (f"--index-url https:{'//'}mirror.example/x\n{LOCK}", "no URL, no option"),
        (f"{LOCK}more @ https:{'//'}mirror.example/more.whl {HASH}\n", "no URL, no option"),
        (f"-i somewhere\n{LOCK}", "no URL, no option"),
    ],
)
def test_a_lock_that_does_not_hold_is_found(lock: str, said: str) -> None:
    assert any(said in offence for offence in lock_offences(PYPROJECT, lock))


@pytest.mark.parametrize(
    "project",
    [
        PYPROJECT.replace("    # says hello\n", ""),
        PYPROJECT.replace("# runs tests", "#"),
        PYPROJECT.replace('[\n    # says hello\n    "hello>=1",\n]', '["hello>=1"]'),
    ],
)
def test_a_dependency_without_a_reason_is_found(project: str) -> None:
    assert len(list(lockfile.unexplained(project))) == 1


def layout_offences(root: Path, files: list[str], longer: Mapping[str, str] | None = None) -> list[str]:
    return list(layout.offences(root, files, longer or {}))


def test_a_described_room_with_short_modules_passes(tmp_path: Path, write: Write) -> None:
    files = write({"room/__init__.py": DOCSTRING, "room/__main__.py": "", "room/walls.py": "def wall():\n    pass\n"})
    assert layout_offences(tmp_path, files) == []


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"room/walls.py": ""}, "room/__init__.py: missing"),
        ({"room/__init__.py": DOCSTRING, "room/inner/walls.py": ""}, "room/inner/__init__.py: missing"),
        ({"room/__init__.py": ""}, "its docstring has 0 lines"),
        ({"room/__init__.py": '"""One line says too little."""\n'}, "its docstring has 1 lines"),
        ({"room/__init__.py": '"""' + "A line.\n" * 12 + '"""\n'}, "its docstring has 12 lines"),
        ({"room/__init__.py": DOCSTRING, "room/logging.py": ""}, "logging is a module of the standard library"),
        (
            {"room/__init__.py": DOCSTRING, "room/http/__init__.py": DOCSTRING},
            "http is a module of the standard library",
        ),
        ({"room/__init__.py": DOCSTRING, "room/long.py": "x = 1\n" * 351}, "room/long.py: 351 lines"),
        ({"tests/long.py": "def f():\n" + "    f()\n" * 60}, "tests/long.py:f: 61 lines"),
    ],
)
def test_an_offence_of_the_layout_is_found(tmp_path: Path, write: Write, files: dict[str, str], said: str) -> None:
    assert any(said in offence for offence in layout_offences(tmp_path, write(files)))


def test_a_listed_table_may_be_long_and_a_short_one_must_leave_the_list(tmp_path: Path, write: Write) -> None:
    files = write({"room/__init__.py": DOCSTRING, "room/table.py": "x = 1\n" * 351})
    assert layout_offences(tmp_path, files, {"room/table.py": "a table"}) == []
    (tmp_path / "room/table.py").write_text("x = 1\n")
    assert "take it off the list" in layout_offences(tmp_path, files, {"room/table.py": "a table"})[0]


@pytest.mark.parametrize(
    "text",
    [
        "see .millwright/work/x and ~/work/x",
        "git clone git" + "@" + "host.example:team/app.git",
        "@pytest.mark.engine",
        "pulumi-aws@7",
        "the worked example, root/paths",
    ],
)
def test_harmless_text_passes(tmp_path: Path, write: Write, text: str) -> None:
    assert list(texts.offences(tmp_path, write({"notes.md": text}), {})) == []


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        (("open('", "/", "root/x')"), "a path of one machine"),
        (("cd ", "/", "home/someone"), "a path of one machine"),
        (("PATH=", "/", "work/main"), "a path of one machine"),
        (("/tmp/", "bash_jobs.0/1"), "a path of one machine"),  # noqa: S108 -- the text that must be found
        (("https://", "pypi", ".org/x"), "the address of a package index"),
        (("GOPROXY=https://proxy", ".golang.org"), "the address of a package index"),
        (("https://mirror.example/py", "/simple", "/x"), "the address of a package index"),
        (("index", "-url = x"), "the address of a package index"),
        (("someone", "@", "mail.example.com"), "an e-mail address"),
    ],
)
def test_what_no_file_may_contain_is_found(tmp_path: Path, write: Write, pieces: tuple[str, ...], said: str) -> None:
    found = list(texts.offences(tmp_path, write({"notes.md": "first\n" + "".join(pieces)}), {}))
    assert len(found) == 1
    assert found[0].startswith("notes.md:2: ")
    assert said in found[0]


def test_an_exception_holds_for_its_file_and_rule_and_must_be_needed(tmp_path: Path, write: Write) -> None:
    files = write({"notes.md": "/" + "root/x"})
    assert list(texts.offences(tmp_path, files, {("notes.md", "machine path"): "a reason"})) == []
    found = list(texts.offences(tmp_path, files, {("notes.md", "e-mail address"): "a reason"}))
    assert len(found) == 2


def test_tracked_and_new_files_are_read_and_ignored_ones_are_not(tmp_path: Path, write: Write) -> None:
    write({"kept.md": "", "deleted.md": "", "secret.log": "", ".gitignore": "*.log\n"})
    git = ["git", "-C", str(tmp_path)]
    for command in (["init", "--quiet"], ["add", "kept.md", "deleted.md"]):
        subprocess.run([*git, *command], check=True, timeout=60)
    (tmp_path / "deleted.md").unlink()
    (tmp_path / "new.md").touch()
    assert texts.repository_files(tmp_path) == [".gitignore", "kept.md", "new.md", "pyproject.toml"]


def test_without_git_every_visible_file_is_read(tmp_path: Path, write: Write) -> None:
    write({"room/walls.py": "", ".cache/x": "", "room/__pycache__/walls.pyc": ""})
    assert texts.repository_files(tmp_path) == ["pyproject.toml", "room/walls.py"]
