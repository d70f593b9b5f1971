"""Where a host of an app is: what its app.yaml says of it."""

from access.providers.provider import Place
from factory.errors import InputError
from factory.paths import FactoryRoot
from factory.spec import load_app
from factory.spec.outside import HostSpec


def host_of(root: FactoryRoot, place: Place) -> HostSpec:
    """The host. Raises InputError where app.yaml declares none, or not for this environment."""
    found = load_app(root, place.app).hosts.get(place.resource.partition(".")[2])
    if found is None or place.environment not in found.environments:
        raise InputError(f"{place.resource} of {place.app} is not declared for {place.environment}")
    return found
