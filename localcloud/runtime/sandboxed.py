"""Tasks as confined processes: the artefact read-only, a folder of its own to write to, no network but one socket.

Weaker than a container where it matters little here: no image, no cgroup for CPU, the machine's own Python.
"""

import contextlib
import os
import stat
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sandbox
from factory.errors import MillwrightError
from factory.paths import FactoryRoot, private_folder
from factory.trees import remove_tree
from localcloud.relay import Loop
from localcloud.runtime.interface import CannotStart, Launch
from localcloud.runtime.outward import Outward
from localcloud.runtime.reach import Way

# Where a copy finds its artefact, and where it may write. Both are the contract with what is deployed.
ARTEFACT: Final = "/app"
DATA: Final = "/data"
# The kernel's limit is on what a process addresses, and threads and libraries address far more than they use; what is
# used is watched by the reconciler.
ADDRESSED_MIB: Final = 4096
SOCKETS: Final = "millwright-doors-"
SOCKET: Final = "s"
# The host's own, in the copy's folder: a copy that puts something else in its place cuts itself off.
OUT: Final = "o"
# PostgreSQL's own: a database that comes later is most likely there.
USUAL_PORTS: Final = frozenset({5432})


@dataclass
class Process:
    """One running copy and its files. `door` is a folder that the copy can write to: nothing in it is believed."""

    served: sandbox.Served
    door: Path
    folder: Path
    outward: Outward
    _pinned: int | None = None

    @property
    def socket(self) -> Path | None:
        """The copy's socket, pinned when it is first seen.

        A path would be resolved on this machine at each use, and the copy could put a link to any other socket there.
        """
        if self._pinned is None:
            with contextlib.suppress(OSError):
                self._pinned = _pin(self.door / SOCKET)
        return None if self._pinned is None else Path(f"/proc/self/fd/{self._pinned}")

    @property
    def log(self) -> Path:
        """What the copy has written."""
        return self.folder / "log"

    def exit_code(self) -> int | None:
        """How it ended, or None while it runs."""
        return self.served.exit_code()

    @property
    def ended_for(self) -> str:
        """What it used too much of, when it was ended for that."""
        return self.served.ended_for

    def allow(self, ways: frozenset[Way]) -> None:
        """From now on it reaches these and no others."""
        self.outward.allow(ways)

    def used_mib(self) -> int:
        """What its processes hold in memory."""
        return self.served.used_mib()

    def stop(self, grace_seconds: float) -> None:
        """End it, if it still runs."""
        self.served.stop(grace_seconds)

    def remove(self) -> None:
        """Remove its folders: what it wrote to /data is gone, as with a task's own storage."""
        self.outward.close()
        if self._pinned is not None:
            os.close(self._pinned)
            self._pinned = None
        remove_tree(self.door)
        remove_tree(self.folder)


def _pin(path: Path) -> int:
    """A descriptor of the socket at `path`. Raises OSError when something else is there."""
    descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError(f"{path} is no socket")
    return descriptor


class SandboxedProcesses:
    """Starts copies with `sandbox`, from the factory's store of artefacts."""

    def __init__(self, root: FactoryRoot, tree: Callable[[str], Path]) -> None:
        self._folder = root.state / "services"
        self._tree = tree
        # A daemon that was killed could not clean up; its processes ended with it.
        self._sweep()
        self._doors: Path | None = None
        self._loop: Loop | None = None

    def start(self, launch: Launch) -> Process:
        """Start one copy. Raises CannotStart."""
        try:
            tree = self._tree(launch.digest)
        except (MillwrightError, OSError, LookupError) as error:
            raise CannotStart(f"the artefact {launch.digest} cannot be used: {error}") from None
        folder = self._folder / launch.task
        try:
            return self._confined(launch, tree, private_folder(folder))
        except (MillwrightError, OSError, ValueError) as error:
            remove_tree(folder)
            raise CannotStart(f"no confined process can be made: {error}", lasting=False) from None

    def _confined(self, launch: Launch, tree: Path, folder: Path) -> Process:
        # One folder each: it can be written to from inside.
        door = private_folder(self._all_doors() / launch.task[:16])
        confined = sandbox.Confined(
            argv=tuple(launch.command),
            binds=(
                *sandbox.python_binds(),
                sandbox.Bind(tree, ARTEFACT),
                sandbox.Bind(private_folder(folder / "data"), DATA, writable=True),
            ),
            env=launch.environment,
            cwd=ARTEFACT,
            limits=sandbox.Limits(memory_mib=launch.memory_mib + ADDRESSED_MIB),
        )
        self._loop = self._loop or Loop("outward")
        outward = Outward(self._loop, door / OUT)
        outward.allow(launch.ways)
        try:
            served = sandbox.start_service(
                confined,
                port=launch.port,
                socket=door / SOCKET,
                log=folder / "log",
                outward=sandbox.Outward(
                    socket=door / OUT, ports=tuple(sorted((launch.ports | USUAL_PORTS) - {launch.port or 0}))
                ),
            )
        except BaseException:
            outward.close()
            raise
        return Process(served, door, folder, outward)

    def close(self) -> None:
        """Remove the folders of the sockets and of the copies."""
        if self._loop:
            self._loop.end()
        self._sweep()

    def _all_doors(self) -> Path:
        """The folder of all sockets; the path of one is limited to 108 bytes, and a factory may lie deep."""
        if self._doors is None:
            self._doors = Path(tempfile.mkdtemp(prefix=SOCKETS))
            (private_folder(self._folder) / "sockets").write_text(str(self._doors))
        return self._doors

    def _sweep(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            sockets = Path((self._folder / "sockets").read_text())
            if sockets.parent == Path(tempfile.gettempdir()) and sockets.name.startswith(SOCKETS):
                remove_tree(sockets)
        remove_tree(self._folder)
