"""What the driver's processes have in memory when they are forked: imported once, by the server that forks them."""

import gc

# A tenth of the time goes into looking for garbage among what is kept for good.
gc.disable()

import stacks.driver.worker  # noqa: E402, F401

# Not to be copied by the first collection of every process that is forked.
gc.freeze()
gc.enable()
