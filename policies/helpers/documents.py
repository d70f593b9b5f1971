"""Policy documents as declared: JSON text or a mapping, whole or with parts that are not known yet.

`factory.iam` reads documents strictly, and decides; here they are read leniently, each part with its path, so that a
check can say where. Wildcards are those of `factory.iam.patterns`. For decisions over whole documents see `roles`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from factory.iam.patterns import match, meet, symbols_of
from policies.model import UNKNOWN, Fail, Finding, Path, Plain, Unknown
from policies.reading import each, members, parsed
from policies.resources import Resource

POLICY: Final = "aws:iam/policy:Policy"
ROLE_POLICY: Final = "aws:iam/rolePolicy:RolePolicy"
USER_POLICY: Final = "aws:iam/userPolicy:UserPolicy"
GROUP_POLICY: Final = "aws:iam/groupPolicy:GroupPolicy"
ROLE: Final = "aws:iam/role:Role"

IDENTITY_POLICIES: Final[dict[str, tuple[str, ...]]] = {
    POLICY: ("policy",),
    ROLE_POLICY: ("policy",),
    USER_POLICY: ("policy",),
    GROUP_POLICY: ("policy",),
    ROLE: ("inlinePolicies",),
}
"""What holds documents that say what their holder may do, as a control's `reads`."""

RESOURCE_POLICIES: Final[dict[str, tuple[str, ...]]] = {
    "aws:s3/bucketPolicy:BucketPolicy": ("policy",),
    "aws:kms/key:Key": ("policy",),
    "aws:kms/keyPolicy:KeyPolicy": ("policy",),
    "aws:sqs/queue:Queue": ("policy",),
    "aws:sqs/queuePolicy:QueuePolicy": ("policy",),
    "aws:sns/topic:Topic": ("policy",),
    "aws:sns/topicPolicy:TopicPolicy": ("policy",),
    "aws:ecr/repositoryPolicy:RepositoryPolicy": ("policy",),
    "aws:secretsmanager/secret:Secret": ("policy",),
    "aws:secretsmanager/secretPolicy:SecretPolicy": ("policy",),
}
"""What holds documents that say who may do something with a resource: inline and standalone forms alike."""

UNREADABLE: Final = "cannot be read as a policy document"


@dataclass(frozen=True)
class Word:
    """One text of a statement and where it stands; `UNKNOWN` while it is not known."""

    path: Path
    value: Plain

    @property
    def text(self) -> str | None:
        """The text, or None when it is not known (or none, which AWS refuses)."""
        return self.value if isinstance(self.value, str) else None

    @property
    def unknown(self) -> bool:
        """Whether it is not known yet."""
        return self.value is UNKNOWN


@dataclass(frozen=True)
class Named:
    """One principal: `kind` is AWS, Service, Federated, CanonicalUser, or "" when a bare `*` names everyone."""

    path: Path
    kind: str
    value: Plain


@dataclass(frozen=True, kw_only=True)
class Clause:
    """One statement. `allows` is None while its effect is not known; what is no Deny counts as an Allow."""

    path: Path
    allows: bool | None
    actions: tuple[Word, ...] = ()
    not_actions: tuple[Word, ...] = ()
    resources: tuple[Word, ...] = ()
    not_resources: tuple[Word, ...] = ()
    principals: tuple[Named, ...] = ()
    not_principals: tuple[Named, ...] = ()
    conditions: tuple[Word, ...] = ()
    """The values of `Condition`, of which there is at most one; its `value` is a mapping."""


@dataclass(frozen=True)
class Document:
    """What could be read of one document, and what could not: a check passes `findings` on."""

    clauses: tuple[Clause, ...]
    findings: tuple[Finding, ...]


def read(value: Plain, path: Path) -> Document:
    """The document `value` at `path` of a resource."""
    if value is UNKNOWN:
        return Document((), (Unknown(path),))
    try:
        document = parsed(value)
    except ValueError:
        return Document((), (Fail(path, UNREADABLE),))
    clauses: list[Clause] = []
    findings: list[Finding] = []
    if document is UNKNOWN or not isinstance(document, dict):
        return Document((), (Unknown(path) if document is UNKNOWN else Fail(path, UNREADABLE),))
    for place, statements in members(document, "Statement", path):
        for at, statement in each(statements, place):
            if statement is UNKNOWN:
                findings.append(Unknown(at))
            elif isinstance(statement, dict):
                clauses.append(_clause(statement, at))
            else:
                findings.append(Fail(at, UNREADABLE))
    return Document(tuple(clauses), tuple(findings))


def identity_documents(resource: Resource) -> Iterator[tuple[Path, Plain]]:
    """The documents of a resource of `IDENTITY_POLICIES`, each to be given to `read`."""
    yield from _documents(resource.properties.get("policy"), ("policy",))
    for path, inline in each(resource.properties.get("inlinePolicies"), ("inlinePolicies",)):
        if inline is UNKNOWN:
            yield path, inline
        yield from members(inline, "policy", path)


def resource_documents(resource: Resource) -> Iterator[tuple[Path, Plain]]:
    """The documents of a resource of `RESOURCE_POLICIES`, each to be given to `read`."""
    yield from _documents(resource.properties.get("policy"), ("policy",))


def _documents(value: Plain, path: Path) -> Iterator[tuple[Path, Plain]]:
    # A default that the provider fills in: no document at all.
    if value != "":
        yield from each(value, path)


def acting(clause: Clause, action: str) -> Iterator[Word]:
    """What in the statement is about `action` (which may hold wildcards: then about any action it stands for).

    Of an Action list the words that may match it, and those not known; of a NotAction list, when nothing in it
    excepts all of `action`, its first word.
    """
    asked = symbols_of(action.lower())
    for word in clause.actions:
        if word.unknown or (word.text is not None and meet(symbols_of(word.text.strip().lower()), asked)):
            yield word
    excepted = (word.text is not None and match(symbols_of(word.text.lower()), asked) for word in clause.not_actions)
    if clause.not_actions and not any(excepted):
        yield clause.not_actions[0]


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern with `*` and `?` matches everything that `text` (which may hold some too) stands for."""
    return match(symbols_of(pattern), symbols_of(text))


def is_everything(word: Word) -> bool:
    """Whether a text is nothing but wildcards: `*`, `?*`, `**`; and `*:*` and the like for actions."""
    return word.text is not None and "*" in word.text and not word.text.strip().strip("*?:")


def _clause(statement: dict[str, Plain], path: Path) -> Clause:
    def words(name: str) -> tuple[Word, ...]:
        found = members(statement, name, path)
        return tuple(Word(at, value) for place, values in found for at, value in each(values, place))

    return Clause(
        path=path,
        allows=_allows([effect for _, effect in members(statement, "Effect", path)]),
        actions=words("Action"),
        not_actions=words("NotAction"),
        resources=words("Resource"),
        not_resources=words("NotResource"),
        principals=tuple(_named(statement, "Principal", path)),
        not_principals=tuple(_named(statement, "NotPrincipal", path)),
        conditions=tuple(Word(place, value) for place, value in members(statement, "Condition", path)),
    )


def _allows(effects: list[Plain]) -> bool | None:
    if any(isinstance(effect, str) and effect.lower() == "deny" for effect in effects):
        return False
    return None if UNKNOWN in effects else True


def _named(statement: dict[str, Plain], name: str, path: Path) -> Iterator[Named]:
    for place, value in members(statement, name, path):
        if isinstance(value, dict):
            for kind, values in value.items():
                yield from (Named(at, kind, one) for at, one in each(values, (*place, kind)))
        else:
            yield from (Named(at, "", one) for at, one in each(value, place))
