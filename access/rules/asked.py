"""What is asked, what is answered, and what no question may hold."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from pydantic import TypeAdapter, ValidationError

from factory.document import Location
from factory.gates import Role
from factory.people import KEPT_IDS, People, PersonId
from factory.spec import AppName, AppSpec, Environment, Function, Scope
from factory.spec.access import named_resources, stands_in

# More context that a question may carry; the schema names the same. The longest value, in characters.
TAGS: Final = frozenset({"change", "reason"})
TAG_LENGTH: Final = 200
SHOWN_CHARACTERS: Final = 100
# A task's id is a file name: `links.shorter-links.coder.1`.
_AGENT: Final = re.compile(rf"agent:([^/]+)/({'|'.join(Function)})/([A-Za-z0-9][A-Za-z0-9_.-]{{0,127}})")
_APP: Final[TypeAdapter[str]] = TypeAdapter(AppName)
_PERSON: Final[TypeAdapter[str]] = TypeAdapter(PersonId)


@dataclass(frozen=True)
class Asked:
    """Who asks for what, where, how far and for how many minutes.

    `principal` is `agent:<app>/<function>/<task>` or a person's id; `function` is that of the agent, None for a
    person. `on_behalf_of` is the author of the agent's change, or "". `tags` may hold `change` and `reason`.
    """

    app: str
    principal: str
    function: Function | None
    environment: Environment
    resource: str
    scope: Scope
    minutes: int
    on_behalf_of: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """What was decided, and why.

    `approval`: the role of a person who must approve before anything is granted. `most_minutes`: 0 where refused.
    `reasons` are plain sentences. `policies` are the ids of those that determined it; `version` names the policy set
    and schema that did. `places` are those in app.yaml that let somebody in, or could be changed so that one would be.
    """

    allowed: bool
    approval: Role | None
    most_minutes: int
    reasons: tuple[str, ...]
    policies: tuple[str, ...]
    version: str
    places: tuple[Location, ...] = ()


@dataclass(frozen=True)
class Agent:
    """One run of one function."""

    app: str
    function: Function
    task: str


def agent_of(principal: str) -> Agent | None:
    """The agent that an id names; None where it is no agent's."""
    found = _AGENT.fullmatch(principal)
    return Agent(found[1], Function(found[2]), found[3]) if found and _is(_APP, found[1]) else None


def wrong_in(spec: AppSpec, people: People, asked: Asked) -> Iterator[str]:
    """Why a question is none that could be decided, in sentences. Empty: it is one."""
    if asked.app != spec.name:
        yield f"the question is about {shown(asked.app)}, and the rules are those of {spec.name}"
    yield from wrong_principal(people, asked.principal)
    agent = agent_of(asked.principal)
    if asked.function is not (agent.function if agent else None):
        yield f"{shown(asked.principal)} is not the id of a {asked.function or 'person'}"
    if asked.on_behalf_of and not is_person_id(asked.on_behalf_of):
        yield f"{shown(asked.on_behalf_of)}, on whose behalf it is asked, is no person's id"
    if type(asked.minutes) is not int or not 0 < asked.minutes < 10**6:
        yield f"a lease is a whole number of minutes, and {shown(asked.minutes)} is none"
    yield from _wrong_tags(asked.tags)
    yield from _wrong_place(spec, asked)


def wrong_principal(people: People, principal: str) -> Iterator[str]:
    """Why nobody has this id."""
    if agent_of(principal):
        return
    if not is_person_id(principal):
        yield f"{shown(principal)} is no id of an agent or a person"
    elif people.find(principal) is None:
        yield f"nobody has the id {shown(principal)}: people.yaml says who may act"


def is_person_id(text: str) -> bool:
    """Whether people.yaml could hold it."""
    return _is(_PERSON, text) and text not in KEPT_IDS


def shown(value: object) -> str:
    """What was given, in short and in ASCII: letters that only look like others show."""
    return ascii(value if isinstance(value, str | int | float) else type(value).__name__)[:SHOWN_CHARACTERS]


def _is(what: TypeAdapter[str], text: str) -> bool:
    try:
        what.validate_python(text, strict=True)
    except ValidationError:
        return False
    return True


def _wrong_tags(tags: Mapping[str, str]) -> Iterator[str]:
    for name, value in tags.items():
        if name not in TAGS:
            yield f"there is no tag {shown(name)}: there are {' and '.join(sorted(TAGS))}"
        elif not isinstance(value, str) or len(value) > TAG_LENGTH:
            yield f"the tag {name} holds up to {TAG_LENGTH} characters of text"


def _wrong_place(spec: AppSpec, asked: Asked) -> Iterator[str]:
    if asked.resource not in (known := named_resources(vars(spec))):
        yield f"{spec.name} has no resource {shown(asked.resource)}: there are {', '.join(known)}"
    elif asked.environment not in (stands := stands_in(vars(spec), asked.resource)):
        yield f"{asked.resource} does not stand in {asked.environment}, only in {' and '.join(stands)}"
    if asked.environment not in spec.environments:
        yield f"{spec.name} has no environment {asked.environment}"
