"""The containers of an ECS task definition. Source: the ECS API reference, `ContainerDefinition`."""

from dataclasses import dataclass
from typing import Final

from policies.model import UNKNOWN, Fail, Finding, Path, Plain, Properties, Unknown
from policies.reading import each, parsed

TASK_DEFINITION: Final = "aws:ecs/taskDefinition:TaskDefinition"
_ROOT: Final[Path] = ("containerDefinitions",)


@dataclass(frozen=True)
class Task:
    """The containers that can be read, each with its place, and what is to be said of the others (yield it on)."""

    containers: tuple[tuple[Path, dict[str, Plain]], ...]
    findings: tuple[Finding, ...] = ()


def task_of(properties: Properties) -> Task:
    """What a task definition of these properties runs."""
    try:
        definitions = parsed(properties.get("containerDefinitions"))
    except ValueError:
        return Task((), (Fail(_ROOT, "cannot be read as container definitions"),))
    containers: list[tuple[Path, dict[str, Plain]]] = []
    findings: list[Finding] = []
    for path, container in each(definitions, _ROOT):
        if isinstance(container, dict):
            containers.append((path, container))
        elif container is UNKNOWN:
            findings.append(Unknown(path))
        else:
            findings.append(Fail(path, "is no container definition"))
    return Task(tuple(containers), tuple(findings))
