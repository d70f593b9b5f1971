"""Pods, in whatever declares them: the pod's own spec, its containers of every kind, and which setting counts.

Source: the Kubernetes API reference; Pod Security Standards for what has to be looked at (every container kind).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from policies.model import UNKNOWN, Path, Plain
from policies.reading import each
from policies.resources import Resource

_TEMPLATE: Final[Path] = ("spec", "template", "spec")
_KINDS: Final[dict[str, tuple[tuple[str, ...], Path]]] = {
    "Pod": (("core/v1",), ("spec",)),
    "PodTemplate": (("core/v1",), ("template", "spec")),
    "ReplicationController": (("core/v1",), _TEMPLATE),
    "Deployment": (("apps/v1", "apps/v1beta1", "apps/v1beta2", "extensions/v1beta1"), _TEMPLATE),
    "StatefulSet": (("apps/v1", "apps/v1beta1", "apps/v1beta2"), _TEMPLATE),
    "DaemonSet": (("apps/v1", "apps/v1beta2", "extensions/v1beta1"), _TEMPLATE),
    "ReplicaSet": (("apps/v1", "apps/v1beta2", "extensions/v1beta1"), _TEMPLATE),
    "Job": (("batch/v1",), _TEMPLATE),
    "CronJob": (("batch/v1", "batch/v1beta1", "batch/v2alpha1"), ("spec", "jobTemplate", *_TEMPLATE)),
}

PLACES: Final[dict[str, Path]] = {
    f"kubernetes:{version}:{kind}{patch}": path
    for kind, (versions, path) in _KINDS.items()
    for version in versions
    for patch in ("", "Patch")
}
"""Type token to the place of the pod's spec in the resource."""

POD_READS: Final[dict[str, tuple[str, ...]]] = {token: (str(path[0]),) for token, path in PLACES.items()}
"""What a control of pods `reads`."""

CONTAINER_KINDS: Final = ("containers", "initContainers", "ephemeralContainers")


@dataclass(frozen=True)
class Setting:
    """A value and where it stands; where nothing stands, `path` is the place where it could."""

    path: Path
    value: Plain

    @property
    def unknown(self) -> bool:
        """Whether it is not known yet."""
        return self.value is UNKNOWN


@dataclass(frozen=True)
class Container:
    """One container of a pod."""

    path: Path
    kind: str
    """One of `CONTAINER_KINDS`."""
    properties: dict[str, Plain]

    def setting(self, *names: str) -> Setting:
        """What stands at `names`: `container.setting("securityContext", "privileged")`."""
        return at(self.properties, names, self.path)


@dataclass(frozen=True)
class Pod:
    """The spec of a pod. `unknown` are the parts that are not known: nothing can be said of what is in them."""

    path: Path
    properties: dict[str, Plain]
    containers: tuple[Container, ...]
    unknown: tuple[Path, ...] = field(default=())

    def setting(self, *names: str) -> Setting:
        """What stands at `names`: `pod.setting("hostNetwork")`."""
        return at(self.properties, names, self.path)

    def effective(self, container: Container, name: str) -> Setting:
        """What counts of a field of the security context: the container's own, and only without one the pod's."""
        own = container.setting("securityContext", name)
        if own.value is not None:
            return own
        shared = self.setting("securityContext", name)
        return own if shared.value is None else shared


def pod_of(resource: Resource) -> Pod:
    """The pod that a resource of `PLACES` declares; one without containers when it holds no spec."""
    path = PLACES[resource.type]
    found = at(resource.properties, path, ())
    if found.unknown:
        return Pod(path, {}, (), (found.path,))
    spec = found.value if isinstance(found.value, dict) else {}
    containers: list[Container] = []
    unknown: list[Path] = []
    for kind in CONTAINER_KINDS:
        for place, value in each(spec.get(kind), (*path, kind)):
            if isinstance(value, dict):
                containers.append(Container(place, kind, value))
            elif value is UNKNOWN:
                unknown.append(place)
    return Pod(path, spec, tuple(containers), tuple(unknown))


def namespace_of(resource: Resource) -> Setting:
    """The namespace that the resource names; None stands for `default`, or the provider's."""
    return at(resource.properties, ("metadata", "namespace"), ())


def at(properties: dict[str, Plain], names: tuple[str | int, ...], path: Path) -> Setting:
    """What stands at `names`, from `path` on; the first part that is not known, if one on the way is not."""
    value: Plain = properties
    for number, name in enumerate(names):
        if value is UNKNOWN:
            return Setting((*path, *names[:number]), UNKNOWN)
        value = value.get(str(name)) if isinstance(value, dict) else None
    return Setting((*path, *names), value)


def volumes(pod: Pod) -> Iterator[tuple[Path, Plain]]:
    """The volumes of the pod; what is not known is UNKNOWN."""
    yield from each(pod.properties.get("volumes"), (*pod.path, "volumes"))
