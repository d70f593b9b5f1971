"""The folder of one local cloud's state: `state.json` says which cloud it is, `<generation>/` holds the rest."""

import json
import os
import re
import shutil
import struct
import uuid
import zlib
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from platform import python_version_tuple
from typing import Final

from factory.paths import private_folder
from localcloud.durable.errors import StateBroken
from localcloud.durable.files import write
from localcloud.durable.log import Log

IDENTITY: Final = "state.json"
SNAPSHOT: Final = "snapshot-"
CHECKSUM: Final = struct.Struct("<I")
# Raised when a change of ours makes the calls of old logs answer differently.
FORMAT: Final = 1
# The name of a cloud's own folder.
GENERATION: Final = re.compile(r"[0-9a-f]{32}")
# One to fall back to; the logs reach back to the beginning anyway.
KEPT_SNAPSHOTS: Final = 2


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Which cloud this is.

    `generation` changes when the cloud is emptied. `salt` and `born` (Unix seconds) make its calls repeatable.
    `versions`: what its snapshots, and the meaning of its logged calls, depend on.
    """

    generation: str
    salt: str
    born: float
    versions: dict[str, str]


def versions() -> dict[str, str]:
    """The versions of this process."""
    packages = {name: version(name) for name in ("moto", "cryptography")}
    return {"format": str(FORMAT), "python": ".".join(python_version_tuple()[:2]), **packages}


class Folder:
    """Everything in it is readable by its owner only: logged calls carry secrets."""

    def __init__(self, path: Path, moment: float) -> None:
        """Open it; where no cloud is yet one is begun at `moment`. Raises StateBroken."""
        self._path = private_folder(path)
        found = kept_identity(path)
        if found is None and (lost := [each.name for each in path.iterdir() if GENERATION.fullmatch(each.name)]):
            raise StateBroken(f"{path / IDENTITY} is missing, which says what {', '.join(lost)} beside it is")
        self.identity = found or _new(moment)
        if found is None:
            self.keep(self.identity)

    @property
    def calls(self) -> Path:
        """Where this cloud's logs and snapshots are."""
        return private_folder(self._path / self.identity.generation)

    def begin(self, moment: float) -> Log:
        """Make it a new, empty cloud, and remove what was here. Ended half-way it is either the old or the new one.

        Its log is returned. Raises OSError, and then it is the old one.
        """
        new = _new(moment)
        calls = private_folder(self._path / new.generation)
        try:
            opened = Log(calls, 0)
            try:
                self.keep(new)
            except OSError:
                opened.close()
                raise
        except OSError:
            shutil.rmtree(calls, ignore_errors=True)
            raise
        self.sweep()
        return opened

    def keep(self, identity: Identity) -> None:
        """Write down which cloud this is."""
        write(self._path / IDENTITY, json.dumps(asdict(identity), indent=1).encode())
        self.identity = identity

    def sweep(self) -> None:
        """Remove what a process that was killed left behind, and other generations."""
        for path in self._path.iterdir():
            if path.is_dir() and path.name != self.identity.generation:
                shutil.rmtree(path, ignore_errors=True)
        self.sweep_drafts()

    def sweep_drafts(self, pid: int | str = "*") -> None:
        """Remove files that were begun and never finished, by that process or by any."""
        for draft in (*self._path.glob(f".*.{pid}.tmp"), *self.calls.glob(f".*.{pid}.tmp")):
            draft.unlink(missing_ok=True)

    def snapshots(self) -> list[int]:
        """The numbers of the last calls of each snapshot, newest first."""
        return sorted((int(path.name.removeprefix(SNAPSHOT)) for path in self.calls.glob(f"{SNAPSHOT}*")), reverse=True)

    def snapshot(self, last: int) -> bytes | None:
        """The content of the snapshot that was made after call `last`, or None when it is damaged."""
        data = self._snapshot(last).read_bytes()
        content = data[CHECKSUM.size :]
        if len(data) < CHECKSUM.size or CHECKSUM.unpack_from(data)[0] != zlib.crc32(content):
            return None
        return content

    def write_snapshot(self, last: int, content: bytes) -> None:
        """Keep a snapshot, and the one before it."""
        write(self._snapshot(last), CHECKSUM.pack(zlib.crc32(content)) + content)
        for older in self.snapshots()[KEPT_SNAPSHOTS:]:
            self._snapshot(older).unlink(missing_ok=True)

    def drop_snapshots(self) -> None:
        """Remove every snapshot: only the logs count from now on."""
        for last in self.snapshots():
            self._snapshot(last).unlink(missing_ok=True)

    def size(self) -> int:
        """Bytes on disk."""
        return sum(path.stat().st_size for path in self.calls.iterdir() if path.is_file())

    def _snapshot(self, last: int) -> Path:
        return self.calls / f"{SNAPSHOT}{last:012d}"


def kept_identity(path: Path) -> Identity | None:
    """Which cloud's state is in the folder `path`, or None where none is. Raises StateBroken. Nothing is changed."""
    file = path / IDENTITY
    try:
        return Identity(**json.loads(file.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise StateBroken(f"{file}: {error}") from error


def _new(moment: float) -> Identity:
    return Identity(generation=uuid.uuid4().hex, salt=os.urandom(8).hex(), born=moment, versions=versions())
