"""Who calls the cloud's API from a copy."""

from dataclasses import dataclass

from localcloud.runtime.declared import ServiceId


@dataclass(frozen=True)
class Caller:
    """A copy of which service, as which role ("": its task definition names none), as which task."""

    service: ServiceId
    role: str
    task: str
