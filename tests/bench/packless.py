"""Takes the policy pack from the driver's processes: only for `tests.bench.policy`, which says what the pack costs.

The driver has no such switch. Its server imports this after its own modules, and every process forked from it then
neither waits for a pack nor insists on one.
"""

from stacks.driver import operate, worker


def _not_required(*_: object) -> None:
    """Whether a pack ran is not asked."""


operate._Engine.require_policies = _not_required  # type: ignore[method-assign]
# No process is made ready to run one.
worker.PACKS = 0
