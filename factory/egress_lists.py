"""What the egress proxy is told when it runs as a service: which hosts each function's tasks may reach, and where."""

from collections.abc import Iterable, Mapping
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from factory.spec import Environment, Function

FIRST_PORT: Final = 3128


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Listening(_Part):
    """One function's door: the port that is its own, and the hosts that it leads to, as app.yaml writes them."""

    port: int = Field(ge=1, le=65535)
    hosts: tuple[str, ...] = Field(min_length=1)


class Lists(_Part):
    """Everything that a proxy's process is told."""

    app: str
    environment: Environment
    functions: dict[Function, Listening] = Field(min_length=1)


def port_of(function: Function) -> int:
    """The port of a function's own: the same one whichever functions have a list."""
    return FIRST_PORT + list(Function).index(function)


def lists(app: str, environment: Environment, hosts: Mapping[Function, Iterable[str]]) -> Lists:
    """What a proxy is told to let through, from the list of each function that has one."""
    doors = {function: Listening(port=port_of(function), hosts=tuple(each)) for function, each in hosts.items()}
    return Lists(app=app, environment=environment, functions=doors)
