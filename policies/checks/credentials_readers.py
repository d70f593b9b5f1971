"""Secrets: who can read them."""

import re
from collections.abc import Iterator
from typing import Final

from policies.context import Context
from policies.helpers.conditions import compared, open_to_strangers
from policies.helpers.documents import (
    IDENTITY_POLICIES,
    Clause,
    Named,
    Word,
    acting,
    identity_documents,
    is_everything,
    read,
    resource_documents,
)
from policies.helpers.trusts import account_of, names_everyone
from policies.model import UNKNOWN, Fail, Finding, Path, Plain, Unknown
from policies.reading import each
from policies.resources import Resource

POLICY: Final = "aws:secretsmanager/secretPolicy:SecretPolicy"
GCP_MEMBERS: Final[dict[str, tuple[str, ...]]] = {
    "gcp:secretmanager/secretIamMember:SecretIamMember": ("member", "role"),
    "gcp:secretmanager/secretIamBinding:SecretIamBinding": ("members", "role"),
    "gcp:secretmanager/regionalSecretIamMember:RegionalSecretIamMember": ("member", "role"),
    "gcp:secretmanager/regionalSecretIamBinding:RegionalSecretIamBinding": ("members", "role"),
}
READ: Final = "secretsmanager:GetSecretValue"
_SECRET_NAME: Final = re.compile(r"arn:[^:]*:secretsmanager:[^:]*:[^:]*:secret:(?P<name>.*)")
_ROLE: Final = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/(?:[^/]+/)*(?P<name>[^/]+)")
_ACCOUNT: Final = re.compile(r"serviceAccount:(?P<name>[^@]+)@(?P<project>[a-z0-9-]+)\.iam\.gserviceaccount\.com")
# Source: Google Cloud, "Secret Manager roles": those that read no value.
_READS_NOTHING: Final = (
    "roles/secretmanager.viewer",
    "roles/secretmanager.secretVersionAdder",
    "roles/secretmanager.secretVersionManager",
)
_TAGS: Final = ("aws:resourcetag/app", "secretsmanager:resourcetag/app")


def own_app_only(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 37: an app's secrets are read by its own roles, and its roles read no other's secrets."""
    if resource.type == POLICY:
        yield from _readers(resource, context)
    elif resource.type in IDENTITY_POLICIES:
        yield from _read_secrets(resource, context)
    else:
        yield from _google(resource, context)


def _readers(resource: Resource, context: Context) -> Iterator[Finding]:
    for path, value in resource_documents(resource):
        document = read(value, path)
        yield from document.findings
        for clause in document.clauses:
            if clause.allows is False or not any(acting(clause, READ)):
                continue
            judged = [one for named in clause.principals for one in _reader(clause, named, context)]
            excepted = [Fail(named.path, "lets in everyone whom it does not name") for named in clause.not_principals]
            undecided = clause.allows is None or any(word.unknown for word in acting(clause, READ))
            for finding in (*judged, *excepted):
                yield Unknown(clause.path) if undecided else finding


def _reader(clause: Clause, named: Named, context: Context) -> Iterator[Finding]:
    account = account_of(named)
    role = _ROLE.fullmatch(named.value) if isinstance(named.value, str) else None
    if named.value is UNKNOWN:
        yield Unknown(named.path)
    elif names_everyone(named):
        if open_to_strangers(clause) is not False:
            yield Fail(named.path, "lets everyone read the secret")
    elif account is not None and account not in context.settings.accounts:
        yield Fail(named.path, "lets another account read the secret")
    elif role is not None and context.app and not _of(role["name"], context.app):
        yield Fail(named.path, f"lets a role read the secret that is not one of {context.app}")


def _read_secrets(resource: Resource, context: Context) -> Iterator[Finding]:
    for path, value in identity_documents(resource):
        document = read(value, path)
        yield from document.findings
        for clause in document.clauses:
            words = list(acting(clause, READ))
            if clause.allows is False or not words or _own_by_tag(clause, context.app):
                continue
            undecided = clause.allows is None or all(word.unknown for word in words)
            findings = [one for word in clause.resources for one in _secret(word, context.app)]
            findings += [
                Fail(word.path, "leaves out some secrets and so means all others") for word in clause.not_resources
            ]
            for finding in findings:
                yield Unknown(clause.path) if undecided else finding


def _secret(word: Word, app: str) -> Iterator[Finding]:
    if word.unknown:
        yield Unknown(word.path)
    elif is_everything(word):
        yield Fail(word.path, "names every secret of the account")
    elif app and (found := _SECRET_NAME.fullmatch(word.text or "")) and not found["name"].startswith(f"{app}/"):
        yield Fail(word.path, f"names secrets that are not of {app} alone")


def _own_by_tag(clause: Clause, app: str) -> bool:
    return any(one.positive and one.value == app != "" for key in _TAGS for one in compared(clause, key))


def _google(resource: Resource, context: Context) -> Iterator[Finding]:
    role = resource.properties.get("role")
    if role in _READS_NOTHING:
        return
    name = GCP_MEMBERS[resource.type][0]
    for path, member in each(resource.properties.get(name), (name,)):
        for finding in _member(path, member, context):
            yield Unknown(("role",)) if role is UNKNOWN else finding


def _member(path: Path, member: Plain, context: Context) -> Iterator[Finding]:
    if member is UNKNOWN:
        yield Unknown(path)
        return
    found = _ACCOUNT.fullmatch(member) if isinstance(member, str) else None
    if found is None:
        yield Fail(path, "is no service account: who reads the secret is not one of the app's programs")
    elif found["project"] not in context.settings.gcp_projects:
        yield Fail(path, "is of a project that is not listed in policies.yaml")
    elif context.app and not _of(found["name"], context.app):
        yield Fail(path, f"is not one of {context.app}")


def _of(name: str, app: str) -> bool:
    """Whether the name of a role or a service account is one of the app's: `links-build-web`."""
    return name == app or name.startswith(f"{app}-")
