"""The test stage: own tests, visible criteria, held-out criteria, each in sandboxes that no agent has a part in."""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from factory.paths import FactoryRoot, private_folder
from factory.quiet import alone, beside_others, quiet_lock
from factory.spec import AppSpec
from factory.trees import remove_tree
from pipeline.changefiles import ChangeFile, HeldOut, read_held_out
from pipeline.checks.acceptance import run_criteria
from pipeline.checks.own_tests import run_own_tests
from pipeline.checks.reports import SuiteName, TestReport


def run_tests(
    root: FactoryRoot, spec: AppSpec, tree: Path, change: ChangeFile, held_out: HeldOut, *, base: Path | None = None
) -> TestReport:
    """Test the app's `tree` for a change; `base` is the tree before it, None when there is none to compare with.

    All suites run, whichever fails: the coder learns everything at once. The tree is only read. Raises InputError
    (the held-out file is another one than was loaded, the app does not say how it is started), SandboxUnavailable.
    """
    private_folder(root.work)
    work = Path(tempfile.mkdtemp(prefix="tests-", dir=root.work))
    try:
        # Names that say nothing: a confined process can see where its folders stand on the host.
        suites = {name: Path(tempfile.mkdtemp(dir=work)) for name in SuiteName}
        hidden = read_held_out(held_out)
        lock = quiet_lock(root, spec.name)
        # These two beside each other: they mostly wait for processes to start, and agents are told all of both.
        with beside_others(lock), ThreadPoolExecutor() as pool:
            asked = (
                pool.submit(run_own_tests, tree, base, change.fewer_tests, suites[SuiteName.OWN]),
                pool.submit(
                    run_criteria, root, SuiteName.VISIBLE, change.visible, spec, tree, suites[SuiteName.VISIBLE]
                ),
            )
            own, visible = (each.result() for each in asked)
        # And this one when they have ended: a process that an agent hears of could listen to what this service does.
        with alone(lock):
            kept = run_criteria(root, SuiteName.HELD_OUT, hidden, spec, tree, suites[SuiteName.HELD_OUT])
    finally:
        remove_tree(work)
    return TestReport(own=own, visible=visible, held_out=kept)
