"""Audit: trails, logs and how long they are kept."""

from typing import Final

from policies.model import Control

CONTROLS: Final[tuple[Control, ...]] = ()
