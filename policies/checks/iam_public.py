"""IAM: what policies of resources allow to everybody."""

from collections.abc import Iterator
from typing import Final

from policies.context import Context
from policies.helpers.conditions import open_to_strangers
from policies.helpers.deputies import account_fault, arn_fault
from policies.helpers.documents import RESOURCE_POLICIES, Clause, read, resource_documents
from policies.helpers.statements import is_open, standing
from policies.helpers.trusts import names_everyone
from policies.model import UNKNOWN, Fail, Finding, Unknown
from policies.resources import Resource

PERMISSION: Final = "aws:lambda/permission:Permission"
PUBLIC_READS: Final[dict[str, tuple[str, ...]]] = {
    **RESOURCE_POLICIES,
    PERMISSION: ("principal", "principalOrgId", "sourceAccount", "sourceArn", "eventSourceToken"),
}
_OF_AMAZON: Final = (".amazonaws.com", ".amazonaws.com.cn", ".amazon.com")


def not_public(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 29: no policy of a resource lets in everybody, by name or because its conditions keep nobody out."""
    if resource.type == PERMISSION:
        yield from _permission(resource, context)
        return
    for path, value in resource_documents(resource):
        document = read(value, path)
        yield from document.findings
        for clause in document.clauses:
            yield from standing(clause, (), _open(clause))


def _open(clause: Clause) -> Iterator[Finding]:
    opened = open_to_strangers(clause)
    if opened is False:
        return
    for named in (*clause.principals, *clause.not_principals):
        if named.value is UNKNOWN:
            yield Unknown(named.path)
        elif named in clause.not_principals or names_everyone(named):
            yield Unknown((*clause.path, "Condition")) if opened is None else Fail(named.path, "lets in everybody")


def _permission(permission: Resource, context: Context) -> Iterator[Finding]:
    """Lambda makes the statement from these properties: whom, and on whose account."""
    principal = permission.value("principal")
    if principal is UNKNOWN:
        yield Unknown(("principal",))
        return
    if not permission.properties or (isinstance(principal, str) and not _is_many(principal)):
        return
    limits = list(_limits(permission, context, everyone=is_open(principal)))
    if "" in limits:
        return
    if None in limits:
        yield from (Unknown((name,)) for name, value in permission.properties.items() if value is UNKNOWN)
        return
    faults = [fault for fault in limits if fault]
    yield Fail(("principal",), "may call for anybody: " + (faults[0] if faults else "nothing says for which account"))


def _is_many(principal: str) -> bool:
    return is_open(principal) or principal.strip().lower().endswith(_OF_AMAZON)


def _limits(permission: Resource, context: Context, *, everyone: bool) -> Iterator[str | None]:
    """For each property that may keep others out: what is wrong with it, "" when nothing is, None while not known."""
    for name in ("sourceAccount", "sourceArn", "principalOrgId", "eventSourceToken"):
        value = permission.properties.get(name)
        # A service is of no organisation, so that key keeps none of its callers out.
        if value in (None, "") or (name == "principalOrgId" and not everyone):
            continue
        if value is UNKNOWN:
            yield None
        elif name == "sourceAccount":
            yield account_fault(value, context.settings)
        elif name == "sourceArn":
            yield arn_fault(value, context.settings)
        else:
            yield "names nobody" if is_open(value) else ""
