"""Bypass: providers that work on somebody else's account, or with a key that was written down."""

import re
from collections.abc import Iterator
from typing import Final

from factory.settings import LOCAL_ACCOUNT
from policies.context import Context
from policies.model import UNKNOWN, Fail, Finding, Path, Plain, Unknown
from policies.reading import each, members, parsed
from policies.resources import Resource
from policies.settings import PolicySettings

AWS: Final = "pulumi:providers:aws"
GCP: Final = "pulumi:providers:gcp"
GITHUB: Final = "pulumi:providers:github"
ALLOWED: Final = "allowedAccountIds"
PROVIDER_READS: Final[dict[str, tuple[str, ...]]] = {
    AWS: (ALLOWED, "accessKey", "secretKey", "token"),
    GCP: ("project", "credentials"),
    GITHUB: ("token", "appAuth"),
}
STATIC: Final = "is a key that was written down: it works for whoever reads it, until somebody changes it"
# Source: AWS, "Unique identifiers": a real access key has twenty characters.
_ACCOUNT: Final = re.compile(r"[0-9]{12}")


def own_accounts_only(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 3: a provider names the accounts it may work on, all of them listed, and holds no static key."""
    if resource.type == AWS:
        # No real account has the local cloud's id: the target is local, and what looks like a key names an account.
        local = LOCAL_ACCOUNT in context.settings.accounts
        yield from _aws_accounts(resource, context.settings, local=local)
        yield from _aws_keys(resource, context.settings.accounts, local=local)
    elif resource.type == GCP:
        yield from _google(resource, context)
    else:
        yield from _github(resource)


def _aws_accounts(resource: Resource, settings: PolicySettings, *, local: bool) -> Iterator[Finding]:
    path: Path = (ALLOWED,)
    try:
        allowed = parsed(resource.properties.get(ALLOWED) or None)
    except ValueError:
        yield Fail(path, "cannot be read as a list of accounts")
        return
    if allowed in (None, []):
        # A program has no say in the engine's own provider, which on the local cloud reaches nothing real.
        if not (local and re.fullmatch(r"default(_.*)?", resource.name)):
            yield Fail(path, "is not said: it works on whatever account the credentials are for")
        return
    for place, account in each(allowed, path):
        if account is UNKNOWN:
            yield Unknown(place)
        elif not settings.may_be_own(account):
            known = isinstance(account, str) and _ACCOUNT.fullmatch(account)
            yield Fail(place, "is none of the factory's accounts", found=str(account) if known else "")


def _aws_keys(resource: Resource, accounts: tuple[str, ...], *, local: bool) -> Iterator[Finding]:
    key = resource.properties.get("accessKey")
    named = key if local and isinstance(key, str) and _ACCOUNT.fullmatch(key) else None
    if named is not None:
        if named not in accounts:
            yield Fail(("accessKey",), "names an account of the local cloud that is none of the factory's")
    else:
        yield from _unset(("accessKey",), key)
        yield from _unset(("secretKey",), resource.properties.get("secretKey"))
    yield from _unset(("token",), resource.properties.get("token"))


def _unset(path: Path, value: Plain) -> Iterator[Finding]:
    if value is UNKNOWN:
        yield Unknown(path)
    elif value not in (None, ""):
        yield Fail(path, STATIC)


def _google(resource: Resource, context: Context) -> Iterator[Finding]:
    settings = context.settings
    project = resource.properties.get("project")
    if project is UNKNOWN:
        yield Unknown(("project",))
    elif project in (None, ""):
        yield Fail(("project",), "is not said: it works on whatever project the credentials name")
    elif not settings.may_be_own_project(project):
        yield Fail(("project",), "is none of gcp_projects in policies.yaml")
    if not _federated(resource.properties.get("credentials")):
        yield from _unset(("credentials",), resource.properties.get("credentials"))


def _federated(credentials: Plain) -> bool:
    """Whether they only say where a token is to be had (workload identity federation), and hold no key."""
    try:
        found = parsed(credentials)
    except ValueError:
        return False
    return isinstance(found, dict) and found.get("type") == "external_account"


def _github(resource: Resource) -> Iterator[Finding]:
    yield from _unset(("token",), resource.properties.get("token"))
    path: Path = ("appAuth",)
    try:
        app = parsed(resource.properties.get("appAuth") or None)
    except ValueError:
        yield Fail(path, "cannot be read")
        return
    for place, one in each(app, path):
        if one is UNKNOWN:
            yield Unknown(place)
        for at, pem in members(one, "pemFile", place):
            yield from _unset(at, pem)
