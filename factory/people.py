"""`people.yaml`: who may decide what. Read anew at each use, so that a role that was taken away counts no more."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from factory import signatures
from factory.document import load_document
from factory.errors import InputError, Problem
from factory.gates import Role
from factory.located import load_model, nearest, problem_at
from factory.paths import FactoryRoot
from factory.settings import Settings
from factory.spec import app_names

DEMO_PREFIX = "demo-"
PersonId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]


def _a_public_key(text: str) -> str:
    if wrong := signatures.is_public_key(text):
        raise ValueError(wrong)
    return text


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HeldRole(_Part):
    """A role that is held for some apps only."""

    role: Role = Field(description="The role.")
    apps: list[str] = Field(min_length=1, description="The apps it is held for.")


class PersonSpec(_Part):
    """One person, as `people.yaml` tells."""

    name: str = Field(min_length=1, max_length=100, description="How people call this person.")
    roles: list[Role | HeldRole] = Field(default=[], description="Roles, for every app or for named ones.")
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
    roles: tuple[Role | HeldRole, ...]
    keys: tuple[str, ...]
    demo: bool

    def holds(self, role: Role, app: str) -> bool:
        """Whether this person holds a role for an app."""
        return any(
            held is role if isinstance(held, Role) else held.role is role and app in held.apps for held in self.roles
        )


class People:
    """Everybody who may act in a factory."""

    def __init__(self, people: list[Person]) -> None:
        self._people = {person.id: person for person in people}

    def __iter__(self):  # type: ignore[no-untyped-def]
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
            hint=f"did you mean {guess!r}?" if guess else "people.yaml says who may act; see docs/how-to/decide.md",
        )

    def who_may(self, role: Role, app: str, authors: list[str]) -> list[Person]:
        """Those who hold the role for the app and are no authors of what is decided on."""
        return [person for person in self if person.holds(role, app) and person.id not in authors]


def load_people(root: FactoryRoot, settings: Settings) -> People:
    """Everybody: `people.yaml`, and the demo people where every target is local.

    Raises InputError with every mistake of the file.
    """
    people = _from_file(root) if root.people_file.exists() else []
    demo = root.demo_people / "people.yaml"
    if settings.aws == "local" and demo.is_file():
        people += [_person(id, spec, demo=True) for id, spec in load_model(PeopleFile, demo).people.items()]
    return People(people)


def _from_file(root: FactoryRoot) -> list[Person]:
    found = load_model(PeopleFile, root.people_file).people
    if problems := tuple(_problems(root, found)):
        raise InputError(f"{root.people_file} has mistakes", problems=problems)
    return [_person(id, spec, demo=False) for id, spec in found.items()]


def _person(id: str, spec: PersonSpec, *, demo: bool) -> Person:
    return Person(id=id, name=spec.name, roles=tuple(spec.roles), keys=tuple(spec.keys), demo=demo)


def _problems(root: FactoryRoot, found: dict[str, PersonSpec]) -> list[Problem]:
    document = load_document(root.people_file)
    problems, apps, keys = [], app_names(root), dict[str, str]()
    for id, spec in found.items():
        if id.startswith(DEMO_PREFIX) or id in ("factory", "agent", "unattested"):
            problems.append(problem_at(document, ("people", id), "this id is kept for what is no real person"))
        for number, key in enumerate(spec.keys):
            body = key.split()[1]
            if body in keys:
                message = f"{keys[body]} has this key too: whose signature would it be?"
                problems.append(problem_at(document, ("people", id, "keys", number), message))
            keys.setdefault(body, id)
        for number, held in enumerate(spec.roles):
            for app in held.apps if isinstance(held, HeldRole) else ():
                if app not in apps:
                    at = ("people", id, "roles", number)
                    problems.append(
                        problem_at(document, at, f"no app named {app!r}", allowed=", ".join(apps) or "none")
                    )
    return problems
