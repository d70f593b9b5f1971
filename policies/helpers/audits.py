"""Which buckets hold audit records."""

import re
from typing import Final

from policies.model import UNKNOWN
from policies.resources import Resource

_WORD: Final = re.compile(r"(^|[-_./])(audit|trail|cloudtrail)($|[-_./])", re.IGNORECASE)


def called_audit(resource: Resource, name: str) -> bool | None:
    """Whether a resource is called an audit one, in the program or by its property `name`; None: not known yet."""
    if _WORD.search(resource.name):
        return True
    value = resource.value(name)
    if value is UNKNOWN:
        return None
    return isinstance(value, str) and _WORD.search(value) is not None
