"""Where the files of a change stand, and how large they may be."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from factory.errors import InputError, Problem
from factory.located import nearest
from factory.paths import FactoryRoot
from factory.spec import load_app

# An id becomes a branch, a worktree's folder and a part of keys in the database.
ID_FORM: Final = re.compile(r"[a-z][a-z0-9-]{1,40}")
FILE_BYTES: Final = 64 * 1024


@dataclass(frozen=True)
class Places:
    """The two files of one change."""

    change: Path
    held_out: Path


def places(root: FactoryRoot, app: str, change: str) -> Places:
    """Where the files of `change` stand, whether they exist or not.

    Raises InputError: no such app, or an id that can be none.
    """
    load_app(root, app)
    if not ID_FORM.fullmatch(change):
        raise InputError(
            f"{change!r} cannot be the id of a change",
            hint="2 to 41 lower-case letters, digits and hyphens, a letter first",
        )
    folder = root.apps / app
    return Places(folder / "changes" / f"{change}.md", folder / "acceptance" / f"{change}.feature")


def read_text(path: Path) -> str:
    """The text of one file. Raises InputError: missing (with the nearest name), too large, not UTF-8."""
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", hint=_guess(path)) from None
    if len(content) > FILE_BYTES:
        raise _whole(path, f"larger than {FILE_BYTES // 1024} KiB", "keep what the change is about")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise _whole(path, f"not UTF-8: {error.reason} at byte {error.start}", "save it as UTF-8") from None


def _whole(path: Path, message: str, fix: str) -> InputError:
    problem = Problem(file=str(path), line=0, column=0, field="", message=message, fix=fix)
    return InputError(f"{path} cannot be read", problems=(problem,))


def _guess(path: Path) -> str:
    known = [other.stem for other in sorted(path.parent.glob(f"*{path.suffix}"))]
    guess = nearest(path.stem, known)
    return f"did you mean {guess!r}?" if guess else f"write {path}"
