"""Policy documents as the evaluator reads them; one that it cannot read is a finding, and never taken for empty."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from factory.errors import InputError
from factory.iam import Effect, Policy, Principal, Statement, parse
from stacks.isolation.findings import Finding, Rule, Verdict
from stacks.isolation.ownership import Owned
from stacks.isolation.records import Document, Kind, Owner, Resource

# Actions that AWS ties to no resource, or to the caller alone: `*` is the only Resource they can have.
WITHOUT_RESOURCE = frozenset({"ecr:getauthorizationtoken", "sts:getcalleridentity"})
# Conditions on these keys keep no app of the same account apart from another.
SAME_FOR_ALL = frozenset(
    {
        "aws:principalaccount",
        "aws:principalorgid",
        "aws:requestedregion",
        "aws:resourceaccount",
        "aws:securetransport",
        "aws:sourceaccount",
        "kms:calleraccount",
        "kms:viaservice",
    }
)


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A role of an environment, with what it may do at most."""

    resource: Resource
    owner: Owner
    principal: Principal
    identity: tuple[Policy, ...]
    boundary: Policy | None


@dataclass
class Documents:
    """Every document that could be read, and a finding for each that could not."""

    holders: list[Holder] = field(default_factory=list)
    policies: dict[str, Policy] = field(default_factory=dict)
    """The resource policies, by the resource's id."""
    findings: list[Finding] = field(default_factory=list)


def read_documents(owned: Owned) -> Documents:
    """The documents of every resource and role that an environment owns."""
    found = Documents()
    for resource in owned.cloud.resources:
        owner = owned.of(resource)
        if resource.kind is Kind.ACCOUNT_POLICY:
            found.findings.append(_of_all(resource))
        elif resource.policy is not None and owner is not None:
            policy = _parsed(resource.policy, resource, owner, found)
            if policy is not None:
                found.policies[resource.id] = policy
    roles = {each.role: each for each in owned.cloud.identities}
    for resource in owned.cloud.resources:
        owner = owned.of(resource)
        if resource.kind is not Kind.ROLE or owner is None or resource.id not in roles:
            continue
        identity = roles[resource.id]
        policies = [_parsed(document, resource, owner, found) for document in identity.documents]
        boundary = identity.boundary and _parsed(identity.boundary, resource, owner, found)
        found.holders.append(
            Holder(
                resource=resource,
                owner=owner,
                principal=Principal.of(resource.id),
                identity=tuple(without(policy, WITHOUT_RESOURCE) for policy in policies if policy),
                boundary=boundary or None,
            )
        )
    return found


def _parsed(document: Document, resource: Resource, owner: Owner, found: Documents) -> Policy | None:
    try:
        return parse(document.content, name=document.name)
    except InputError as error:
        told = "; ".join(f"{problem.field}: {problem.message}" for problem in error.problems) or str(error)
        found.findings.append(
            Finding(
                verdict=Verdict.UNKNOWN,
                rule=Rule.UNREADABLE_POLICY,
                one=str(owner),
                other=None,
                where=resource.id,
                why=f"{document.name} cannot be evaluated: {told}",
                fix="write it in the forms that docs/explanation/iam-evaluator.md covers, or look at it by hand",
            )
        )
        return None


def _of_all(resource: Resource) -> Finding:
    return Finding(
        verdict=Verdict.UNKNOWN,
        rule=Rule.RESOURCE_POLICY,
        one=None,
        other=None,
        where=resource.id,
        why="this policy is of the whole account, and this proof does not judge it",
        fix="remove it, or look at it by hand: whom it lets in, and to what",
    )


def without(policy: Policy, actions: frozenset[str]) -> Policy:
    """The policy without these actions in its Allow statements, where they are named in full."""
    return replace(
        policy,
        statements=tuple(
            replace(each, actions=tuple(action for action in each.actions if action.text not in actions))
            if each.effect is Effect.ALLOW and not each.not_actions
            else each
            for each in policy.statements
        ),
    )


def without_conditional(policy: Policy) -> Policy:
    """The policy without the Allow statements that have a condition which could keep one app apart from another."""
    return replace(policy, statements=tuple(each for each in policy.statements if not is_conditional(each)))


def is_conditional(statement: Statement) -> bool:
    """Whether it allows under a condition that may be what keeps others out."""
    keys = {condition.key for condition in statement.conditions}
    return statement.effect is Effect.ALLOW and not keys <= SAME_FOR_ALL


def allowing(policies: Sequence[Policy]) -> Iterator[tuple[Policy, Statement]]:
    """Every Allow statement, with the policy that it is in."""
    return (
        (policy, statement)
        for policy in policies
        for statement in policy.statements
        if statement.effect is Effect.ALLOW
    )


def shown(policy: Policy, statement: Statement) -> str:
    """A statement in words: where it stands, and what it allows."""
    actions = ", ".join(pattern.text for pattern in statement.actions)
    on = "" if statement.resources is None else " on " + ", ".join(pattern.text for pattern in statement.resources)
    but = " but " if statement.not_resources else ""
    if statement.not_resources and statement.resources is not None:
        on = f" on everything{but}" + ", ".join(pattern.text for pattern in statement.resources)
    what = f"everything but {actions}" if statement.not_actions else actions
    keys = sorted({condition.key for condition in statement.conditions})
    under = f" under a condition on {', '.join(keys)}" if keys else ""
    return f"{policy.name}, {statement}: allows {what}{on}{under}"
