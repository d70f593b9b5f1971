"""Older formats of app.yaml: one function for each step from a version to the next, on plain or commented mappings."""

import io
from collections.abc import Callable, MutableMapping
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.util import load_yaml_guess_indent

from factory.spec.model import AppSpec

VERSION: Final = "millwright/v2"
KEY: Final = "apiVersion"
# Long enough that no text of ours is broken into lines.
WIDTH: Final = 4096
Mapping = MutableMapping[str, Any]


def _limits_become_a_budget(data: Mapping) -> None:
    """v1 had an agent's limits beside its size; v2 has them together, as its budget."""
    agents = data.get("agents")
    for agent in agents.values() if isinstance(agents, MutableMapping) else ():
        limits = [key for key in ("turns", "minutes", "dollars") if isinstance(agent, MutableMapping) and key in agent]
        if limits and "budget" not in agent:
            # Of the same kind as what it is taken from, so that comments stay.
            budget = type(agent)()
            for key in limits:
                _move(agent, budget, key)
            agent["budget"] = budget


def _move(source: Mapping, target: Mapping, key: str) -> None:
    target[key] = source.pop(key)
    if isinstance(source, CommentedMap) and isinstance(target, CommentedMap) and key in source.ca.items:
        target.ca.items[key] = source.ca.items.pop(key)


# From each older version, the next one and what has to be done.
UPGRADES: Final[dict[str, tuple[str, Callable[[Mapping], None]]]] = {
    "millwright/v1": ("millwright/v2", _limits_become_a_budget),
}


def upgrade(data: Mapping) -> bool:
    """Bring a mapping of an older version to the present one, in place. Returns whether it was older."""
    older = False
    while isinstance(version := data.get(KEY), str) and version in UPGRADES:
        data[KEY], step = UPGRADES[version]
        step(data)
        older = True
    return older


def upgraded(text: str) -> str:
    """The text of an app.yaml in the present format: comments, order and quotes stay. `text` must be good YAML."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = WIDTH
    data, indent, offset = load_yaml_guess_indent(text, yaml=yaml)
    if not isinstance(data, MutableMapping) or not upgrade(data):
        return text
    yaml.indent(mapping=2, sequence=indent or 2, offset=offset or 0)
    out = io.StringIO()
    yaml.dump(data, out)
    return out.getvalue()


def recorded_spec(data: dict[str, Any]) -> AppSpec:
    """A spec as a release keeps it, whichever version it was written with. Raises pydantic's ValidationError."""
    own = {**data, "agents": {name: dict(agent) for name, agent in (data.get("agents") or {}).items()}}
    upgrade(own)
    return AppSpec.model_validate(own)
