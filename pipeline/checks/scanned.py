"""A tree made ready for scanners: every file a UTF-8 text under its own name, and a finding for each that is none.

What a scanner passes over in silence would count as clean: links, other encodings, names that it knows to skip. So a
file that is no text is scanned as well, as the letters that are in it: one byte must not hide the others.
"""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from factory.errors import MillwrightError
from factory.findings import Finding
from pipeline.checks import severities

TOOL: Final = "tree"
FILE_BYTES: Final = 2_000_000
FILES: Final = 20_000
# A worktree's link to its repository: git's, not the app's.
GIT: Final = ".git"
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
# PEP 263: on the first or second line. The same expression as Python's own.
_CODING: Final = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-_.a-zA-Z0-9]+)")
_SAME_LETTERS: Final = frozenset({"utf-8", "utf8", "utf-8-sig", "ascii", "us-ascii", "latin-1", "iso-8859-1"})
_PYTHON: Final = (".py", ".pyi", ".pyw")


class ScannerFailed(MillwrightError):
    """A scanner did not run to its end: nothing is known, so nothing is clean."""


@dataclass
class Scanned:
    """The readable copy: where it is, which of its files are Python, what could not be read."""

    folder: Path
    python: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def line(self, path: str, number: int) -> str:
        """One line of one file, without space around it; "" when there is none."""
        if number < 1:
            return ""
        try:
            lines = (self.folder / path).read_text().splitlines()
        except OSError:
            return ""
        return lines[number - 1].strip() if number <= len(lines) else ""


def readable_copy(tree: Path, folder: Path) -> Scanned:
    """Copy `tree` to the new `folder`. Raises ScannerFailed: more files than any app of ours has."""
    scanned = Scanned(folder)
    folder.mkdir(mode=0o700)
    for count, path in enumerate(_walk(tree)):
        if count >= FILES:
            raise ScannerFailed(f"more than {FILES} files: not scanned", hint="remove what is generated")
        _take(scanned, tree, path.relative_to(tree).as_posix())
    return scanned


def _walk(tree: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(tree):
        here = Path(folder)
        # A link to a folder is listed among the folders; os.walk does not enter it.
        links = [name for name in folders if (here / name).is_symlink()]
        folders[:] = sorted(name for name in folders if not (here == tree and name == GIT))
        yield from (here / name for name in sorted([*files, *links]) if not (here == tree and name == GIT))


def _take(scanned: Scanned, tree: Path, path: str) -> None:
    if not path.isprintable():
        # A line break in a name would be another line in a scanner's list of files.
        return _unreadable(scanned, ascii(path), "name", "its name holds characters that are not shown")
    status = (tree / path).lstat()
    if stat.S_ISLNK(status.st_mode):
        return _unreadable(scanned, path, "link", "a symbolic link")
    if not stat.S_ISREG(status.st_mode):
        return _unreadable(scanned, path, "special", "neither a file nor a folder")
    with (tree / path).open("rb") as file:
        content = file.read(FILE_BYTES)
    if status.st_size > FILE_BYTES:
        _unreadable(scanned, path, "too-large", f"larger than {FILE_BYTES // 1_000_000} MB")
    text = _text(content)
    if text is None:
        _unreadable(scanned, path, "binary", "not a text")
        text = _letters(content)
    target = scanned.folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
    if path.endswith(_PYTHON) or (content.startswith(b"#!") and b"python" in content.partition(b"\n")[0]):
        scanned.python.append(path)
        if encoding := _other_encoding(content):
            _unreadable(scanned, path, "source-encoding", f"its encoding is {encoding}")
    return None


def _text(content: bytes) -> str | None:
    if content.startswith(_UTF16):
        try:
            return _with_hidden_lines(content.decode("utf-16"), _letters(content))
        except UnicodeDecodeError:
            return None
    if b"\0" in content:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return _letters(content)


def _letters(content: bytes) -> str:
    """Every byte as a letter, so that what is ASCII can be found; without the NULs that UTF-16 puts between letters."""
    return content.replace(b"\0", b"").decode("latin-1")


def _with_hidden_lines(text: str, letters: str) -> str:
    """`text`, and below it what only shows when the file is not read as the encoding that its first bytes claim."""
    shown = {_ascii(line) for line in text.splitlines()}
    hidden = [line for line in letters.splitlines() if _ascii(line) not in shown]
    return "\n".join([text, *hidden]) if hidden else text


def _ascii(line: str) -> str:
    return line.encode("ascii", "ignore").decode()


def _other_encoding(content: bytes) -> str:
    for line in content.split(b"\n", 2)[:2]:
        if found := _CODING.match(line):
            name = found[1].decode().lower().replace("_", "-")
            return "" if name in _SAME_LETTERS else name
    return ""


def _unreadable(scanned: Scanned, path: str, rule: str, message: str) -> None:
    rating = severities.UNREADABLE[rule]
    finding = Finding(tool=TOOL, rule=rule, severity=rating.severity, path=path, message=f"{message}: {rating.why}")
    scanned.findings.append(finding)
