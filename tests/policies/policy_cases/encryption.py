"""Cases of the controls of encryption."""

from .case import Case

CASES: tuple[Case, ...] = ()
