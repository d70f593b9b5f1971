"""`people.yaml`: who may decide what. Read anew at each use, so that a role that was taken away counts no more."""

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from factory import signatures
from factory.document import Document, load_document
from factory.errors import InputError, Problem
from factory.gates import Role
from factory.located import load_model, nearest, problem_at, validate
from factory.paths import FactoryRoot
from factory.settings import Settings
from factory.spec import app_names

DEMO_PREFIX = "demo-"
# They act as well, and are no people: an event that names one of them must mean it.
KEPT_IDS = frozenset({"factory", "agent", "unattested"})
PersonId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]


def _a_public_key(text: str) -> str:
    if wrong := signatures.is_public_key(text):
        raise ValueError(wrong)
    return text.strip()


def _for_every_app(value: Any) -> Any:
    return {"role": value} if isinstance(value, str) else value


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HeldRole(_Part):
    """A role, and where it is held."""

    role: Role = Field(description="The role.")
    apps: list[str] | None = Field(
        default=None, min_length=1, description="The apps it is held for; default: every app."
    )

    def __str__(self) -> str:
        return self.role.value + (f" ({', '.join(self.apps)})" if self.apps else "")


class PersonSpec(_Part):
    """One person, as `people.yaml` tells."""

    name: str = Field(min_length=1, max_length=100, description="How people call this person.")
    roles: list[Annotated[HeldRole, BeforeValidator(_for_every_app)]] = Field(
        default=[], description="Roles: `maintainer` for every app, `{role: maintainer, apps: [links]}` for named ones."
    )
    keys: list[Annotated[str, AfterValidator(_a_public_key)]] = Field(
        min_length=1, description="OpenSSH public keys (ssh-ed25519, ssh-rsa) that this person signs with."
    )
    oidc: str | None = Field(default=None, description="Subject at the identity provider, for the web page.")


class PeopleFile(_Part):
    """The whole file."""

    people: dict[PersonId, PersonSpec] = Field(default={}, description="Everybody, by id.")


class Person(BaseModel):
    """Somebody who may act. `demo`: a labelled stand-in, who exists where every target is local, and nowhere else."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    name: str
    roles: tuple[HeldRole, ...]
    keys: tuple[str, ...]
    demo: bool

    def holds(self, role: Role, app: str) -> bool:
        """Whether this person holds a role for an app."""
        return any(held.role is role and (held.apps is None or app in held.apps) for held in self.roles)


class People:
    """Everybody who may act in a factory."""

    def __init__(self, people: list[Person]) -> None:
        self._people = {person.id: person for person in people}

    def __iter__(self) -> Iterator[Person]:
        return iter(self._people.values())

    def find(self, person: str) -> Person | None:
        """Somebody by id; None for a stranger."""
        return self._people.get(person)

    def person(self, person: str) -> Person:
        """Somebody by id. Raises InputError for a stranger, with the nearest id."""
        if found := self._people.get(person):
            return found
        guess = nearest(person, self._people)
        raise InputError(
            f"nobody has the id {person!r}; known: {', '.join(self._people) or 'nobody'}",
            hint=f"did you mean {guess!r}?" if guess else "people.yaml says who may act",
        )

    def who_may(self, role: Role, app: str, authors: list[str]) -> list[Person]:
        """Those who hold the role for the app and are no authors of what is decided on."""
        return [person for person in self if person.holds(role, app) and person.id not in authors]


def load_people(root: FactoryRoot, settings: Settings) -> People:
    """Everybody: `people.yaml`, and the demo people where every target is local.

    Raises InputError with every mistake of the file.
    """
    people = _from_file(root) if root.people_file.exists() else []
    if settings.aws == "local":
        people += _stand_ins(root)
    return People(people)


def _stand_ins(root: FactoryRoot) -> list[Person]:
    file = root.demo_people / "people.yaml"
    found = load_model(PeopleFile, file).people if file.is_file() else {}
    # Nobody real is replaced by a key that was made here.
    if wrong := [id for id in found if not id.startswith(DEMO_PREFIX)]:
        raise InputError(f"{file} names somebody who is no demo person: {', '.join(wrong)}", hint="remove the file")
    return [_person(id, spec, demo=True) for id, spec in found.items()]


def _from_file(root: FactoryRoot) -> list[Person]:
    document = load_document(root.people_file)
    problems: list[Problem] = []
    people: list[Person] = []
    try:
        found = validate(PeopleFile, document).people
        people = [_person(id, spec, demo=False) for id, spec in found.items()]
    except InputError as error:
        problems.extend(error.problems)
    problems.extend(_between(document, app_names(root)))
    if problems:
        count = f"{len(problems)} mistakes" if len(problems) > 1 else "1 mistake"
        places = sorted(problems, key=lambda problem: (problem.line, problem.column))
        raise InputError(f"{root.people_file} has {count}", problems=tuple(places))
    return people


def _person(id: str, spec: PersonSpec, *, demo: bool) -> Person:
    return Person(id=id, name=spec.name, roles=tuple(spec.roles), keys=tuple(spec.keys), demo=demo)


def _between(document: Document, apps: list[str]) -> Iterator[Problem]:
    """What no single value shows. Read from the plain data, so that it is told beside the mistakes of single values."""
    people = document.data.get("people")
    specs: dict[str, Any] = people if isinstance(people, dict) else {}
    for id in specs:
        if id.startswith(DEMO_PREFIX) or id in KEPT_IDS:
            yield problem_at(document, ("people", id), f"the id {id!r} is kept for what is no real person")
    yield from _shared_keys(document, specs)
    for id, spec in specs.items():
        for number, held in enumerate(_items(spec, "roles")):
            for place, app in enumerate(_items(held, "apps")):
                if isinstance(app, str) and app not in apps:
                    at = ("people", id, "roles", number, "apps", place)
                    guess = nearest(app, apps)
                    fix = f"did you mean {guess!r}?" if guess else None
                    yield problem_at(document, at, f"no app named {app!r}", allowed=", ".join(apps) or "none", fix=fix)


def _shared_keys(document: Document, specs: dict[str, Any]) -> Iterator[Problem]:
    holders: dict[str, str] = {}
    for id, spec in specs.items():
        for number, key in enumerate(_items(spec, "keys")):
            if not isinstance(key, str) or signatures.is_public_key(key):
                continue
            known = signatures.key_id(key)
            if known in holders:
                message = f"{holders[known]} has this key already: whose signature would it be?"
                yield problem_at(document, ("people", id, "keys", number), message)
            holders.setdefault(known, id)


def _items(data: Any, key: str) -> list[Any]:
    found = data.get(key) if isinstance(data, dict) else None
    return found if isinstance(found, list) else []
