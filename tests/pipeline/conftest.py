"""Tasks' databases are those of tests/access: a server as the local cloud runs it."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "access"))
