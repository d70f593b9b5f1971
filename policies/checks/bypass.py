"""Bypass: what the rules could be evaded by."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from policies.context import Context
from policies.helpers.documents import ROLE, ROLE_POLICY
from policies.helpers.firewalls import EGRESS_RULE, GROUP, INGRESS_RULE, RULE
from policies.helpers.references import IDENTIFIERS, Names, Reference, named_by
from policies.helpers.roles import POLICY_ATTACHMENT, ROLE_ATTACHMENT
from policies.model import UNKNOWN, Fail, Finding, Unknown
from policies.resources import Resource, Stack


@dataclass(frozen=True)
class Form:
    """An inline property, and the standalone resource (by the property that names its owner) that says the same."""

    owner: str
    inline: str
    standalone: str
    reference: str


FORMS: Final = (
    Form(GROUP, "ingress", INGRESS_RULE, "securityGroupId"),
    Form(GROUP, "egress", EGRESS_RULE, "securityGroupId"),
    Form(GROUP, "ingress", RULE, "securityGroupId"),
    Form(GROUP, "egress", RULE, "securityGroupId"),
    Form(ROLE, "inlinePolicies", ROLE_POLICY, "role"),
    Form(ROLE, "managedPolicyArns", ROLE_ATTACHMENT, "role"),
    Form(ROLE, "managedPolicyArns", POLICY_ATTACHMENT, "roles"),
)

MIXED_READS: Final[dict[str, tuple[str, ...]]] = {
    GROUP: ("ingress", "egress", "name"),
    INGRESS_RULE: ("securityGroupId",),
    EGRESS_RULE: ("securityGroupId",),
    RULE: ("securityGroupId", "type"),
    ROLE: ("inlinePolicies", "managedPolicyArns", "name"),
    ROLE_POLICY: ("role",),
    ROLE_ATTACHMENT: ("role",),
    POLICY_ATTACHMENT: ("roles",),
}


def forms_not_mixed(stack: Stack, context: Context) -> Iterator[Finding]:
    """Control 4: what is declared inline is not declared in resources of its own too."""
    del context
    for form in FORMS:
        if not any(_inline(form, owner) for owner in stack.of(form.owner)):
            continue
        names = Names(stack.of(form.owner), IDENTIFIERS)
        for other in stack.of(form.standalone):
            for reference in named_by(other, form.reference, names):
                for owner in reference.found or (names.resources if reference.unknown else ()):
                    if _inline(form, owner) and reference.may_name(owner):
                        yield from _judged(form, owner, other, reference)


def _inline(form: Form, owner: Resource) -> bool:
    """Whether the owner may say inline what the form says."""
    return owner.properties.get(form.inline) not in (None, [])


def _judged(form: Form, owner: Resource, other: Resource, reference: Reference) -> Iterator[Finding]:
    direction = other.properties.get("type") if form.standalone == RULE else form.inline
    if direction not in (form.inline, UNKNOWN):
        return
    if reference.unknown:
        yield Unknown(reference.path, other.urn)
    elif direction is UNKNOWN:
        yield Unknown(("type",), other.urn)
    elif owner.properties.get(form.inline) is UNKNOWN:
        yield Unknown((form.inline,), owner.urn)
    else:
        message = f"belongs to what declares its {form.inline} inline: each undoes the other"
        yield Fail(reference.path, message, urn=other.urn)
