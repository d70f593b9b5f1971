"""The recording of a command or a shell: an asciicast (version 2), which any player of them plays.

https://docs.asciinema.org/manual/asciicast/v2/ . The first line is its header; what is ours stands there under
`millwright`. Then a line for each thing: seconds since the beginning, a code, and a text. Codes of the format: `o`
what came out (both streams), `i` what was typed or sent in, `r` the terminal's new size. Ours, which players leave out:
`s` a signal, `x` how it ended, as JSON.
"""

import codecs
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from access.recorder import Recorder, Unrecorded
from access.ssh.refusals import unrecorded

WIDTH, HEIGHT = 80, 24
SUFFIX: Final = ".cast"


class Terminal:
    """What is said in one session. Every method raises Refused when it is not recorded: then it does not happen."""

    def __init__(self, recorder: Recorder, about: dict[str, Any], size: tuple[int, int], argv: str | None) -> None:
        self._recorder, self._began = recorder, time.monotonic()
        self._out: Final = {stream: _text("replace") for stream in ("stdout", "stderr")}
        # What a shell is sent is what it does, whatever bytes there are.
        self._in: Final = _text("backslashreplace")
        self._digest, self._bytes = hashlib.sha256(), 0
        header = {"version": 2, "width": size[0] or WIDTH, "height": size[1] or HEIGHT, "timestamp": int(time.time())}
        self._write([{**header, **({} if argv is None else {"command": argv}), "env": {}, "millwright": about}])

    def out(self, stream: str, data: bytes) -> None:
        """What comes out."""
        self._digest.update(data)
        self._bytes += len(data)
        self._event("o", self._out[stream](data))

    def sent(self, data: bytes) -> None:
        """What is typed, or sent in."""
        self._event("i", self._in(data))

    def resized(self, width: int, height: int) -> None:
        """The terminal's new size."""
        self._event("r", f"{width}x{height}")

    def signalled(self, name: str) -> None:
        """A signal for what runs."""
        self._event("s", name)

    def ended(self, **how: Any) -> None:
        """How it ended; the digest is that of everything that came out."""
        end = {**how, "bytes": self._bytes, "sha256": self._digest.hexdigest()}
        try:
            self._recorder.write_last([self._at(), "x", json.dumps(end)])
        except Unrecorded as error:
            raise unrecorded() from error

    def _event(self, code: str, data: str) -> None:
        if data:
            self._write([[self._at(), code, data]])

    def _write(self, records: list[Any]) -> None:
        try:
            self._recorder.write(records)
        except Unrecorded as error:
            raise unrecorded() from error

    def _at(self) -> float:
        return round(time.monotonic() - self._began, 6)


@dataclass(frozen=True)
class Told:
    """A recording read back. `ended`: why, None when it has not; `status`: "" when all went well, None: none came."""

    client: str
    began: float
    command: str
    ended: str | None
    tags: list[str]
    status: str | None
    ms: float


def told(records: list[Any]) -> Told:
    """What an asciicast's records tell. Raises ValueError, KeyError, TypeError for what is none of ours."""
    header, *lines = records
    about, command = header["millwright"], header.get("command", "a shell")
    if not lines or lines[-1][1] != "x":
        return Told(about["client"], about["at"], command, None, [], None, 0.0)
    seconds, _, said = lines[-1]
    end = json.loads(said)
    tags = [f"{end['bytes']} bytes of output", f"sha256 {end['sha256']}"]
    status = "" if end["status"] == "0" else f"status {end['status'] or 'unknown'}"
    return Told(about["client"], about["at"], command, end["detail"] or "it was over", tags, status, seconds * 1000)


def _text(errors: str) -> Callable[[bytes], str]:
    # A character may come in two pieces.
    return codecs.getincrementaldecoder("utf-8")(errors=errors).decode
