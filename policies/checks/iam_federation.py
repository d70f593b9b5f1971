"""IAM: workloads of elsewhere that identity providers vouch for."""

import re
from collections.abc import Iterator
from typing import Final

from policies.checks.iam_trust import WEB_IDENTITIES
from policies.context import Context
from policies.helpers.conditions import Comparison
from policies.helpers.documents import Clause, Named
from policies.helpers.statements import demanded, is_open, standing, trust_of
from policies.helpers.trusts import AUDIENCE, GITHUB, claims, oidc_provider, subject_fault
from policies.model import UNKNOWN, Fail, Finding, Path, Plain, Unknown
from policies.reading import members
from policies.resources import Resource

GCP_PROVIDER: Final = "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider"
CONDITION: Final[Path] = ("attributeCondition",)
# One comparison of a claim with a text, in the Common Expression Language, either way round.
_EQUALS: Final = re.compile(
    r"""assertion\.(?P<claim>\w+)\s*==\s*(?P<quote>['"])(?P<value>[^'"\\]+)(?P=quote)"""
    r"""|(?P<quote2>['"])(?P<value2>[^'"\\]+)(?P=quote2)\s*==\s*assertion\.(?P<claim2>\w+)"""
)


def federation_is_exact(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 21: whom an OpenID provider vouches for gets in as one workload: repository with ref, and audience."""
    if resource.type == GCP_PROVIDER:
        yield from _pool_provider(resource, context)
        return
    trust = trust_of(resource)
    yield from trust.findings
    for clause in trust.clauses:
        for named in clause.principals:
            yield from standing(clause, (), _vouched(clause, named, context))


def _vouched(clause: Clause, named: Named, context: Context) -> Iterator[Finding]:
    if named.value is UNKNOWN:
        if named.kind in ("", "Federated"):
            yield Unknown(named.path)
        return
    provider = oidc_provider(named)
    if provider is None and named.kind == "Federated" and isinstance(named.value, str):
        provider = named.value if named.value in WEB_IDENTITIES else None
    if provider is None:
        return
    github = _is_github(provider)

    def subject(comparison: Comparison) -> str:
        return subject_fault(GITHUB if github else provider, comparison, context.settings.repositories)

    def audience(comparison: Comparison) -> str:
        if not comparison.positive or is_open(comparison.value):
            return "also holds for other audiences"
        return "is not the audience of AWS" if github and comparison.value != AUDIENCE else ""

    yield from demanded(clause, claims(clause, provider, "sub"), subject, "does not say which subject the token is of")
    yield from demanded(clause, claims(clause, provider, "aud"), audience, "does not say for whom the token is (aud)")


def _is_github(host: str) -> bool:
    """GitHub's, or that of one enterprise at it."""
    return host.lower() == GITHUB or host.lower().startswith(f"{GITHUB}/")


def _pool_provider(provider: Resource, context: Context) -> Iterator[Finding]:
    """Google Cloud says it in one expression; without audiences of its own the token must be for the provider."""
    block = provider.properties.get("oidc")
    condition = provider.properties.get("attributeCondition")
    issuers = list(members(block, "issuerUri", ("oidc",)))
    if block is None or provider.properties.get("disabled") is True:
        return
    if block is UNKNOWN or condition is UNKNOWN:
        yield Unknown(("oidc",) if block is UNKNOWN else CONDITION)
    elif any(issuer is UNKNOWN for _, issuer in issuers):
        yield Unknown(("oidc",))
    elif fault := _condition_fault(condition, [issuer for _, issuer in issuers], context):
        yield Fail(CONDITION, fault)


def _condition_fault(condition: Plain, issuers: list[Plain], context: Context) -> str:
    if not isinstance(condition, str) or not condition.strip():
        return "is missing: every token of the issuer gets in"
    claimed = _claimed(condition)
    if claimed is None:
        return 'is more than comparisons of claims with texts, joined by "&&": whom it lets in cannot be told'
    hosts = [issuer.removeprefix("https://").rstrip("/") if isinstance(issuer, str) else "" for issuer in issuers]
    if not any(map(_is_github, hosts)):
        return "" if "sub" in claimed else "does not say which subject the token is of"
    subject = claimed.get("sub")
    if subject is None:
        # The same, claim by claim.
        place = f"environment:{claimed['environment']}" if "environment" in claimed else f"ref:{claimed.get('ref', '')}"
        subject = f"repo:{claimed.get('repository', '')}:{place}"
    return subject_fault(GITHUB, Comparison((), "StringEquals", subject), context.settings.repositories)


def _claimed(condition: str) -> dict[str, str] | None:
    """The value of each claim that the expression asks for; None when it says anything else as well."""
    claimed: dict[str, str] = {}
    for part in condition.split("&&"):
        found = _EQUALS.fullmatch(part.strip())
        if found is None:
            return None
        claimed[found["claim"] or found["claim2"]] = found["value"] or found["value2"]
    return claimed
