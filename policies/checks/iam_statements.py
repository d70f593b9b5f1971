"""IAM: single statements that allow more than they say."""

import re
from collections.abc import Iterator
from typing import Final

from policies.context import Context
from policies.helpers.conditions import Comparison, compared
from policies.helpers.documents import (
    IDENTITY_POLICIES,
    RESOURCE_POLICIES,
    ROLE,
    Clause,
    Word,
    acting,
    identity_documents,
    read,
    resource_documents,
)
from policies.helpers.statements import TRUST, demanded, is_open, may_stand_for, standing, trust_of
from policies.model import UNKNOWN, Fail, Finding, Path, Unknown
from policies.resources import Resource

NEGATION_READS: Final[dict[str, tuple[str, ...]]] = {
    **IDENTITY_POLICIES,
    **RESOURCE_POLICIES,
    ROLE: ("inlinePolicies", TRUST),
}

PASSING: Final = "iam:PassRole"
PASSED_TO: Final = "iam:PassedToService"
_ANY_ROLE: Final = tuple(f"arn:{partition}:iam::{'?' * 12}:role/*" for partition in ("aws", "aws-cn", "aws-us-gov"))
_ONE_ROLE: Final = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+")
_SERVICE: Final = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com(\.cn)?")


def no_allow_with_negation(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 16: no Allow statement that says by NotAction, NotResource or NotPrincipal what it leaves out."""
    del context
    trust = trust_of(resource)
    yield from trust.findings
    clauses = list(trust.clauses)
    reader = resource_documents if resource.type in RESOURCE_POLICIES else identity_documents
    for path, value in reader(resource):
        document = read(value, path)
        yield from document.findings
        clauses += document.clauses
    for clause in clauses:
        yield from standing(clause, (), _negations(clause))


def _negations(clause: Clause) -> Iterator[Finding]:
    found: tuple[tuple[list[Path], str], ...] = (
        ([word.path for word in clause.not_actions], "allows every action but those it names, and each new one"),
        ([word.path for word in clause.not_resources], "allows it on every resource but those it names"),
        ([named.path for named in clause.not_principals], "allows it to everyone but those it names"),
    )
    yield from (Fail(paths[0], message) for paths, message in found if paths)


def pass_role_is_narrow(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 18: who may pass a role may pass named roles, to named services."""
    del context
    for path, value in identity_documents(resource):
        document = read(value, path)
        yield from document.findings
        for clause in document.clauses:
            words = tuple(acting(clause, PASSING))
            if words and _is_of_roles(clause):
                yield from standing(clause, words, [*_roles(clause), *_services(clause)])


def _is_of_roles(clause: Clause) -> bool:
    """Whether roles are among the statement's resources: on a bucket PassRole is nothing."""
    return not clause.resources or any(_may_be_role(word) for word in clause.resources)


def _may_be_role(word: Word) -> bool:
    return word.text is None or any(may_stand_for(word.text.strip(), roles) for roles in _ANY_ROLE)


def _roles(clause: Clause) -> Iterator[Finding]:
    if not clause.resources:
        path = clause.not_resources[0].path if clause.not_resources else (*clause.path, "Resource")
        yield Fail(path, "names no role that may be passed, so every role may")
    for word in filter(_may_be_role, clause.resources):
        if word.unknown:
            yield Unknown(word.path)
        elif word.text is None or not _ONE_ROLE.fullmatch(word.text.strip()):
            yield Fail(word.path, "stands for more than one role that may be passed", found=word.text or "")


def _services(clause: Clause) -> Iterator[Finding]:
    missing = "does not say by iam:PassedToService to which service a role may be passed"
    yield from demanded(clause, compared(clause, PASSED_TO), _service_fault, missing)


def _service_fault(comparison: Comparison) -> str:
    value = comparison.value
    if not comparison.positive:
        return "also holds for services that it does not name"
    if value is UNKNOWN or is_open(value) or not isinstance(value, str) or not _SERVICE.fullmatch(value.strip()):
        return "names no single service"
    return ""
