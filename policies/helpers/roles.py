"""Everything that a role may do: the union of its inline and attached policies, in whichever form they are declared."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from factory.errors import InputError
from factory.iam import Policies, Policy, may_ever, parse
from policies.helpers.documents import POLICY, ROLE, ROLE_POLICY, UNREADABLE, identity_documents
from policies.helpers.references import Reference, naming, references
from policies.model import Fail, Finding, Path, Plain, Unknown
from policies.reading import has_unknown
from policies.resources import Resource, Stack

ROLE_ATTACHMENT: Final = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
POLICY_ATTACHMENT: Final = "aws:iam/policyAttachment:PolicyAttachment"

ROLE_UNION: Final[dict[str, tuple[str, ...]]] = {
    ROLE: ("inlinePolicies", "managedPolicyArns", "name"),
    ROLE_POLICY: ("policy", "role"),
    POLICY: ("policy", "name"),
    ROLE_ATTACHMENT: ("policyArn", "role"),
    POLICY_ATTACHMENT: ("policyArn", "roles"),
}
"""What the union is read from, as a control's `reads`."""


@dataclass(frozen=True)
class Held:
    """One document that a role holds, and whose property it is. `value` is UNKNOWN while it is not known."""

    owner: Resource
    path: Path
    value: Plain


@dataclass(frozen=True)
class Union:
    """What a role may do. `policies` are the readable documents; `outside` the ARNs of policies declared elsewhere."""

    role: Resource
    held: tuple[Held, ...]
    policies: tuple[Policy, ...]
    outside: tuple[Held, ...]
    findings: tuple[Finding, ...]
    """What could not be read, and what is not known: the union may be larger."""

    def may(self, action: str, resource: str = "*") -> bool:
        """Whether the documents allow any request for `action` on `resource`, every condition taken to hold.

        Both may hold wildcards, and then stand for all that they match.
        """
        return may_ever(Policies(identity=self.policies), action, resource)


def union_of(stack: Stack, role: Resource) -> Union:
    """The union of the policies of a role of this stack, in every form that they are declared in."""
    held: list[Held] = [Held(role, path, value) for path, value in identity_documents(role)]
    outside: list[Held] = []
    findings: list[Finding] = []
    for inline, reference in naming(stack, role, (ROLE_POLICY,), "role"):
        if reference.unknown:
            findings.append(Unknown(reference.path, inline.urn))
        else:
            held += [Held(inline, path, value) for path, value in identity_documents(inline)]
    for owner, reference in _attached(stack, role, findings):
        if reference.unknown:
            findings.append(Unknown(reference.path, owner.urn))
        elif reference.outside:
            outside.append(Held(owner, reference.path, reference.value))
        for policy in reference.found:
            held += [Held(policy, path, value) for path, value in identity_documents(policy)]
    read = [_read(one, findings) for one in held]
    return Union(role, tuple(held), tuple(one for one in read if one), tuple(outside), tuple(findings))


def _attached(stack: Stack, role: Resource, findings: list[Finding]) -> Iterator[tuple[Resource, Reference]]:
    """What names a managed policy for the role, and which; whether it is for the role may not be known."""
    for reference in references(stack, role, "managedPolicyArns", (POLICY,)):
        yield role, reference
    for kind, name in ((ROLE_ATTACHMENT, "role"), (POLICY_ATTACHMENT, "roles")):
        for attachment, whose in naming(stack, role, (kind,), name):
            if whose.unknown:
                findings.append(Unknown(whose.path, attachment.urn))
                continue
            for reference in references(stack, attachment, "policyArn", (POLICY,)):
                yield attachment, reference


def _read(one: Held, findings: list[Finding]) -> Policy | None:
    """The document, strictly read; None when that goes into `findings`."""
    if has_unknown(one.value):
        findings.append(Unknown(one.path, one.owner.urn))
        return None
    try:
        if isinstance(one.value, str | dict):
            return parse(one.value, name=one.owner.name or one.owner.type)
    except InputError:
        # Not passed on: its message quotes the document.
        pass
    findings.append(Fail(one.path, UNREADABLE, urn=one.owner.urn))
    return None
