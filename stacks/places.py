"""Where something is asked about: an app in one environment, its releases, and refusals that are written down."""

from typing import NamedTuple, NoReturn

from sqlalchemy import Engine

from factory import db, events, releases, requests
from factory.errors import DecisionRequired, InputError
from factory.paths import FactoryRoot
from factory.releases import Release
from factory.requests import Request
from factory.settings import Settings
from factory.spec import AppSpec, Environment
from stacks.followed import Files
from stacks.infra_code import infra_digest
from stacks.shared_platform import Spec, Which


class Place(NamedTuple):
    """Where something is asked about: a factory, its database, one app in one environment."""

    root: FactoryRoot
    settings: Settings
    database: Engine
    spec: AppSpec
    environment: Environment

    @property
    def stack(self) -> str:
        """The stack's name."""
        return self.spec.stack(self.environment)

    @property
    def files(self) -> Files:
        """What the app's files say now."""
        return Files(self.spec, infra_digest(self.root, self.spec.name))

    @property
    def guarded(self) -> bool:
        """Whether it changes by a person's decision only."""
        return self.environment is Environment.PRODUCTION


def place_of(root: FactoryRoot, settings: Settings, database: Engine, spec: Spec, which: Which) -> Place | None:
    """The place of an app's environment; None for what all apps share."""
    if isinstance(spec, AppSpec) and isinstance(which, Environment):
        return Place(root, settings, database, spec, which)
    return None


def in_production(root: FactoryRoot, settings: Settings, database: Engine, spec: Spec, which: Which) -> Place | None:
    """The place of a production environment; None for every other one, and for what all apps share."""
    place = place_of(root, settings, database, spec, which)
    return place if place and place.guarded else None


def named_release(place: Place, release_id: int | None) -> Release | None:
    """The named release of a place, or the one that is wanted there. Raises InputError for one of another place."""
    with db.transaction(place.database) as connection:
        if release_id is None:
            return releases.wanted(connection, place.spec.name, place.environment)
        release = releases.read(connection, release_id)
    if release is None or (release.app, release.environment) != (place.spec.name, place.environment):
        raise InputError(f"{place.stack} has no release {release_id}")
    return release


def request_of(place: Place, request_id: int | None) -> Request | None:
    """What people were asked, by its id."""
    with db.transaction(place.database) as connection:
        return None if request_id is None else requests.read(connection, request_id)


def refuse(
    place: Place, why: str, hint: str = "millwright promote proposes a release; millwright inbox shows it"
) -> NoReturn:
    """Refuse something that production does not take, and write that down. Raises DecisionRequired."""
    event = events.new_event(
        "update.refused",
        actor="unattested",
        app=place.spec.name,
        environment=place.environment.value,
        reason=why.splitlines()[0][:500],
    )
    with db.transaction(place.database) as connection:
        events.append(connection, event)
    raise DecisionRequired(f"{place.stack} is production: {why}", hint=hint)
