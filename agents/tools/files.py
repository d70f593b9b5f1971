"""Read, search and edit: what acts on the worktree in the loop's own process."""

import contextlib
import hashlib
import os
import re
import signal
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass

from agents.tools.inputs import Edit, Read, Search
from agents.tools.places import MOST_PARTS, Place, PlaceRefused, check_writable, parts_of, read_at
from agents.tools.results import Result, failed, refused

MOST_HITS = 200
MOST_FILES = 5_000
HIT_LENGTH = 300
SEARCH_SECONDS = 5.0
CACHES = frozenset({"__pycache__", ".pytest_cache", ".ruff_cache", ".mypy_cache", "node_modules", ".venv"})


@dataclass(frozen=True)
class Change:
    """What an edit does to one file: digests of its content before ("" for a new file) and after, and the content."""

    path: str
    before: str
    after: str
    content: bytes


def read(place: Place, asked: Read) -> Result:
    """The lines that were asked for."""
    try:
        content = place.read(asked.path)
    except PlaceRefused as error:
        return refused(str(error))
    try:
        lines = content.decode().splitlines(keepends=True)
    except UnicodeDecodeError:
        return failed(f"{asked.path}: not a text file ({len(content)} bytes)")
    chosen = lines[asked.from_line - 1 : asked.from_line - 1 + asked.lines]
    if not chosen and lines:
        return failed(f"{asked.path}: has {len(lines)} lines; none from line {asked.from_line}")
    last = asked.from_line + len(chosen) - 1
    said = f"{asked.path}, lines {asked.from_line if chosen else 0}-{last} of {len(lines)}"
    return Result(said=said, data="".join(chosen), source=asked.path)


def search(place: Place, asked: Search) -> Result:
    """Every line below a folder, or of a file, that the pattern matches."""
    try:
        pattern = re.compile(asked.pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return failed(f"not a regular expression: {error}")
    try:
        with _no_longer_than(SEARCH_SECONDS):
            hits = [hit for _, hit in zip(range(MOST_HITS + 1), _hits(place, asked.path, pattern), strict=False)]
    except PlaceRefused as error:
        return refused(str(error))
    except TooLong:
        return failed(f"the search took longer than {SEARCH_SECONDS:g} s: make the pattern simpler")
    if not hits:
        return Result(said="no match")
    more = f"the first {MOST_HITS} matches" if len(hits) > MOST_HITS else f"{len(hits)} matches"
    return Result(said=more, data="\n".join(hits[:MOST_HITS]), source=f"search in {asked.path or 'the worktree'}")


def prepare(place: Place, asked: Edit) -> Change | Result:
    """What the edit would do, or why it cannot be done. Nothing is written yet."""
    try:
        check_writable(asked.path)
        if asked.old is None:
            if place.exists(asked.path):
                return failed(f"{asked.path} exists already: give the text to replace")
            return Change(asked.path, "", digest(asked.new.encode()), asked.new.encode())
        content = place.read(asked.path)
    except PlaceRefused as error:
        return refused(str(error))
    count = content.count(asked.old.encode())
    if count != 1:
        return failed(f"{asked.path}: the text to replace stands there {count} times; it must stand there once")
    after = content.replace(asked.old.encode(), asked.new.encode())
    return Change(asked.path, digest(content), digest(after), after)


def apply(place: Place, change: Change) -> Result:
    """Do what `prepare` found."""
    try:
        place.write(change.path, change.content)
    except PlaceRefused as error:
        return refused(str(error))
    return edited(change.path, new=not change.before)


def edited(path: str, *, new: bool) -> Result:
    """What a carried out edit answers."""
    return Result(said=f"{'created' if new else 'edited'} {path}")


def digest_at(place: Place, path: str) -> str:
    """The digest of a file's content now; "" when there is none that can be read."""
    try:
        return digest(place.read(path))
    except PlaceRefused:
        return ""


def digest(content: bytes) -> str:
    """SHA-256 of some content."""
    return hashlib.sha256(content).hexdigest()


class TooLong(Exception):
    """A search did not end in its time."""


@contextlib.contextmanager
def _no_longer_than(seconds: float) -> Iterator[None]:
    """Raises TooLong: a pattern can take for ever, and only a signal ends a match."""

    def ring(*_: object) -> None:
        raise TooLong

    begun = time.monotonic()
    before = signal.signal(signal.SIGALRM, ring)
    left, interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            # Somebody else's alarm was set before ours.
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - begun), 0.001), interval)


def _hits(place: Place, path: str, pattern: re.Pattern[str]) -> Iterator[str]:
    for name, content in _files(place, path):
        with contextlib.suppress(UnicodeDecodeError):
            for number, line in enumerate(content.decode().splitlines(), start=1):
                if pattern.search(line):
                    yield f"{name}:{number}: {line[:HIT_LENGTH]}"


def _files(place: Place, path: str) -> Iterator[tuple[str, bytes]]:
    if path and _is_file(place, path):
        yield path, place.read(path)
        return
    seen = 0
    with place.folder(path) as top:
        for below, folders, names, folder in os.fwalk(dir_fd=top, follow_symlinks=False):
            # Nothing deeper can be read, and os.fwalk goes one call deeper for each folder.
            deep = below.count("/") >= MOST_PARTS
            folders[:] = [] if deep else sorted(name for name in folders if name not in CACHES and name != ".git")
            for name in sorted(names):
                seen += 1
                if seen > MOST_FILES:
                    return
                # Links, pipes and what is too big are left out.
                with contextlib.suppress(PlaceRefused):
                    whole = os.path.normpath("/".join(part for part in (path.rstrip("/"), below, name) if part))
                    if parts_of(whole):
                        yield whole, read_at(folder, name, whole)


def _is_file(place: Place, path: str) -> bool:
    *above, name = parts_of(path)
    with place.folder("/".join(above)) as folder, contextlib.suppress(FileNotFoundError):
        return not stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    return False
