"""Whether a statement is about a request's principal, action and resource."""

from factory.iam.conditions import Context, hold, single_value
from factory.iam.documents import Statement
from factory.iam.principals import Grant, Principal, PrincipalKind, excepted, grant
from factory.iam.requests import Request

# Those to which a permissions boundary can be attached, or to whose sessions it reaches.
_BOUNDED = frozenset({PrincipalKind.USER, PrincipalKind.ROLE, PrincipalKind.ROLE_SESSION, PrincipalKind.FEDERATED_USER})


def applies(statement: Statement, request: Request, context: Context) -> bool:
    """Whether it is about the action and the resource, and its conditions hold. Whom it names is another question."""

    def lookup(key: str) -> str | None:
        return single_value(context, key)

    action = request.action.lower()
    if any(pattern.matches(action, lookup) for pattern in statement.actions) == statement.not_actions:
        return False
    if statement.resources is not None:
        found = any(pattern.matches(request.resource, lookup) for pattern in statement.resources)
        if found == statement.not_resources:
            return False
    return hold(statement, context)


def grant_of(statement: Statement, asking: Principal) -> Grant:
    """How directly an Allow names who asks; DIRECT when it is attached to them and so names nobody."""
    if statement.principals is None:
        return Grant.DIRECT
    return max((grant(named, asking) for named in statement.principals), default=Grant.NONE)


def denies(statement: Statement, asking: Principal, *, bounded: bool) -> bool:
    """Whether a Deny that applies is meant for who asks. `bounded`: they have a permissions boundary.

    NotPrincipal spares only whom it names with role and account, and ("NotPrincipal", key points) nobody who has a
    permissions boundary, whatever it names.
    """
    if statement.principals is None:
        return True
    if not statement.not_principals:
        return grant_of(statement, asking) is not Grant.NONE
    if bounded and asking.kind in _BOUNDED:
        return True
    surely, _ = excepted(statement.principals, asking)
    return not surely
