"""Artefacts: what is read is what was stored, and nothing stands beside it that a program would run all the same."""

import os
import py_compile
from collections.abc import Callable
from pathlib import Path

import pytest

from factory import artefacts
from factory.artefacts import ArtefactBroken, ArtefactMissing
from factory.errors import InputError
from factory.paths import FactoryRoot
from factory.processes import start_ticks


@pytest.fixture
def root(tmp_path: Path) -> FactoryRoot:
    return FactoryRoot(tmp_path / "factory")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    (folder / "app").mkdir(parents=True)
    (folder / "app" / "store.py").write_text("VALUE = 1\n")
    (folder / "run.sh").write_text("true\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "app" / "__pycache__").mkdir()
    (folder / "app" / "__pycache__" / "store.pyc").write_text("left by a tool")
    return folder


def _byte_code(place: Path) -> str:
    evil = place.parent / "evil.py"
    evil.write_text("VALUE = 666\n")
    (place / "app" / "__pycache__").mkdir()
    made = "app/__pycache__/store.cpython-311.pyc"
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(evil), str(place / made), invalidation_mode=mode)
    return "app/__pycache__"


def _linked_folder(place: Path) -> str:
    (place / ".x").mkdir()
    (place / ".x" / "__init__.py").write_text("")
    (place / "json").symlink_to(".x")
    return ".x"


def _link(place: Path) -> str:
    (place / "app" / "json.py").symlink_to("store.py")
    return "app/json.py"


def _hidden_file(place: Path) -> str:
    (place / ".pth").write_text("import os")
    return ".pth"


def _pipe(place: Path) -> str:
    os.mkfifo(place / "app" / "pipe")
    return "app/pipe"


def _empty_folder(place: Path) -> str:
    (place / "app" / "json").mkdir()
    return "app/json"


ATTACKS = [_byte_code, _linked_folder, _link, _hidden_file, _pipe, _empty_folder]


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_entry_that_was_not_stored_breaks_an_artefact(
    attack: Callable[[Path], str], root: FactoryRoot, tree: Path
) -> None:
    digest = artefacts.store(root, tree)
    place = artefacts.folder(root, digest)
    for folder in (place, place / "app"):
        folder.chmod(0o755)
    first = attack(place)
    with pytest.raises(ArtefactBroken) as caught:
        artefacts.folder(root, digest)
    assert f"it holds {first} now" in str(caught.value)
    assert str(place) in caught.value.hint


def test_an_artefact_holds_what_was_stored_and_no_cache(root: FactoryRoot, tree: Path) -> None:
    digest = artefacts.store(root, tree)
    place = artefacts.folder(root, digest)
    found = sorted(path.relative_to(place).as_posix() for path in place.rglob("*"))
    assert found == ["app", "app/store.py", "run.sh"]
    assert artefacts.store(root, tree) == digest


def test_changed_content_a_missing_artefact_and_one_that_is_a_link_are_refused(root: FactoryRoot, tree: Path) -> None:
    digest = artefacts.store(root, tree)
    place = artefacts.folder(root, digest)
    aside = place.with_name("aside")
    place.rename(aside)
    with pytest.raises(ArtefactMissing):
        artefacts.folder(root, digest)
    place.symlink_to(aside)
    with pytest.raises(ArtefactBroken, match="a link to"):
        artefacts.folder(root, digest)
    place.unlink()
    aside.rename(place)
    (place / "app" / "store.py").chmod(0o644)
    (place / "app" / "store.py").write_text("VALUE = 2\n")
    with pytest.raises(ArtefactBroken, match="its files now are"):
        artefacts.folder(root, digest)


def test_a_tree_with_a_link_is_not_stored(root: FactoryRoot, tree: Path) -> None:
    (tree / "json").symlink_to("app")
    with pytest.raises(InputError, match="json is not a plain file"):
        artefacts.store(root, tree)


def test_only_the_unfinished_copies_of_the_dead_are_swept(root: FactoryRoot, tree: Path) -> None:
    digest = artefacts.store(root, tree)
    me = os.getpid()
    names = {
        "mine": f"draft-{me}-{start_ticks(me)}-a",
        "of one before me": f"draft-{me}-{start_ticks(me) - 1}-b",
        "of the dead": "draft-4194305-1-c",
        "of an earlier version": "draft-d_e",
    }
    for name in names.values():
        (root.artefacts / name / "app").mkdir(parents=True)
        (root.artefacts / name / "app").chmod(0o500)
    artefacts.sweep(root)
    assert {path.name for path in root.artefacts.glob("draft-*")} == {names["mine"]}
    assert artefacts.folder(root, digest).is_dir()
