"""Verdicts of pytest: its JUnit file as data. The file may come from a process that wants to deceive."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from pipeline.checks.reports import bounded

FILE_BYTES: Final = 8_000_000
NAME_LENGTH: Final = 200


class NoVerdict(Exception):
    """There is no verdict; the message says why, and quotes nothing of the file."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One test: `outcome` is passed, failed, error or skipped; `step` the criterion's step that did not hold."""

    name: str
    outcome: str
    message: str
    step: str


def read_cases(path: Path) -> list[Case]:
    """The tests of one run. Raises NoVerdict: no file, too large, not a JUnit file."""
    try:
        # The folder belongs to the sandbox: a link or a pipe there must not be followed or waited for.
        if path.is_symlink() or not path.is_file():
            raise NoVerdict("the run ended without a verdict")
        with path.open("rb") as file:
            content = file.read(FILE_BYTES + 1)
    except OSError:
        raise NoVerdict("the run ended without a verdict") from None
    if len(content) > FILE_BYTES:
        raise NoVerdict("the verdict is too large to be read")
    return list(_cases(_parsed(content)))


def _parsed(content: bytes) -> ET.Element:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise NoVerdict("the verdict is not UTF-8") from None
    # pytest writes neither; entities are how a small file becomes a large one.
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise NoVerdict("the verdict is not what pytest writes")
    try:
        return ET.fromstring(text)  # noqa: S314 -- bounded, and without entities: see above
    except ET.ParseError:
        raise NoVerdict("the verdict is not XML") from None


def _cases(tree: ET.Element) -> Iterator[Case]:
    for node in tree.iter("testcase"):
        outcome, message = _outcome(node)
        step = next((p.get("value", "") for p in node.iter("property") if p.get("name") == "step"), "")
        module = node.get("classname", "")
        name = f"{module}.{node.get('name', '')}" if module else node.get("name", "")
        yield Case(name=name[:NAME_LENGTH], outcome=outcome, message=bounded(message), step=step[:NAME_LENGTH])


def _outcome(node: ET.Element) -> tuple[str, str]:
    # A test may both fail and leave an error at its end: it is one test that did not pass.
    for tag, outcome in (("failure", "failed"), ("error", "error"), ("skipped", "skipped")):
        found = node.find(tag)
        if found is not None:
            return outcome, found.text or found.get("message") or ""
    return "passed", ""
