"""What differs between two specs, as the fields of app.yaml are named."""

from collections.abc import Iterator
from typing import Any

from factory.spec.model import AppSpec


def differing_fields(one: AppSpec, other: AppSpec) -> list[str]:
    """The fields that do not mean the same in both, dotted (`services.web.replicas`), sorted; [] for equal specs.

    What only one of them has is named as a whole.
    """
    first, second = (spec.model_dump(mode="json", by_alias=True) for spec in (one, other))
    return sorted(_differing(first, second))


def _differing(one: Any, other: Any, *at: str) -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in one.keys() | other.keys():
            yield from _differing(one.get(key), other.get(key), *at, key)
    elif one != other:
        yield ".".join(at)
