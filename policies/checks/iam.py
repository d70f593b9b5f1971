"""IAM: what a policy document allows."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final

from policies.model import UNKNOWN, Fail, Finding, Path, Plain, Properties, Unknown
from policies.reading import each, members, parsed

POLICY: Final = "aws:iam/policy:Policy"
ROLE_POLICY: Final = "aws:iam/rolePolicy:RolePolicy"
USER_POLICY: Final = "aws:iam/userPolicy:UserPolicy"
GROUP_POLICY: Final = "aws:iam/groupPolicy:GroupPolicy"
ROLE: Final = "aws:iam/role:Role"

PROBES: Final = (
    "iam:createuser",
    "iam:attachrolepolicy",
    "s3:deletebucket",
    "ec2:runinstances",
    "kms:schedulekeydeletion",
    "lambda:updatefunctioncode",
    "organizations:leaveorganization",
)
"""Unrelated powers: wildcards that span services and cover all of these were written to cover everything.

A list of wildcard forms (`*`, `*:*`, `?*`, `??*:*`, ...) has no end; what they match does not depend on spelling.
"""


def no_admin_wildcard(resource_type: str, properties: Properties) -> Iterator[Finding]:
    """Control 15: no Allow statement whose actions, by wildcards that span services, are every action."""
    del resource_type
    for path, value in _documents(properties):
        if value is UNKNOWN:
            yield Unknown(path)
            continue
        try:
            document = parsed(value)
        except ValueError:
            yield Fail(path, "cannot be read as a policy document")
            continue
        for place, statements in members(document, "Statement", path):
            for at, statement in each(statements, place):
                yield from _judged(statement, at)


def _documents(properties: Properties) -> Iterator[tuple[Path, Plain]]:
    yield from each(properties.get("policy"), ("policy",))
    for path, inline in each(properties.get("inlinePolicies"), ("inlinePolicies",)):
        if inline is UNKNOWN:
            yield path, inline
        yield from members(inline, "policy", path)


def _judged(statement: Plain, path: Path) -> Iterator[Finding]:
    if statement is UNKNOWN:
        yield Unknown(path)
        return
    effects = [effect for _, effect in members(statement, "Effect", path)]
    if any(isinstance(effect, str) and effect.lower() == "deny" for effect in effects):
        return
    actions = [place for field in members(statement, "Action", path) for place in each(field[1], field[0])]
    spanning = [(place, action) for place, action in actions if isinstance(action, str) and _spans_services(action)]
    if _covers_everything([action for _, action in spanning]):
        place, action = spanning[0]
        if UNKNOWN in effects:
            yield Unknown((*path, "Effect"))
        else:
            yield Fail(place, "allows every action of every service", found=action)
        return
    yield from (Unknown(place) for place, action in actions if action is UNKNOWN)


def _spans_services(action: str) -> bool:
    service, colon, _ = action.partition(":")
    return not colon or "*" in service or "?" in service


def _covers_everything(actions: list[str]) -> bool:
    # `[` has no meaning in an IAM pattern, but opens a class in fnmatch.
    patterns = [action.strip().lower().replace("[", "[[]") for action in actions]
    return all(any(fnmatchcase(probe, pattern) for pattern in patterns) for probe in PROBES)
