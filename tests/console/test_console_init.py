"""`millwright init` makes a whole factory or nothing."""

import shutil
from pathlib import Path

import pytest
from console_runner import Runner

from console.commands import init
from factory.errors import ExitCode, InputError
from factory.paths import FactoryRoot
from factory.project import project_name
from factory.settings import LOCAL_ACCOUNT, Settings, load
from factory.spec import app_names, load_app
from policies import PolicySettings, load_policies
from stacks.names import declared_stacks

WORKFLOW = ".github/workflows/preview.yml"
FILES = {
    WORKFLOW,
    ".gitignore",
    "Pulumi.yaml",
    "__main__.py",
    "millwright.yaml",
    "policies.yaml",
    "apps/hello/app.yaml",
    "apps/hello/source/conftest.py",
    "apps/hello/source/tests/test_web.py",
    "apps/hello/source/web.py",
}


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_new_folder_becomes_a_whole_factory(millwright: Runner, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "My Factory!"
    answer = millwright("init", str(folder), "--json")
    assert (answer.code, answer.documents) == (ExitCode.OK, [{"factory": str(folder), "app": "hello"}])
    assert _files(folder) == FILES
    root = FactoryRoot(folder)
    given = load(root).factory_id
    assert load(root) == Settings(factory_id=given)
    assert given != load(init.make_factory(tmp_path / "another", "hello")).factory_id
    assert load_policies(root) == PolicySettings(accounts=(LOCAL_ACCOUNT,))
    assert app_names(root) == ["hello"]
    assert load_app(root, "hello").description == "A first app"
    assert declared_stacks(root) == ["hello-build", "hello-production", "hello-staging"]
    assert project_name(root) == "my-factory"
    assert folder.stat().st_mode & 0o777 == 0o755
    assert [path for path in _files(folder) - {WORKFLOW} if "$" in (folder / path).read_text()] == []
    # A workflow has variables of its own, and this one none of ours.
    assert (folder / WORKFLOW).read_text() == (init.TEMPLATES / "factory" / WORKFLOW).read_text()
    for path in folder.rglob("*.py"):
        compile(path.read_text(), path, "exec")


def test_an_empty_folder_and_a_name_for_the_app_are_taken(millwright: Runner, tmp_path: Path) -> None:
    folder = tmp_path / "odd[b]name[dim]"
    folder.mkdir()
    answer = millwright("init", str(folder), "--app", "shop")
    assert (answer.code, answer.err) == (ExitCode.OK, "")
    assert f"cd {folder} && millwright up shop build" in answer.out
    assert load_app(FactoryRoot(folder), "shop").name == "shop"


@pytest.mark.parametrize("name", ["../x", "x/y", "", "Shop", "a", "agent-runner", "$app", "x" * 17])
def test_a_name_that_is_none_makes_nothing(name: str, millwright: Runner, tmp_path: Path) -> None:
    answer = millwright("init", str(tmp_path / "new"), "--app", name, "--json")
    assert answer.code == ExitCode.INVALID_INPUT
    assert f"{name!r} cannot be the name of an app" in answer.documents[0]["error"]
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_already_is_left_as_it_is(millwright: Runner, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "mine.txt").write_text("mine")
    for target, words in (
        (taken, "not empty"),
        (taken / "mine.txt", "not empty"),
        (taken / "mine.txt" / "x", "cannot be"),
    ):
        answer = millwright("init", str(target), "--json")
        assert answer.code == ExitCode.INVALID_INPUT
        assert words in answer.documents[0]["error"]
    assert _files(tmp_path) == {"taken/mine.txt"}
    assert (taken / "mine.txt").read_text() == "mine"


def test_a_factory_that_cannot_be_finished_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    templates = tmp_path / "templates"
    shutil.copytree(init.TEMPLATES, templates)
    (templates / "app" / "zz-last.txt").write_bytes(b"\xff")
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.setattr(init, "TEMPLATES", templates)
    with pytest.raises(UnicodeDecodeError):
        init.make_factory(place / "new", "hello")
    assert list(place.iterdir()) == []
    (templates / "app" / "zz-last.txt").unlink()
    assert _files(init.make_factory(place / "new", "hello").path) == FILES
    with pytest.raises(InputError, match="not empty"):
        init.make_factory(place / "new", "hello")
