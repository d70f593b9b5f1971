"""Plays a recording of a terminal (an asciicast): what came out, at its own pace or faster.

What was recorded was written by whoever was in: sequences that ask the terminal for something, or set more of it than
its screen (title, clipboard, links), are left out. They could type into the shell of whoever watches.
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

# ECMA-48: strings for the device (OSC, DCS, APC, PM, SOS), as far as they are there; and what the device answers, or
# moves a window by: CSI with these final bytes.
_STRING: Final = r"\x1b[\]P_^X][^\x07\x1b]*(?:\x07|\x1b\\|$)"
_ASKS: Final = r"\x1b\[[0-?]*[ -/]*[cntpqxy]"
# Keys, resets, and the old ones of eight bits.
_OTHER: Final = r"\x1b(?:[cZ=>]|[()*+ #%][ -~])|[\x05\x0e\x0f\x80-\x9f]"
# Modes of the terminal, but for those of the screen itself: cursor, wrapping, the other screen. Not those of a mouse.
_MODES: Final = r"\x1b\[\?(?!(?:7|12|25|47|1047|1049)[hl])[0-9;]*[hl]"
_LEFT_OUT: Final = re.compile(f"{_STRING}|{_ASKS}|{_MODES}|{_OTHER}")
# One that is longer is no sequence, but hides what comes after it.
LONGEST: Final = 4096
# The beginning of a sequence whose rest is in the next piece.
_BEGUN: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|[\]P_^X][^\x07\x1b]*\x1b?|[()*+ #%])?\Z")
AFTER: Final = "\x1b[0m\x1b[?25h\x1b[?1049l\x1b[?2004l\n"


def events(file: Path) -> Iterator[tuple[float, str]]:
    """What came out, with seconds since the beginning. Raises ValueError for what is no asciicast."""
    with file.open(encoding="utf-8") as lines:
        next(lines, None)
        for line in lines:
            at, code, data = _event(line)
            if code == "o":
                yield at, data


def shown(pieces: Iterator[tuple[float, str]]) -> Iterator[tuple[float, str]]:
    """The same, as a screen may have it."""
    begun, at = "", 0.0
    for at, piece in pieces:
        text = begun + piece
        found = _BEGUN.search(text)
        begun = text[found.start() :] if found else ""
        text = text[: found.start()] if found else text
        if len(begun) > LONGEST:
            text, begun = text + begun.lstrip("\x1b"), ""
        if clean := _LEFT_OUT.sub("", text):
            yield at, clean


def play(
    file: Path,
    write: Callable[[str], object],
    *,
    speed: float,
    idle: float,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Write it at its pace: `speed` times as fast, no pause longer than `idle` seconds. Raises ValueError."""
    before = 0.0
    for at, text in shown(events(file)):
        sleep(min(at - before, idle) / speed)
        before = at
        write(text)
    write(AFTER)


def printed(file: Path, write: Callable[[str], object]) -> None:
    """Write it all at once. Raises ValueError."""
    for _, text in shown(events(file)):
        write(text)


def _event(line: str) -> tuple[float, str, str]:
    event: Any = json.loads(line)
    if not isinstance(event, list) or [type(each) for each in event[1:]] != [str, str]:
        raise ValueError("a line is no event")
    return float(event[0]), event[1], event[2]
