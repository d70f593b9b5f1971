"""A factory's backup: one archive of everything in `.millwright` that cannot be made again, and the way back.

Only `console` and tests import it. `save` takes it while everything stands still; `restore` makes a factory of it.
"""

from pipeline.backup.manifest import Manifest
from pipeline.backup.progress import Report, Step
from pipeline.backup.restoring import restore
from pipeline.backup.saving import save

__all__ = ["Manifest", "Report", "Step", "restore", "save"]
