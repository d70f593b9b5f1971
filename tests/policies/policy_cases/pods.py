"""Pods for cases: the same spec in every kind of resource that declares one."""

from collections.abc import Iterator

from policies.helpers.pods import PLACES
from policies.model import Plain, Properties, render

from .case import Case

POD = "kubernetes:core/v1:Pod"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
CRON_JOB = "kubernetes:batch/v1:CronJob"


def declaring(token: str, spec: Plain) -> Properties:
    """The properties of a resource of this type whose pod has this spec."""
    value: Plain = spec
    for name in reversed(PLACES[token]):
        value = {str(name): value}
    if not isinstance(value, dict):
        raise TypeError(f"{token} holds no spec")
    return {"metadata": {"name": "test", "namespace": "links-build"}, **value}


def in_every_kind(control: str, name: str, spec: Plain, source: str, path: str) -> Iterator[Case]:
    """One bad case for each type that declares pods; `path` is where in the spec it must be reported."""
    for token, place in PLACES.items():
        where = f"{render(place)}.{path}"
        yield Case(control, f"{name}: {token}", "fail", token, declaring(token, spec), source, where)
