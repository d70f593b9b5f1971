"""Runners: what a container of a pod may do. Source: Pod Security Standards of Kubernetes, restricted."""

import posixpath
import re
from collections.abc import Iterator
from typing import Final

from policies.context import Context
from policies.helpers.fields import found, must_be
from policies.helpers.pods import Container, Pod, Setting, at, pod_of, volumes
from policies.model import UNKNOWN, Fail, Finding, Unknown
from policies.reading import each
from policies.resources import Resource

PROFILES: Final = ("RuntimeDefault", "Localhost")
ALLOWED_CAPABILITIES: Final = ("NET_BIND_SERVICE",)
# Where container runtimes listen, `/var/run` being `/run`. Sources: Kubernetes, "Container runtimes"; K3s; MicroK8s.
SOCKETS: Final = (
    "/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/run/cri-dockerd.sock",
    "/run/dockershim.sock",
    "/run/podman/podman.sock",
    "/run/k3s/containerd/containerd.sock",
    "/var/snap/microk8s/common/run/containerd.sock",
)
_SOCKET_NAME: Final = re.compile(r"(docker|containerd|crio|cri-dockerd|dockershim|podman)[\w.-]*\.sock", re.IGNORECASE)


def judged_containers(resource: Resource, pod: Pod) -> Iterator[Container]:
    """The containers that a rule may expect something of.

    A patch that names no image changes a container that stands, and what it does not say stays as it was judged; it
    cannot add a container, which needs an image.
    """
    patch = resource.type.endswith("Patch")
    return (one for one in pod.containers if not patch or one.properties.get("image") is not None)


def restricted(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 48: every container runs as another user than root, gains no rights, and keeps none it does not need."""
    del context
    pod = pod_of(resource)
    yield from (Unknown(path) for path in pod.unknown)
    complete = [container.path for container in judged_containers(resource, pod)]
    # The standard leaves out for Windows what only Linux has; a node of the other kind refuses the pod.
    linux = pod.setting("os", "name").value != "windows"
    for container in pod.containers:
        wanted = container.path in complete
        yield from _is(pod.effective(container, "runAsNonRoot"), True, wanted, "lets the container run as root")
        yield from _not_root(pod.effective(container, "runAsUser"))
        if linux:
            escalation = container.setting("securityContext", "allowPrivilegeEscalation")
            yield from _is(escalation, False, wanted, "lets a process gain more rights than its parent")
            yield from _capabilities(container, wanted)
            yield from _seccomp(pod.effective(container, "seccompProfile"), wanted)


def read_only_root(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 49, of pods: no container can write to its own root file system."""
    del context
    pod = pod_of(resource)
    yield from (Unknown(path) for path in pod.unknown)
    complete = [container.path for container in judged_containers(resource, pod)]
    for container in pod.containers:
        read_only = container.setting("securityContext", "readOnlyRootFilesystem")
        yield from _is(read_only, True, container.path in complete, "lets what runs change its own programs")


def no_runtime_socket(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 50: no volume holds the socket of the node's container runtime, or a folder in which it is."""
    del context
    pod = pod_of(resource)
    yield from (Unknown(path) for path in pod.unknown)
    for path, volume in volumes(pod):
        for place in found(volume, ("hostPath", "path"), path):
            if place.unknown:
                yield Unknown(place.path)
            elif not isinstance(place.value, str) or _holds_socket(place.value):
                yield Fail(place.path, "gives the container the node's container runtime")


def _is(setting: Setting, expected: bool, wanted: bool, message: str) -> Iterator[Finding]:
    if setting.value is not None or wanted:
        yield from must_be((setting,), (expected,), message)


def _not_root(user: Setting) -> Iterator[Finding]:
    if user.unknown:
        yield Unknown(user.path)
    elif user.value is not None and (not isinstance(user.value, int | float) or user.value < 1):
        yield Fail(user.path, "is root, or no user's number")


def _capabilities(container: Container, wanted: bool) -> Iterator[Finding]:
    dropped = container.setting("securityContext", "capabilities", "drop")
    names = [name for _, name in each(dropped.value, dropped.path)]
    if "ALL" not in names:
        yield from (Unknown(path) for path, name in each(dropped.value, dropped.path) if name is UNKNOWN)
        if UNKNOWN not in names and (wanted or dropped.value is not None):
            yield Fail(dropped.path, "leaves the container capabilities that it does not need: it must name ALL")
    added = container.setting("securityContext", "capabilities", "add")
    for path, name in each(added.value, added.path):
        if name is UNKNOWN:
            yield Unknown(path)
        elif name not in ALLOWED_CAPABILITIES:
            yield Fail(path, "gives the container a capability of root")


def _seccomp(profile: Setting, wanted: bool) -> Iterator[Finding]:
    if profile.unknown:
        yield Unknown(profile.path)
    elif profile.value is not None or wanted:
        block = profile.value if isinstance(profile.value, dict) else {}
        kind = at(block, ("type",), profile.path)
        yield from must_be((kind,), PROFILES, "lets the container make every system call")


def _holds_socket(path: str) -> bool:
    plain = "/" + posixpath.normpath(f"/{path}").strip("/")
    if plain == "/var/run" or plain.startswith("/var/run/"):
        plain = plain.removeprefix("/var")
    folder = plain.rstrip("/") + "/"
    # `/var` holds `/var/run`, which is a link to `/run`.
    inside = plain in ("/", "/var") or any(socket == plain or socket.startswith(folder) for socket in SOCKETS)
    return inside or bool(_SOCKET_NAME.fullmatch(posixpath.basename(plain)))
