"""CI/CD: gates, pinned parts, and what a pipeline takes in."""

from typing import Final

from policies.model import Control

CONTROLS: Final[tuple[Control, ...]] = ()
