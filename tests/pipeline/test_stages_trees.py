"""Trees of commits: what the suites run on is what is deployed, what the scanners see is everything."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from git_place import BRANCH, Place, place

from factory import artefacts
from localcloud.runtime import sandboxed
from pipeline.checks import service_door
from pipeline.checks.reports import SuiteName, SuiteReport, TestReport
from pipeline.stages import check
from pipeline.stages.trees import exported, exported_as_built

HIDDEN = {".lib/helper.py", "links/.secret.py", "links/a/.b/c.py"}
SHOWN = {"links/a/plain.py", "links/run.sh"}
GOOD = SuiteReport(name=SuiteName.OWN, passed=1, failed=0, errors=0, skipped=0, failures=(), problem="", seconds=0.1)


@pytest.fixture
def here(tmp_path: Path) -> Place:
    made = place(tmp_path)
    made.work()
    for path in HIDDEN | SHOWN:
        made.write(path)
    (made.tree / "links/run.sh").chmod(0o755)
    made.commit()
    return made


def context_of(here: Place) -> Any:
    return SimpleNamespace(
        root=here.root, repository=lambda _: here.repository, spec=lambda _: None, set=lambda *_, **__: None
    )


def files(tree: Path) -> set[str]:
    return {path.relative_to(tree).as_posix() for path in tree.rglob("*") if not path.is_dir()}


def test_what_is_tested_is_what_an_artefact_of_it_holds(here: Place) -> None:
    head = here.repository.head(BRANCH)
    with exported(context_of(here), "links", head) as whole, exported_as_built(context_of(here), "links", head) as tree:
        kept = artefacts.folder(here.root, artefacts.store(here.root, whole))
        assert files(tree) == files(kept) >= SHOWN
        assert {path for path in tree.rglob("*") if path.is_dir()} == {
            tree / path.relative_to(kept) for path in kept.rglob("*") if path.is_dir()
        }
        assert artefacts.store(here.root, tree) == artefacts.store(here.root, whole)
        # The scanners see all of it.
        assert files(whole) >= HIDDEN | SHOWN


def test_no_suite_sees_what_is_not_deployed(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[str]] = []

    def run_tests(_root: Any, _spec: Any, tree: Path, *_: Any, base: Path) -> TestReport:
        seen.extend([files(tree), files(base)])
        return TestReport(own=GOOD, visible=GOOD, held_out=GOOD)

    monkeypatch.setattr(check, "run_tests", run_tests)
    monkeypatch.setattr(check, "as_submitted", lambda *_: (None, None))
    record: Any = SimpleNamespace(app="links", id="links/add-tags")
    check.tested(context_of(here), record, here.repository.head(BRANCH), here.repository.head())
    tree, base = seen
    assert tree >= SHOWN
    assert not (tree | base) & HIDDEN
    assert not any(part.startswith(".") for path in tree | base for part in path.split("/"))


def test_a_service_cannot_tell_by_its_socket_that_it_is_tested() -> None:
    assert service_door.SOCKET == sandboxed.SOCKET
    assert (service_door.TREE, service_door.DATA) == (sandboxed.ARTEFACT, sandboxed.DATA)
