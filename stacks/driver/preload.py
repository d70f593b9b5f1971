"""What the driver's processes have in memory when they are forked: imported once, by the server that forks them."""

import gc

# A tenth of the time goes into looking for garbage among what is kept for good.
gc.disable()

from pulumi import log  # noqa: E402

import stacks.driver.worker  # noqa: E402, F401


def _told_to_nobody(*_: object, **__: object) -> None:
    """The SDK tells the engine what it does, twice for each resource and a millisecond each; the driver shows none."""


log.debug = _told_to_nobody

# Not to be copied by the first collection of every process that is forked.
gc.freeze()
gc.enable()
