"""Secrets: the keys that encrypt them, and how often they change."""

import re
from collections.abc import Iterator
from typing import Final

from policies.context import Context
from policies.helpers.references import naming
from policies.helpers.values import if_set, is_true, number, owned_by, required, under
from policies.model import UNKNOWN, Fail, Finding, Plain, Unknown
from policies.reading import each
from policies.resources import Resource, Stack

SECRETS: Final = "aws:secretsmanager/secret:Secret"
VERSIONS: Final = "aws:secretsmanager/secretVersion:SecretVersion"
ROTATION: Final = "aws:secretsmanager/secretRotation:SecretRotation"
PARAMETER: Final = "aws:ssm/parameter:Parameter"
CI_SECRETS: Final[dict[str, tuple[str, ...]]] = {
    "github:index/actionsSecret:ActionsSecret": ("plaintextValue", "value"),
    "github:index/actionsEnvironmentSecret:ActionsEnvironmentSecret": ("plaintextValue", "value"),
    "github:index/actionsOrganizationSecret:ActionsOrganizationSecret": ("plaintextValue", "value"),
    "github:index/codespacesSecret:CodespacesSecret": ("plaintextValue",),
    "github:index/codespacesOrganizationSecret:CodespacesOrganizationSecret": ("plaintextValue",),
    "github:index/dependabotSecret:DependabotSecret": ("plaintextValue", "value"),
    "github:index/dependabotOrganizationSecret:DependabotOrganizationSecret": ("plaintextValue", "value"),
}
# Source: CKV2_AWS_57 and CIS ask for 90 days at most.
ROTATION_DAYS: Final = 90
_SCHEDULE: Final = re.compile(r"rate\((\d{1,6}) (hours?|days?)\)")
# Minutes, hours, day of month, month, day of week, year: of every month, or every second or third.
_CRON: Final = re.compile(r"cron\(\S+ \S+ \S+ (\*|1/[123]) \S+ \*\)")
_NO_KEY: Final = "is no customer-managed key: who may use AWS's own is not ours to say"


def ci_secrets_encrypted(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 34: secrets of GitHub are declared encrypted with the repository's key, never as plain text."""
    del context
    for name in CI_SECRETS[resource.type]:
        yield from if_set(resource.properties, (name,), lambda value: value == "", "is plain text in program and state")


def rotated(stack: Stack, context: Context) -> Iterator[Finding]:
    """Control 35: a secret is rotated every 90 days, unless the program makes its value.

    What the program makes changes with an update, which a rotation beside it would contend with.
    """
    del context
    for rotation in stack.of(ROTATION):
        yield from owned_by(rotation, _often_enough(rotation))
    for secret in stack.of(SECRETS):
        names = [reference for _, reference in naming(stack, secret, (ROTATION, VERSIONS), "secretId")]
        if any(not reference.unknown for reference in names):
            continue
        yield (
            Unknown(("name",), secret.urn)
            if names
            else Fail(("name",), "is of a secret that nothing rotates", urn=secret.urn)
        )


def customer_managed_key(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 36: secrets, their replicas and secure parameters are encrypted with a key of the app's own."""
    del context
    properties = resource.properties
    if resource.type == SECRETS:
        yield from required(properties, ("kmsKeyId",), _own_key, _NO_KEY)
        for path, replica in each(properties.get("replicas"), ("replicas",)):
            if replica is UNKNOWN:
                yield Unknown(path)
            elif replica != {}:
                yield from _prefixed(path, required(replica, ("kmsKeyId",), _own_key, _NO_KEY))
        return
    kind = properties.get("type")
    if kind in ("String", "StringList"):
        return
    for finding in required(properties, ("keyId",), _own_key, _NO_KEY):
        yield Unknown(("type",)) if kind is UNKNOWN else finding


def _prefixed(path: tuple[str | int, ...], findings: Iterator[Finding]) -> Iterator[Finding]:
    for finding in findings:
        place = (*path, *finding.path)
        yield Fail(place, finding.message) if isinstance(finding, Fail) else Unknown(place)


def _own_key(value: Plain) -> bool:
    return isinstance(value, str) and bool(value.strip()) and "alias/aws/" not in value.lower()


def _often_enough(rotation: Resource) -> Iterator[Finding]:
    yield from if_set(rotation.properties, ("rotationEnabled",), is_true, "is off")
    rules = ("rotationRules",)
    days = list(under(rotation.properties, (*rules, "automaticallyAfterDays")))
    schedules = list(under(rotation.properties, (*rules, "scheduleExpression")))
    if not days and not schedules:
        yield Fail(rules, "say no time after which the secret is rotated")
    for path, value in days:
        if value is UNKNOWN:
            yield Unknown(path)
        elif not 1 <= (number(value) or 0) <= ROTATION_DAYS:
            yield Fail(path, f"is not from 1 to {ROTATION_DAYS} days")
    for path, value in schedules:
        if value is UNKNOWN:
            yield Unknown(path)
        elif not _frequent(value):
            yield Fail(path, f"does not say that it is rotated every {ROTATION_DAYS} days")


def _frequent(schedule: Plain) -> bool:
    """Whether a rate is short enough; of cron expressions those of every third month at least."""
    if not isinstance(schedule, str):
        return False
    if found := _SCHEDULE.fullmatch(schedule.strip()):
        hours = int(found[1]) * (24 if found[2].startswith("day") else 1)
        return 0 < hours <= ROTATION_DAYS * 24
    return _CRON.fullmatch(schedule.strip()) is not None
