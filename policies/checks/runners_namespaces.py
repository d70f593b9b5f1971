"""Runners: what bounds a namespace, and the containers in it."""

import re
from collections.abc import Iterator
from typing import Final

from policies.checks.runners_pods import judged_containers
from policies.context import Context
from policies.helpers.fields import must_be
from policies.helpers.pods import PLACES, POD_READS, Setting, at, namespace_of, pod_of
from policies.model import UNKNOWN, Fail, Finding, Plain, Unknown
from policies.resources import Resource, Stack

NAMESPACE: Final = "kubernetes:core/v1:Namespace"
NAMESPACE_PATCH: Final = "kubernetes:core/v1:NamespacePatch"
QUOTA: Final = "kubernetes:core/v1:ResourceQuota"
LIMIT_READS: Final = {**POD_READS, NAMESPACE: ("metadata",), QUOTA: ("metadata", "spec")}
BOUNDED: Final = ("cpu", "memory")
ENFORCE: Final = "pod-security.kubernetes.io/enforce"
VERSION: Final = "pod-security.kubernetes.io/enforce-version"
# Until then `restricted` asked for neither dropped capabilities nor a seccomp profile on every kind of container.
FIRST_COMPLETE: Final = 22


def limited(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 51: every container has a limit of CPU and memory, or its pod has; a quota names both."""
    del context
    if resource.type == QUOTA:
        yield from _quota(resource)
        return
    if resource.type not in PLACES:
        return
    pod = pod_of(resource)
    yield from (Unknown(path) for path in pod.unknown)
    for container in judged_containers(resource, pod):
        # The API takes no resources for ephemeral containers: they live on what the pod has left.
        if container.kind == "ephemeralContainers":
            continue
        for name in BOUNDED:
            limit = container.setting("resources", "limits", name)
            shared = pod.setting("resources", "limits", name)
            yield from _bounds(limit if shared.value is None else shared, "leaves the container without a limit")


def quota_for_each(stack: Stack, context: Context) -> Iterator[Finding]:
    """Control 51: each namespace that the stack declares has a quota in the same stack."""
    del context
    quotas = list(stack.of(QUOTA))
    for namespace in stack.of(NAMESPACE):
        verdicts = [_is_of(quota, namespace) for quota in quotas]
        if True in verdicts:
            continue
        path = ("metadata", "name")
        if None in verdicts:
            yield Unknown(path, urn=namespace.urn)
        else:
            yield Fail(path, "names a namespace without a ResourceQuota", urn=namespace.urn)


def security_admission(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 53: the cluster refuses in the namespace what breaks the restricted Pod Security Standard."""
    del context
    level = at(resource.properties, ("metadata", "labels", ENFORCE), ())
    # A patch that does not say it leaves it as it is.
    if resource.type == NAMESPACE or level.value is not None:
        yield from must_be((level,), ("restricted",), "lets pods run that break the restricted standard")
    version = at(resource.properties, ("metadata", "labels", VERSION), ())
    if version.unknown:
        yield Unknown(version.path)
    elif isinstance(version.value, str) and _incomplete(version.value):
        yield Fail(version.path, "pins a version of the standard that leaves out capabilities")


def _incomplete(version: str) -> bool:
    pinned = re.fullmatch(r"v1\.(\d{1,4})", version, re.ASCII)
    return pinned is not None and int(pinned[1]) < FIRST_COMPLETE


def _quota(resource: Resource) -> Iterator[Finding]:
    hard = at(resource.properties, ("spec", "hard"), ())
    if hard.unknown:
        yield Unknown(hard.path)
        return
    for name in BOUNDED:
        limit = at(resource.properties, ("spec", "hard", f"limits.{name}"), ())
        yield from _bounds(limit, "leaves the namespace without a limit")


def _bounds(limit: Setting, message: str) -> Iterator[Finding]:
    if limit.unknown:
        yield Unknown(limit.path)
    elif isinstance(limit.value, bool) or not isinstance(limit.value, str | int | float) or limit.value == "":
        yield Fail(limit.path, message)


def _is_of(quota: Resource, namespace: Resource) -> bool | None:
    """Whether the quota is one of this namespace; None: it cannot be told yet."""
    wanted = namespace_of(quota).value
    name = _name(namespace)
    if wanted is UNKNOWN:
        return True if namespace.urn in quota.property_dependencies.get("metadata", ()) else None
    if name is UNKNOWN:
        return None
    return wanted == name


def _name(namespace: Resource) -> Plain:
    for properties in (namespace.properties, namespace.answered):
        name = at(properties, ("metadata", "name"), ()).value
        if isinstance(name, str):
            return name
    # Without a name Pulumi makes one.
    return UNKNOWN
