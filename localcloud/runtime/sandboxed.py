"""Tasks as confined processes: the artefact read-only, a folder of its own to write to, no network but two sockets.

One leads in, to the copy's port; one leads out, to what the launch's `connect` opens.

Weaker than a container where it matters little here: no image, no cgroup for CPU, the machine's own Python.
"""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sandbox
from factory.errors import MillwrightError
from factory.paths import FactoryRoot, private_folder
from factory.trees import remove_tree
from localcloud.runtime.interface import CannotStart, Launch
from localcloud.sockets import by_descriptor, pinned

# Where a copy finds its artefact, and where it may write. Both are the contract with what is deployed.
ARTEFACT: Final = "/app"
DATA: Final = "/data"
# The kernel's limit is on what a process addresses, and threads and libraries address far more than they use; what is
# used is watched by the reconciler.
ADDRESSED_MIB: Final = 4096
SOCKETS: Final = "millwright-doors-"
SOCKET: Final = "s"
# The folders of a copy's two sockets, below its own: the copy can write to the first.
INWARD: Final = "in"
OUTWARD: Final = "out"


@dataclass
class Process:
    """One running copy and its files. `doors` holds its sockets' folders."""

    worker: sandbox.Worker
    gate: sandbox.Gate
    doors: Path
    folder: Path
    _pinned: int | None = None

    @property
    def socket(self) -> Path | None:
        """The copy's socket, pinned when it is first seen.

        The copy can write to its folder. A path would be resolved on this machine at each use, and the copy could put a
        link to any other socket there.
        """
        if self._pinned is None:
            with contextlib.suppress(OSError):
                self._pinned = pinned(self.doors / INWARD / SOCKET)
        return None if self._pinned is None else by_descriptor(self._pinned)

    @property
    def log(self) -> Path:
        """What the copy has written."""
        return self.folder / "log"

    def exit_code(self) -> int | None:
        """How it ended, or None while it runs."""
        return self.worker.exit_code()

    @property
    def ended_for(self) -> str:
        """What it used too much of, when it was ended for that."""
        return self.worker.ended_for

    def used_mib(self, enough: int = 0) -> int:
        """What its processes hold in memory; up to `enough`, no less than that."""
        return self.worker.used_mib(enough)

    def may_reach(self, places: Iterable[tuple[str, int]]) -> None:
        """Let it reach these places, and end what is open to others."""
        self.gate.tell(places)

    def stop(self, grace_seconds: float) -> None:
        """End it, if it still runs."""
        self.worker.stop(grace_seconds)
        self.gate.close()

    def remove(self) -> None:
        """Remove its folders: what it wrote to /data is gone, as with a task's own storage."""
        if self._pinned is not None:
            os.close(self._pinned)
            self._pinned = None
        remove_tree(self.doors)
        remove_tree(self.folder)


class SandboxedProcesses:
    """Starts copies with `sandbox`, from the factory's store of artefacts."""

    def __init__(self, root: FactoryRoot, tree: Callable[[str], Path]) -> None:
        self._folder = root.state / "services"
        self._tree = tree
        # A daemon that was killed could not clean up; its processes ended with it.
        self._sweep()
        self._doors: Path | None = None
        self._gates: sandbox.Gates | None = None

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
        doors = private_folder(self._all_doors() / launch.task[:16])
        gate = self._gate(launch, doors)
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
        log = folder / "log"
        try:
            if launch.port is None:
                return Process(sandbox.start_worker(confined, log=log, way=gate.socket), gate, doors, folder)
            inward = private_folder(doors / INWARD) / SOCKET
            served = sandbox.start_service(confined, port=launch.port, socket=inward, log=log, way=gate.socket)
        except BaseException:
            gate.close()
            remove_tree(doors)
            raise
        return Process(served, gate, doors, folder)

    def _gate(self, launch: Launch, doors: Path) -> sandbox.Gate:
        self._gates = self._gates or sandbox.Gates()
        gate = self._gates.open(private_folder(doors / OUTWARD) / SOCKET, launch.connect)
        gate.tell(launch.places)
        return gate

    def close(self) -> None:
        """Remove the folders of the sockets and of the copies."""
        if self._gates:
            self._gates.close()
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
