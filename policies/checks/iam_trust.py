"""IAM: who may take a role."""

import re
from collections.abc import Iterator
from typing import Final

from policies.context import Context
from policies.helpers.conditions import Comparison, compared
from policies.helpers.deputies import source_fault, sources
from policies.helpers.documents import Clause, Named
from policies.helpers.statements import demanded, is_open, standing, trust_of
from policies.helpers.trusts import account_of, names_everyone
from policies.model import UNKNOWN, Fail, Finding, Unknown
from policies.resources import Resource

_PROVIDER: Final = re.compile(r"arn:aws[a-z-]*:iam::(?P<account>\d{12}):(?:saml|oidc)-provider/.+")
# Identity providers that every account has: who is let in, their conditions say (control 21).
WEB_IDENTITIES: Final = (
    "accounts.google.com",
    "cognito-identity.amazonaws.com",
    "graph.facebook.com",
    "www.amazon.com",
)


def trust_is_narrow(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 19: a role trusts nobody at large, and principals of listed accounts only, strangers' by external id."""
    trust = trust_of(resource)
    yield from trust.findings
    for clause in trust.clauses:
        yield from standing(clause, (), _trusted(clause, context))


def _trusted(clause: Clause, context: Context) -> Iterator[Finding]:
    yield from (Fail(named.path, "trusts everyone but those it names") for named in clause.not_principals[:1])
    if not clause.principals and not clause.not_principals:
        yield Fail((*clause.path, "Principal"), "is missing: it is not said who is trusted")
    for named in clause.principals:
        yield from _named(clause, named, context)


def _named(clause: Clause, named: Named, context: Context) -> Iterator[Finding]:
    own, listed = context.settings.accounts, context.settings.trusted_accounts
    if named.value is UNKNOWN:
        yield Unknown(named.path)
    elif names_everyone(named):
        yield Fail(named.path, "trusts everyone: conditions may be loosened, and whom they name is not said here")
    elif named.kind == "Service":
        if is_open(named.value):
            yield Fail(named.path, "names no single service")
    elif (account := account_of(named) or _provider_of(named)) is None:
        if not (named.kind == "Federated" and named.value in WEB_IDENTITIES):
            yield Fail(named.path, "names nobody whose account is known")
    elif account in own:
        return
    elif account not in listed or named.kind == "Federated":
        yield Fail(named.path, "is of an account that policies.yaml does not list", found=account)
    else:
        missing = "does not ask a principal of another account for its external id (sts:ExternalId)"
        yield from demanded(clause, compared(clause, "sts:ExternalId"), _external_id_fault, missing)


def _provider_of(named: Named) -> str | None:
    """The account of an identity provider."""
    if named.kind != "Federated" or not isinstance(named.value, str):
        return None
    found = _PROVIDER.fullmatch(named.value.strip())
    return found["account"] if found else None


def _external_id_fault(comparison: Comparison) -> str:
    if not comparison.positive:
        return "also holds without the external id"
    return "is no single external id" if is_open(comparison.value) else ""


def services_have_a_source(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 20: a service takes the role only for an account, or a resource, that is named."""
    missing = "does not say for which account the service may take the role (aws:SourceAccount, aws:SourceArn)"

    def fault(comparison: Comparison) -> str:
        return source_fault(comparison, context.settings)

    trust = trust_of(resource)
    yield from trust.findings
    for clause in trust.clauses:
        found = demanded(clause, sources(clause), fault, missing)
        # A principal that is not known at all may turn out to be a service.
        unsure = [Unknown(named.path) for named in clause.principals if named.kind == "" and named.value is UNKNOWN]
        if any(named.kind == "Service" for named in clause.principals):
            yield from standing(clause, (), found)
        elif found:
            yield from standing(clause, (), unsure)
