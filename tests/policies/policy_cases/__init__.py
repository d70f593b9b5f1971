"""Cases of every control as data: what must fail, what must pass, what stays undecided, and where each is from.

One module per group of the control catalogue; `case` says what a case is.
"""

from . import audit, bypass, ci, credentials, encryption, iam, isolation, ownership, runners
from .case import Case

CASES: tuple[Case, ...] = (
    *bypass.CASES,
    *isolation.CASES,
    *iam.CASES,
    *credentials.CASES,
    *encryption.CASES,
    *audit.CASES,
    *runners.CASES,
    *ci.CASES,
    *ownership.CASES,
)
