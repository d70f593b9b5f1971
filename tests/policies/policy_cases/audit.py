"""Cases of the controls of audit."""

from .case import Case

CASES: tuple[Case, ...] = ()
