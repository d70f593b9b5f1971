"""A change as people write it: what it is for, criteria that everybody sees, criteria that agents never see.

`load_change` gives what may be shown, `load_held_out` only where the rest stands and its digest: nothing that is handed
to an agent can carry it. Imported by the stages and the console; imports `factory` and the forms of the criteria.
"""

from pipeline.changefiles.linting import ChangeMistakes, lint_change
from pipeline.changefiles.loading import ChangeFile, HeldOut, load_change, load_held_out, read_held_out

__all__ = [
    "ChangeFile",
    "ChangeMistakes",
    "HeldOut",
    "lint_change",
    "load_change",
    "load_held_out",
    "read_held_out",
]
