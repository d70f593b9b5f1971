"""IAM: what a policy document allows."""

from collections.abc import Iterator
from typing import Final

from policies.context import Context
from policies.helpers.documents import Clause, Word, identity_documents, matches, read
from policies.model import Fail, Finding, Unknown
from policies.resources import Resource

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


def no_admin_wildcard(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 15: no Allow statement whose actions, by wildcards that span services, are every action."""
    del context
    for path, value in identity_documents(resource):
        document = read(value, path)
        yield from document.findings
        for clause in document.clauses:
            if clause.allows is not False:
                yield from _judged(clause)


def _judged(clause: Clause) -> Iterator[Finding]:
    spanning = [word for word in clause.actions if word.text is not None and _spans_services(word.text)]
    if _covers_everything(spanning):
        if clause.allows is None:
            yield Unknown((*clause.path, "Effect"))
        else:
            yield Fail(spanning[0].path, "allows every action of every service", found=spanning[0].text or "")
        return
    yield from (Unknown(word.path) for word in clause.actions if word.unknown)


def _spans_services(action: str) -> bool:
    service, colon, _ = action.partition(":")
    return not colon or "*" in service or "?" in service


def _covers_everything(words: list[Word]) -> bool:
    patterns = [(word.text or "").strip().lower() for word in words]
    return all(any(matches(pattern, probe) for pattern in patterns) for probe in PROBES)
