"""The controls of the pack, in the order of their numbers. To add one: a record in its group.

References name the public rules a control can be compared with: CIS AWS Foundations, Checkov (CKV), Prowler.
"""

from typing import Final

from policies.catalogue import audit, bypass, ci, credentials, encryption, iam, isolation, ownership, runners
from policies.model import Control

GROUPS: Final[dict[str, tuple[Control, ...]]] = {
    "bypass": bypass.CONTROLS,
    "isolation": isolation.CONTROLS,
    "iam": iam.CONTROLS,
    "credentials": credentials.CONTROLS,
    "encryption": encryption.CONTROLS,
    "audit": audit.CONTROLS,
    "runners": runners.CONTROLS,
    "ci": ci.CONTROLS,
    "ownership": ownership.CONTROLS,
}
CONTROLS: Final = tuple(sorted((one for group in GROUPS.values() for one in group), key=lambda one: one.number))
