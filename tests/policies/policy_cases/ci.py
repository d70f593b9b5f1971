"""Cases of the controls of ci."""

from .case import Case

CASES: tuple[Case, ...] = ()
