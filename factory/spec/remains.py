"""What is left of a wrong app.yaml, so that the checks across its fields can look at the rest of it."""

import copy
from typing import Any

from pydantic import ValidationError

from factory.document import DEPTH, Document, Location
from factory.spec.access import AccessRule
from factory.spec.model import AppSpec
from factory.spec.upgrade import VERSION

# What has no default, and is put in for a wrong value so that the rest of the file can be looked at.
STAND_INS: dict[str, Any] = {
    "apiVersion": VERSION,
    "name": "stand-in",
    "owner": "x",
    "region": "eu-central-1",
    "network": {"cidr": "10.0.0.0/16"},
    "cidr": "10.0.0.0/16",
    "services": {"stand-in": {"port": 1024}},
    "port": 1024,
    "agents": {"planner": {}},
    "environments": {"build": {}},
}
# What stands in for a wrong part of an access rule.
RULE: dict[str, Any] = {"function": "planner", "resource": "repository", "environments": ["build"], "scope": "read"}


def what_is_left(document: Document) -> AppSpec | None:
    """The spec without its wrong parts; None where nothing is left. It is for nothing but looking for more mistakes."""
    data = copy.deepcopy(document.data)
    # A part that lacks what was taken out of it is taken out as a whole, and so on.
    for _ in range(DEPTH):
        try:
            return AppSpec.model_validate(data)
        except ValidationError as error:
            wrong = error.errors(include_url=False)
        for each in wrong:
            place: tuple[Any, ...] = tuple(part for part in each["loc"] if part != "[key]")
            if place[0] == "access" and len(place) > 1:
                told = {other["loc"][2:3] for other in wrong if other["loc"][:2] == place[:2]}
                _make_inert(data["access"], place[1], told)
                continue
            needed = each["type"] == "missing" and place[-1] not in STAND_INS
            _take_out(data, place[:-1] if needed else place)
    return None


def _make_inert(rules: list[Any], index: int, wrong: set[Location]) -> None:
    """Keep a rule's place and what is good of it, but let it be about nowhere: so it contradicts no other rule."""
    if not isinstance(rule := rules[index], AccessRule):
        good = {k: v for k, v in rule.items() if (k,) not in wrong} if isinstance(rule, dict) else {}
        rules[index] = AccessRule.model_validate(RULE | good).model_copy(update={"environments": []})


def _take_out(data: Any, location: tuple[str | int, ...]) -> None:
    if not location:
        return
    *path, last = location
    for part in path:
        if not isinstance(data, dict) or part not in data:
            return
        if isinstance(data[part], list):
            # As a whole: what comes after a place that is taken out would be told at a wrong one.
            last = part
            break
        data = data[part]
    if not isinstance(data, dict):
        return
    data.pop(last, None)
    if last in STAND_INS:
        data[last] = copy.deepcopy(STAND_INS[str(last)])
