"""Where a single component of the package stands: its app, its environment, its account; and what follows from that."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import pulumi_aws as aws
from pulumi import ResourceOptions
from pydantic import Field
from pydantic.alias_generators import to_camel

from factory.document import Document
from factory.errors import InputError
from factory.located import Model, validate
from factory.settings import LOCAL_ACCOUNT
from factory.spec import PART_NAME_LENGTH, AppName, AppSpec, Environment, app_names, load_app
from factory.spec.names import PartName
from factory.spec.parts import Part
from stacks.package.declared import whole
from stacks.package.inputs import is_known, refuse_production, the_factory
from stacks.provider import own_provider


class PlaceArgs(TypedDict):
    """Where a component stands. Everything in it is written out: what is made has its names and tags from here."""

    app: str
    """The app that it is a part of."""
    environment: str
    """Which of its environments: `build` or `staging`. Production is decided on, never declared by a program."""
    owner: NotRequired[str]
    """The team that answers for it. An app of the factory whose engine runs the program says so in its app.yaml."""
    cost_center: NotRequired[str]
    """Who pays for it; default: the owner, or what the app.yaml says."""
    region: NotRequired[str]
    """The cloud's region, such as eu-central-1; must be given where no app.yaml says it."""
    account: NotRequired[str]
    """The only account that it may stand in; default: the local cloud's."""


class _Place(Part):
    app: AppName
    environment: Environment
    owner: PartName | None = None
    cost_center: PartName | None = None
    region: str | None = Field(
        default=None,
        pattern=r"^[a-z]{2}(-[a-z]+)+-\d$",
        json_schema_extra={"allowed": "a region such as eu-central-1"},
    )
    account: str = Field(default=LOCAL_ACCOUNT, pattern=r"^\d{12}$", json_schema_extra={"allowed": "12 digits"})


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A component's place. `name` is the app's, `part` what the component is called in its environment."""

    name: str
    environment: Environment
    owner: str
    payer: str
    region: str
    account: str
    part: str


def placed(resource: str, args: PlaceArgs) -> Placed:
    """The place of the component that a program names `resource`.

    Raises DecisionRequired for production, InputError for whatever else is wrong.
    """
    place = checked(_Place, resource, args)
    app, environment = place.app, place.environment
    refuse_production(resource, app, environment)
    owner, payer, region = _of_the_factory(resource, place) or _of_the_program(resource, place)
    part = resource.removeprefix(f"{app}-{environment}-")
    if part == resource or not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", part) or len(part) > PART_NAME_LENGTH:
        raise InputError(
            f"{resource}: what it makes has names of its environment, and so has this resource",
            hint=f"set its name: {app}-{environment}-<part> (up to {PART_NAME_LENGTH} letters, digits, hyphens)",
        )
    return Placed(
        name=app,
        environment=environment,
        owner=owner,
        payer=payer,
        region=region,
        account=place.account,
        part=part,
    )


def checked(model: type[Model], resource: str, given: Mapping[str, Any]) -> Model:
    """What a program gives, as the model that app.yaml has for it. Raises InputError with every mistake."""
    said = {to_camel(key): whole(value) for key, value in given.items() if value is not None}
    for key, value in said.items():
        if not is_known(value):
            raise InputError(f"{resource}: {key} is not known before the update", hint="write it out in the program")
    return validate(model, Document(Path(resource), said, {(): (0, 0)}, {(): (0, 0)}))


def provided(place: Placed, resource: str, opts: ResourceOptions) -> tuple[ResourceOptions, aws.Provider]:
    """Options for what a component makes: by a provider that knows its account only and puts the house's tags on."""
    provider = own_provider(place, place.environment, place.account, opts, resource)
    return ResourceOptions(parent=opts.parent, providers=[provider]), provider


def _of_the_factory(resource: str, place: _Place) -> tuple[str, str, str] | None:
    """Owner, payer and region of an app of the factory; None for any other."""
    root = the_factory()
    if place.app not in app_names(root):
        return None
    spec: AppSpec = load_app(root, place.app)
    given = [key for key in ("owner", "cost_center", "region") if getattr(place, key) is not None]
    if given:
        raise InputError(
            f"{resource}: {place.app} is an app of {root.path}: its app.yaml says {', '.join(map(to_camel, given))}",
            hint="leave it out",
        )
    if place.environment not in spec.environments:
        raise InputError(
            f"{resource}: {place.app} declares no environment {place.environment.value!r}", hint="list it in app.yaml"
        )
    return spec.owner, spec.payer, spec.region


def _of_the_program(resource: str, place: _Place) -> tuple[str, str, str]:
    if place.owner is None or place.region is None:
        known = ", ".join(app_names(the_factory())) or "none"
        raise InputError(
            f"{resource}: place.owner and place.region are missing: no app.yaml says them for {place.app}",
            hint=f"give them, or name an app of the factory: {known}",
        )
    return place.owner, place.cost_center or place.owner, place.region
