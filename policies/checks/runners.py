"""Runners: what containers may do to the machine they run on. Source: Pod Security Standards of Kubernetes."""

from collections.abc import Iterator
from typing import Final

from policies.context import Context
from policies.helpers.fields import must_not_be_set
from policies.helpers.pods import Container, Pod, Setting, at, pod_of, volumes
from policies.model import UNKNOWN, Fail, Finding, Path, Plain, Unknown
from policies.reading import each
from policies.resources import Resource

HOST_NAMESPACES: Final = ("hostNetwork", "hostPID", "hostIPC")


def no_host_access(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 47: no privileged container, no namespace, path or port of the host."""
    del context
    pod = pod_of(resource)
    yield from (Unknown(path) for path in pod.unknown)
    for name in HOST_NAMESPACES:
        yield from must_not_be_set((pod.setting(name),), "shares the host's namespace")
    # Windows has a privileged mode of its own, for the pod and for each container.
    for setting in (pod.setting, *(container.setting for container in pod.containers)):
        found = setting("securityContext", "windowsOptions", "hostProcess")
        yield from must_not_be_set((found,), "runs as a process of the host")
    yield from _no_host_paths(pod)
    for container in pod.containers:
        privileged = container.setting("securityContext", "privileged")
        yield from must_not_be_set((privileged,), "gives the container the host's own rights")
        yield from _no_host_ports(container)


def _no_host_paths(pod: Pod) -> Iterator[Finding]:
    for path, volume in volumes(pod):
        found = _in(volume, ("hostPath",), path)
        if found.unknown:
            yield Unknown(found.path)
        elif found.value is not None:
            yield Fail(found.path, "mounts a path of the host")


def _no_host_ports(container: Container) -> Iterator[Finding]:
    for path, port in each(container.properties.get("ports"), (*container.path, "ports")):
        found = _in(port, ("hostPort",), path)
        if found.unknown:
            yield Unknown(found.path)
        # 0 is the value of a port that is none of the host's.
        elif found.value not in (None, 0):
            yield Fail(found.path, "is a port of the host", found=str(found.value))


def _in(value: Plain, names: tuple[str, ...], path: Path) -> Setting:
    if value is UNKNOWN:
        return Setting(path, UNKNOWN)
    return at(value if isinstance(value, dict) else {}, names, path)
