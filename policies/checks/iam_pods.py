"""IAM: the identity that a pod is given at the cluster's own interface."""

from collections.abc import Iterator
from typing import Final

from policies.context import Context
from policies.helpers.pods import pod_of
from policies.model import Fail, Finding, Unknown
from policies.resources import Resource

AUTOMOUNT: Final = "automountServiceAccountToken"


def no_token_mounted(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 32: a pod says that it wants no token of its service account; what its account says does not count."""
    del context
    pod = pod_of(resource)
    if pod.unknown and not pod.properties:
        yield from (Unknown(path) for path in pod.unknown)
        return
    found = pod.setting(AUTOMOUNT)
    # A patch changes what it names and leaves the rest, and what is only read declares nothing.
    silent = found.value is None and (resource.type.endswith("Patch") or not resource.properties)
    if found.unknown:
        yield Unknown(found.path)
    elif found.value is not False and not silent:
        yield Fail(found.path, "gives every container a token for the cluster's interface")
