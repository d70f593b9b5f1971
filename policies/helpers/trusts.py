"""Trust policies: whom a statement names, whose account they are of, and which workflows of an OpenID provider."""

import re
from collections.abc import Collection, Iterator
from typing import Final

from factory.iam.principals import EVERYONE, identity
from policies.helpers.conditions import Comparison, compared
from policies.helpers.documents import Clause, Named

GITHUB: Final = "token.actions.githubusercontent.com"
AUDIENCE: Final = "sts.amazonaws.com"
_PROVIDER: Final = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:oidc-provider/(.+)")
# Source: GitHub, "OpenID Connect reference": subjects of a job with an environment, and of one without.
_SUBJECT: Final = re.compile(
    r"repo:(?P<repository>[\w.-]+/[\w.-]+):(?:ref:refs/(?:heads|tags)/[^*?]+|environment:[^*?]+)"
)


def names_everyone(named: Named) -> bool:
    """Whether a principal is everyone: `*`, or under AWS anything with a wildcard."""
    if named.kind not in ("", "AWS") or not isinstance(named.value, str):
        return False
    return identity(named.value.strip()) == EVERYONE or "*" in named.value or "?" in named.value


def account_of(named: Named) -> str | None:
    """The account of a principal under AWS; None for services, providers, everyone, and what names nobody."""
    if named.kind != "AWS" or not isinstance(named.value, str):
        return None
    found = identity(named.value.strip())
    return found.account if found else None


def oidc_provider(named: Named) -> str | None:
    """The host (and path) of the OpenID provider that a principal under Federated is, or None."""
    if named.kind != "Federated" or not isinstance(named.value, str):
        return None
    found = _PROVIDER.fullmatch(named.value.strip())
    return found[1] if found else None


def claims(clause: Clause, provider: str, claim: str) -> Iterator[Comparison]:
    """What the conditions compare a claim (`sub`, `aud`) of the provider's tokens with."""
    return compared(clause, f"{provider}:{claim}")


def subject_fault(provider: str, comparison: Comparison, repositories: Collection[str]) -> str:
    """What keeps a condition on `sub` from naming exactly one workload; "" when it does.

    GitHub: one of `repositories` (owner/name), and a branch, a tag or an environment. Other providers: any whole
    subject. The value must be known; a text that is none fails.
    """
    text = comparison.value
    if not comparison.positive:
        return f"also holds for subjects that it does not name ({comparison.operator})"
    if not isinstance(text, str) or not text:
        return "names no subject"
    if "Like" in comparison.operator and re.search(r"[*?]", text):
        return "leaves part of the subject open"
    return _github_fault(text, repositories) if provider == GITHUB else ""


def _github_fault(subject: str, repositories: Collection[str]) -> str:
    found = _SUBJECT.fullmatch(subject)
    if found is None:
        return "names no repository with its branch, tag or environment"
    if found["repository"].lower() not in {repository.lower() for repository in repositories}:
        return "names a repository that is not listed in policies.yaml"
    return ""
