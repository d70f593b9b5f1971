"""What a confined process is asked to be, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

WORK = "/work"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a confined process may use: wall-clock seconds, MiB of memory per process, and so on.

    `file_mib` bounds each file it writes, `disk_mib` what its writable folders hold together (what was there before
    too), `output_bytes` what is kept of each of its two outputs.
    """

    seconds: float = 60
    memory_mib: int = 1024
    processes: int = 256
    file_mib: int = 256
    disk_mib: int = 1024
    open_files: int = 1024
    output_bytes: int = 1_000_000


@dataclass(frozen=True)
class Bind:
    """A file or folder of the host that is seen inside, at the absolute path `inside`."""

    host: Path
    inside: str
    writable: bool = False


@dataclass(frozen=True, kw_only=True)
class Confined:
    """One command to confine: its words, what it sees of the host, its whole environment. It never has a network.

    `keeps`: descriptors that stay open for as long as anything inside lives, as one with a lock.
    """

    argv: tuple[str, ...]
    binds: tuple[Bind, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str = WORK
    limits: Limits = field(default_factory=Limits)
    stdin: bytes = b""
    keeps: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Ran:
    """How it ended. `truncated`: more was written than is kept. A command ended by a signal has a code over 128.

    `ended_for`: what it used too much of in sum, when it was ended for that; `err` says it too.
    """

    code: int
    out: str
    err: str
    timed_out: bool
    truncated: bool
    seconds: float
    ended_for: str = ""
