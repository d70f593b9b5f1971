"""Runners: containers of ECS and CodeBuild, and the images of all containers."""

from collections.abc import Iterator
from typing import Final

from policies.checks import runners_pods
from policies.context import Context
from policies.helpers.fields import found, found_or_missing, must_be, must_not_be_set
from policies.helpers.images import image_faults
from policies.helpers.pods import Setting, pod_of, volumes
from policies.helpers.tasks import TASK_DEFINITION, task_of
from policies.model import UNKNOWN, Fail, Finding, Plain, Unknown
from policies.reading import each
from policies.resources import Resource

PROJECT: Final = "aws:codebuild/project:Project"
UNPRIVILEGED_READS: Final = {
    TASK_DEFINITION: ("containerDefinitions", "pidMode", "ipcMode", "networkMode", "volumes"),
    PROJECT: ("environment",),
}
# What a container may keep of what it is given without asking (Pod Security Standards, restricted).
HARMLESS_CAPABILITIES: Final = ("NET_BIND_SERVICE",)


def unprivileged(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 54: containers of ECS and builds of CodeBuild have no rights on the machine that they run on."""
    del context
    if resource.type == PROJECT:
        privileged = found(resource.properties.get("environment"), ("privilegedMode",), ("environment",))
        yield from must_not_be_set(privileged, "gives a build the rights of the machine")
        return
    for name in ("pidMode", "ipcMode", "networkMode"):
        value = resource.properties.get(name)
        if value is UNKNOWN:
            yield Unknown((name,))
        elif isinstance(value, str) and value.lower() == "host":
            yield Fail((name,), "shares the host's namespace")
    hosts = found(resource.properties.get("volumes"), ("hostPath",), ("volumes",))
    yield from must_not_be_set(hosts, "mounts a path of the host")
    yield from _containers_unprivileged(resource)


def _containers_unprivileged(resource: Resource) -> Iterator[Finding]:
    task = task_of(resource.properties)
    yield from task.findings
    for path, container in task.containers:
        privileged = found(container, ("privileged",), path)
        yield from must_not_be_set(privileged, "gives the container the host's own rights")
        yield from _not_root(found(container, ("user",), path))
        for added in found(container, ("linuxParameters", "capabilities", "add"), path):
            for place, capability in each(added.value, added.path):
                if capability is UNKNOWN:
                    yield Unknown(place)
                elif capability not in HARMLESS_CAPABILITIES:
                    yield Fail(place, "gives the container a right of the host's root")
        for devices in found(container, ("linuxParameters", "devices"), path):
            if devices.unknown:
                yield Unknown(devices.path)
            elif devices.value:
                yield Fail(devices.path, "gives the container a device of the host")


def _not_root(users: Iterator[Setting]) -> Iterator[Finding]:
    """A failure for root; what names no user is as its image says."""
    for user in users:
        if user.unknown:
            yield Unknown(user.path)
        elif user.value is not None and not _names_another_than_root(user.value):
            yield Fail(user.path, "is root, or no user")


def _names_another_than_root(user: Plain) -> bool:
    """Whether it is `user`, `user:group` and so on, as ECS and Docker write it, of another user than root."""
    name = user.partition(":")[0].strip() if isinstance(user, str) else ""
    return name not in ("", "root") and name.strip("0") != ""


def read_only_root(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 49: no container can write to its own root file system."""
    if resource.type != TASK_DEFINITION:
        yield from runners_pods.read_only_root(resource, context)
        return
    task = task_of(resource.properties)
    yield from task.findings
    for path, container in task.containers:
        read_only = found_or_missing(container, ("readonlyRootFilesystem",), path)
        yield from must_be(read_only, (True,), "lets what runs change its own programs")


def image_by_digest(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 52: every image is named by digest, and comes from a registry of the factory's or a listed one."""
    if resource.type == TASK_DEFINITION:
        task = task_of(resource.properties)
        yield from task.findings
        for path, definition in task.containers:
            for image in found_or_missing(definition, ("image",), path):
                yield from image_faults(image.value, image.path, context)
        return
    pod = pod_of(resource)
    yield from (Unknown(path) for path in pod.unknown)
    for container in pod.containers:
        image = container.setting("image")
        # A patch without an image changes a container that stands, whose image was judged where it was declared.
        if image.value is not None or not resource.type.endswith("Patch"):
            yield from image_faults(image.value, image.path, context)
    for path, volume in volumes(pod):
        for reference in found(volume, ("image", "reference"), path):
            yield from image_faults(reference.value, reference.path, context)
