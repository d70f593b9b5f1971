"""Whom a resource's own policy lets in: everyone, a stranger, or a service on behalf of another app's things."""

import re
from collections.abc import Iterator

from factory.iam import Policies, Policy, Principal, PrincipalKind, ResourceTrust, Statement, may_ever
from stacks.isolation.documents import Documents, allowing, is_conditional, shown, without_conditional
from stacks.isolation.findings import Finding, Rule, Verdict
from stacks.isolation.ownership import Owned
from stacks.isolation.reach import Index, literal
from stacks.isolation.records import Kind, Resource

# The resource in an ARN stands behind so many colons.
_COLONS = 5
_TYPE_ONLY = re.compile(r"(?:[a-z-]+[:/])?")


def let_in(owned: Owned, documents: Documents, index: Index) -> Iterator[Finding]:
    """A finding for each policy of an environment's resource that lets in somebody who is not of it.

    Roles of other environments are `reach`'s.
    """
    roles = {each.principal.session_of for each in documents.holders}
    for identifier, policy in documents.policies.items():
        resource = owned.named[identifier]
        yield from _everyone(owned, resource, policy)
        for _, statement in allowing([policy]):
            for principal in statement.principals or ():
                told = _stranger(owned, principal, roles)
                if told:
                    yield _finding(owned, resource, Verdict.UNKNOWN, f"{shown(policy, statement)} to {told}")
            if any(each.kind is PrincipalKind.SERVICE for each in statement.principals or ()):
                yield from _service(owned, resource, policy, statement, index)


def _everyone(owned: Owned, resource: Resource, policy: Policy) -> Iterator[Finding]:
    if not _lets_anybody(policy, resource):
        return
    surely = _lets_anybody(without_conditional(policy), resource)
    statements = [
        shown(policy, statement)
        for _, statement in allowing([policy])
        if any(each.kind is PrincipalKind.EVERYONE for each in statement.principals or ())
        and not (surely and is_conditional(statement))
    ]
    unless = "" if surely else ", unless a condition keeps them out, which is not proved"
    yield _finding(
        owned,
        resource,
        Verdict.REFUTED if surely else Verdict.UNKNOWN,
        f"{'; '.join(statements)}: for everyone, and so for every role of every app{unless}",
    )


def _lets_anybody(policy: Policy, resource: Resource) -> bool:
    of = Policies(resource=policy, resource_trust=ResourceTrust.EXPLICIT)
    return any(may_ever(of, "*", arn, principal=Principal.anonymous()) for arn in resource.arns)


def _stranger(owned: Owned, principal: Principal, roles: set[tuple[str | None, str] | None]) -> str:
    """Who it is, when it is nobody of this factory's; "" when it is."""
    match principal.kind:
        case PrincipalKind.EVERYONE | PrincipalKind.SERVICE:
            return ""
        case PrincipalKind.ACCOUNT if principal.account == owned.cloud.account:
            return ""
        case PrincipalKind.ROLE | PrincipalKind.ROLE_SESSION if principal.session_of in roles:
            return ""
    return f"{principal.name}, which is of no app here"


def _service(owned: Owned, resource: Resource, policy: Policy, statement: Statement, index: Index) -> Iterator[Finding]:
    if not statement.conditions:
        why = f"{shown(policy, statement)} to a service of the cloud, and does not say for whose things"
        yield _finding(owned, resource, Verdict.UNKNOWN, why)
    owner = owned.of(resource)
    for condition in statement.conditions:
        texts = [] if condition.operator.negated else [getattr(value, "text", "") for value in condition.values]
        for text in filter(_is_of_somebody, texts):
            others = {other for each in index.candidates(text).values() if (other := owned.of(each)) and other != owner}
            for other in sorted(others, key=str):
                yield Finding(
                    verdict=Verdict.REFUTED,
                    rule=Rule.RESOURCE_POLICY,
                    one=str(other),
                    other=str(owner),
                    where=resource.id,
                    why=f"{shown(policy, statement)} to a service of the cloud for {text}, which is of {other}",
                    fix=_fix(owned, resource),
                )


def _is_of_somebody(text: str) -> bool:
    """Whether a text is an ARN of something, and not of everything of a kind in the account."""
    if not text.startswith("arn:") or text.count(":") < _COLONS:
        return False
    begins = literal(text.split(":", _COLONS)[_COLONS])
    return _TYPE_ONLY.fullmatch(begins) is None or literal(text) == text


def _finding(owned: Owned, resource: Resource, verdict: Verdict, why: str) -> Finding:
    return Finding(
        verdict=verdict,
        rule=Rule.RESOURCE_POLICY,
        one=None,
        other=str(owned.of(resource)),
        where=resource.id,
        why=why,
        fix=_fix(owned, resource),
    )


def _fix(owned: Owned, resource: Resource) -> str:
    owner = owned.of(resource)
    what = "trust policy" if resource.kind is Kind.ROLE else f"policy of the {resource.kind}"
    if owner is None:
        return f"take the statement out of the {what}"
    put_back = f"millwright up {owner.app} {owner.environment} puts back what was declared"
    return f"take the statement out of the {what}; {put_back}"
