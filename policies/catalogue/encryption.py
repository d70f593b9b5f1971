"""Encryption: at rest, on the way, and of what nobody may read."""

from typing import Final

from policies.model import Control

CONTROLS: Final[tuple[Control, ...]] = ()
