"""For the tests of change files and checks: a factory of its own, a tree to spoil, the scripts' edits by hand."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factory.document import load_document
from factory.paths import FactoryRoot
from factory.spec import load_app
from pipeline.changefiles import load_change, load_held_out
from pipeline.checks import TestReport, run_tests

REPOSITORY = Path(__file__).resolve().parents[2]
LINKS = REPOSITORY / "apps" / "links"
CACHES = shutil.ignore_patterns("__pycache__", ".ruff_cache", ".pytest_cache")


def factory_with_links(folder: Path) -> FactoryRoot:
    """A factory in `folder` that has the app links, and nothing else."""
    (folder / "millwright.yaml").write_text("")
    shutil.copytree(LINKS, folder / "apps" / "links", ignore=CACHES)
    return FactoryRoot(folder)


@dataclass
class Bench:
    """A factory, links' source as it is on main, and a tree to spoil."""

    root: FactoryRoot
    base: Path
    tree: Path

    def write(self, path: str, text: str) -> None:
        target = self.tree / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def replace(self, path: str, old: str, new: str) -> None:
        text = (self.tree / path).read_text()
        assert text.count(old) == 1, f"{path}: {old!r} stands there {text.count(old)} times"
        (self.tree / path).write_text(text.replace(old, new))

    def change(self, change: str, visible: str, held_out: str, fewer_tests: str = "") -> None:
        """Write both files of a change."""
        app = self.root.apps / "links"
        extra = f"## Fewer tests\n\n{fewer_tests}\n\n" if fewer_tests else ""
        said = f"# A change\n\n## Why\n\nBecause.\n\n## What\n\nThis.\n\n{extra}"
        text = f"{said}## Acceptance\n\n```gherkin\n{visible}```\n"
        (app / "changes" / f"{change}.md").write_text(text)
        (app / "acceptance" / f"{change}.feature").write_text(held_out)

    def play(self, change: str, attempt: int) -> None:
        """Make the edits of one attempt of the scripted coder, in order; what one replaces must stand there once."""
        script = load_document(LINKS / "scripts" / f"{change}.coder.yaml").data
        for call in calls(script["attempts"][str(attempt)]["turns"]):
            if edit := call.get("edit"):
                if "old" in edit:
                    self.replace(edit["path"], edit["old"], edit["new"])
                else:
                    assert not (self.tree / edit["path"]).exists()
                    self.write(edit["path"], edit["new"])

    def run(self, change: str, *, base: Path | None = None) -> TestReport:
        spec = load_app(self.root, "links")
        files = load_change(self.root, "links", change), load_held_out(self.root, "links", change)
        return run_tests(self.root, spec, self.tree, *files, base=base)


def bench(folder: Path) -> Bench:
    """Everything that a test of the checks works with."""
    root = factory_with_links(folder)
    base, tree = folder / "base", folder / "tree"
    for target in (base, tree):
        shutil.copytree(LINKS / "source", target, ignore=CACHES)
    return Bench(root, base, tree)


def calls(turns: list[Any]) -> list[Any]:
    """The tool calls of a list of turns, through every branch."""
    found: list[Any] = []
    for turn in turns:
        found.extend(turn.get("use", []))
        for branch in turn.get("choose", []):
            found.extend(calls([branch]))
        found.extend(calls(turn.get("then", [])))
    return found
