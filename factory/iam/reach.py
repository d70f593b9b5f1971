"""An upper bound of what policies allow, for proofs that something can never happen."""

from collections.abc import Iterable, Sequence

from factory.iam.documents import Effect, Statement
from factory.iam.evaluation import Layer, Policies, ResourceTrust
from factory.iam.matching import grant_of
from factory.iam.patterns import Pattern, Symbol, symbols_of
from factory.iam.principals import Grant, Principal, PrincipalKind, excepted


def may_ever(policies: Policies, action: str, resource: str, *, principal: Principal | None = None) -> bool:
    """Whether any request for `action` on `resource` could be allowed: in any context, from any account.

    False is a proof, as far as the policies are all that apply: `evaluate` then allows no such request. True proves
    nothing, for this is an over-approximation: every condition of an Allow is taken to hold and every variable to
    have the value that fits; a Deny counts only without conditions, and when it surely covers all that is asked;
    the resource is taken to be of the principal's own account.

    `action` and `resource` may hold `*` and `?`: then it is about every request that they match, and False means
    that none of them can be allowed. Without `principal` it is whoever has these policies, except an account's root
    user, who needs none.
    """
    asked = symbols_of(action.lower()), symbols_of(resource)
    if any(
        _surely_denies(statement, asked, principal)
        for _, policy in policies.documents()
        for statement in policy.statements
    ):
        return False
    possible: dict[Layer, bool] = {}
    grant = Grant.NONE
    for layer, alternatives in policies.layers():
        grants = [_may_grant(one, asked, principal) for policy in alternatives for one in policy.statements]
        best = max(grants, default=Grant.NONE)
        possible[layer] = possible.get(layer, True) and best is not Grant.NONE
        if layer is Layer.RESOURCE:
            grant = best
    if not possible.get(Layer.SERVICE_CONTROL, True):
        return False
    return _reaches(policies, possible, grant, principal)


def _reaches(policies: Policies, possible: dict[Layer, bool], grant: Grant, principal: Principal | None) -> bool:
    if grant is Grant.DIRECT:
        return True
    if principal is not None and principal.account is None:
        return False
    if policies.resource_trust is ResourceTrust.EXPLICIT and grant is Grant.NONE:
        return False
    root = principal is not None and principal.kind is PrincipalKind.ACCOUNT
    sufficient = root or grant is Grant.ISSUER or possible[Layer.IDENTITY]
    return sufficient and possible.get(Layer.BOUNDARY, True) and possible.get(Layer.SESSION, True)


Asked = tuple[Sequence[Symbol], Sequence[Symbol]]


def _may_grant(statement: Statement, asked: Asked, principal: Principal | None) -> Grant:
    """How directly an Allow may grant something of what is asked."""
    action, resource = asked
    if statement.effect is not Effect.ALLOW:
        return Grant.NONE
    if not _may_include(statement.actions, action, negated=statement.not_actions):
        return Grant.NONE
    if statement.resources is not None and not _may_include(
        statement.resources, resource, negated=statement.not_resources
    ):
        return Grant.NONE
    return Grant.DIRECT if principal is None else grant_of(statement, principal)


def _surely_denies(statement: Statement, asked: Asked, principal: Principal | None) -> bool:
    """Whether a Deny holds for all that is asked, in every context."""
    action, resource = asked
    if statement.effect is not Effect.DENY or statement.conditions:
        return False
    if not _surely_includes(statement.actions, action, negated=statement.not_actions):
        return False
    if statement.resources is not None and not _surely_includes(
        statement.resources, resource, negated=statement.not_resources
    ):
        return False
    return _surely_for(statement, principal)


def _surely_for(statement: Statement, principal: Principal | None) -> bool:
    if statement.principals is None:
        return True
    if principal is None:
        everyone = any(named.kind is PrincipalKind.EVERYONE for named in statement.principals)
        return everyone and not statement.not_principals
    if statement.not_principals:
        _, perhaps = excepted(statement.principals, principal)
        return not perhaps
    return grant_of(statement, principal) is not Grant.NONE


def _may_include(patterns: Iterable[Pattern], asked: Sequence[Symbol], *, negated: bool) -> bool:
    if negated:
        return not any(pattern.must_match(asked) for pattern in patterns)
    return any(pattern.may_match(asked) for pattern in patterns)


def _surely_includes(patterns: Iterable[Pattern], asked: Sequence[Symbol], *, negated: bool) -> bool:
    if negated:
        return not any(pattern.may_match(asked) for pattern in patterns)
    return any(pattern.must_match(asked) for pattern in patterns)
