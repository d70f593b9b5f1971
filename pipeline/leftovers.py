"""What a worker that was killed leaves on the disk and among the processes, and its removal: under its claim only."""

import contextlib

from factory import artefacts, daemons
from factory.errors import Busy
from factory.paths import FactoryRoot
from factory.trees import remove_tree
from pipeline.checks import sockets
from pipeline.task_process import end_leftovers

# Exported trees and what checks write beside them, held-out criteria too. Other folders there are running commands'.
WORK = ("tree-*", "tests-*", "scan-*")


def sweep(root: FactoryRoot) -> None:
    """End the tasks' processes that a dead worker left, and remove its copies. For who holds the worker's claim.

    Tasks go on where they were with the next worker; their folders stay.
    """
    end_leftovers(root)
    for pattern in WORK:
        for folder in root.work.glob(pattern):
            remove_tree(folder)
    sockets.sweep(root)
    artefacts.sweep(root)


def stop_worker(root: FactoryRoot) -> bool:
    """Stop the worker, and end what one that was killed has left. Returns whether one was running."""
    stopped = daemons.stop(root, daemons.WORKER)
    # Whoever is just starting sweeps itself.
    with contextlib.suppress(Busy):
        claim = daemons.claim(root, daemons.WORKER)
        try:
            sweep(root)
        finally:
            claim.release()
    return stopped
