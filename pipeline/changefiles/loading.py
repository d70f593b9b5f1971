"""What stands in the files of a change, for those who use it; `linting` says what is wrong with them."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from factory.errors import InputError
from factory.paths import FactoryRoot
from pipeline.changefiles.markdown import take_apart
from pipeline.changefiles.places import places, read_text

WHY: Final = "Why"
WHAT: Final = "What"
ACCEPTANCE: Final = "Acceptance"
FEWER_TESTS: Final = "Fewer tests"


@dataclass(frozen=True, kw_only=True)
class ChangeFile:
    """One requirement, as everybody may see it: people, agents, events.

    `visible` is the Gherkin text of the visible criteria; `fewer_tests` is why the app may end with fewer tests than
    before, "" when it may not; `digest` is the SHA-256 of the file.
    """

    id: str
    title: str
    why: str
    what: str
    visible: str
    fewer_tests: str
    digest: str
    path: Path


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Where the held-out criteria of a change stand, and the SHA-256 they must have when they are used.

    It does not hold their text: whatever logs, stores or sends it on gives nothing away.
    """

    app: str
    change: str
    path: Path
    digest: str


def load_change(root: FactoryRoot, app: str, change: str) -> ChangeFile:
    """The change, as far as everybody may see it. `lint_change` says every mistake; this stops at one.

    Raises InputError: no such app or change, a file that is no change.
    """
    path = places(root, app, change).change
    text = read_text(path)
    parts = take_apart(text)
    texts = {name: found.text if (found := parts.section(name)) else "" for name in (WHY, WHAT, FEWER_TESTS)}
    acceptance = parts.section(ACCEPTANCE)
    if not parts.titles or acceptance is None or len(acceptance.criteria) != 1:
        raise InputError(
            f"{path} is no change file", hint=f"millwright change submit {app} {change} shows every mistake"
        )
    return ChangeFile(
        id=change,
        title=parts.titles[0][1],
        why=texts[WHY],
        what=texts[WHAT],
        visible=acceptance.criteria[0].text + "\n",
        fewer_tests=texts[FEWER_TESTS],
        digest=_digest(text),
        path=path,
    )


def load_held_out(root: FactoryRoot, app: str, change: str) -> HeldOut:
    """Where the held-out criteria stand. Raises InputError: no such app, no such file."""
    path = places(root, app, change).held_out
    return HeldOut(app=app, change=change, path=path, digest=_digest(read_text(path)))


def read_held_out(held_out: HeldOut) -> str:
    """The Gherkin text itself, for the run of the criteria and for nothing else.

    Raises InputError when the file is no longer the one that was loaded.
    """
    text = read_text(held_out.path)
    if _digest(text) != held_out.digest:
        raise InputError(
            f"{held_out.path} has changed since the change was taken up", hint="cancel the change and submit it again"
        )
    return text


def _digest(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
