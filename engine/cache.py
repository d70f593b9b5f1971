"""The cache of engines: one folder per version, each binary checked against its SHA-256, published in one step.

The cache belongs to the user, not to a factory: an engine is built once and serves all factories.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

LANGUAGE_HOST = "pulumi-language-python"
# MILLWRIGHT_PYTHON says whose Python serves: one cached engine is shared by factories with different environments.
# SIGINT is ignored until the host has its own handler: it would break off the interpreter's start with a traceback.
LANGUAGE_HOST_SCRIPT = """#!/bin/sh
trap '' INT
exec "${MILLWRIGHT_PYTHON:-python3}" -P -m engine.language_host "$@"
"""
SCRATCH_PREFIX = ".making-"

State = Literal["intact", "missing", "corrupted"]


@dataclass(frozen=True)
class Entry:
    """One version of the engine in the cache, or the place where it will be.

    `bin/pulumi` is the engine, `bin/pulumi.sha256` its checksum (as `sha256sum -c` reads it) and `verified.json` the
    size and time of the file when it was last found to match, so that not every command reads 115 MB.
    """

    folder: Path
    version: str

    @property
    def binary(self) -> Path:
        """The engine's executable."""
        return self.folder / "bin" / "pulumi"

    @property
    def checksum_file(self) -> Path:
        """The SHA-256 of `binary`, written when it was published."""
        return self.folder / "bin" / "pulumi.sha256"

    @property
    def _verified_file(self) -> Path:
        return self.folder / "verified.json"

    def state(self) -> State:
        """Whether the engine is there and is what was published."""
        try:
            if self._verified_file.read_text() == self._identity():
                return "intact"
        except OSError:
            pass
        return self.verify()

    def verify(self) -> State:
        """As `state`, but always reads the whole file."""
        try:
            recorded = self.checksum_file.read_text().split()[0]
            found = sha256(self.binary)
        except (OSError, IndexError):
            return "missing"
        if recorded != found:
            return "corrupted"
        # A read-only cache works too, only slower.
        with contextlib.suppress(OSError):
            write_atomically(self._verified_file, self._identity())
        return "intact"

    def publish(self, made: Path) -> None:
        """Take `made`, a `bin` folder with a complete engine on the same file system, as this version.

        Readers see the old state or the new one: when the process dies in between, the checksum does not match
        (or is missing), and the next one makes the engine again.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        (made / "pulumi.sha256").write_text(f"{sha256(made / 'pulumi')}  pulumi\n")
        if self.binary.parent.exists():
            shutil.rmtree(self.binary.parent)
        made.replace(self.binary.parent)
        self.verify()

    def _identity(self) -> str:
        found = self.binary.stat()
        recorded = self.checksum_file.stat()
        return json.dumps([found.st_size, found.st_mtime_ns, found.st_ino, recorded.st_mtime_ns])


def ensure_language_host(entry: Entry) -> None:
    """Put our language host beside the engine (an engine that we built comes without one), in its current form."""
    script = entry.binary.with_name(LANGUAGE_HOST)
    try:
        if script.read_text() == LANGUAGE_HOST_SCRIPT:
            return
    except OSError:
        pass
    write_atomically(script, LANGUAGE_HOST_SCRIPT, mode=0o755)


@contextlib.contextmanager
def making(entry: Entry, on_wait: Callable[[], None]) -> Iterator[Path]:
    """The right to make `entry`, with a scratch folder beside it; others who want to make it wait.

    `on_wait` is called once when another process is making it. The kernel gives the lock up when the holder dies,
    however it dies; what it left in its scratch folder is removed by the next one.
    """
    entry.folder.mkdir(parents=True, exist_ok=True)
    with (entry.folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(lock, fcntl.LOCK_EX)
        for left_over in entry.folder.glob(f"{SCRATCH_PREFIX}*"):
            _remove(left_over)
        scratch = Path(tempfile.mkdtemp(prefix=SCRATCH_PREFIX, dir=entry.folder))
        try:
            yield scratch
        finally:
            _remove(scratch)


def _remove(folder: Path) -> None:
    # A tool that outlives its killed parent may still write there; what stays is removed the next time.
    shutil.rmtree(folder, ignore_errors=True)


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomically(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a whole file so that a reader sees the old text or the new one."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        draft.chmod(mode)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
