"""Isolation: the security group that every network comes with, and where any of them may connect to."""

from collections.abc import Iterator
from typing import Final

from policies.context import Context
from policies.helpers.firewalls import (
    DEFAULT_GROUP,
    EGRESS,
    EGRESS_READS,
    EGRESS_RULE,
    GROUP,
    INGRESS,
    INGRESS_RULE,
    RULE,
    ranges,
)
from policies.helpers.networks import Network, inside, network, private
from policies.helpers.references import Reference, references
from policies.model import UNKNOWN, Fail, Finding, Path, Plain, Unknown
from policies.reading import each
from policies.resources import Resource, Stack

VPC: Final = "aws:ec2/vpc:Vpc"
DEFAULT_VPC: Final = "aws:ec2/defaultVpc:DefaultVpc"
VPCS: Final = (VPC, DEFAULT_VPC)
RULES: Final = (RULE, INGRESS_RULE, EGRESS_RULE)
OWNER: Final = "securityGroupId"
GCP_FIREWALL: Final = "gcp:compute/firewall:Firewall"
DESTINATIONS: Final = "destinationRanges"

DEFAULT_READS: Final[dict[str, tuple[str, ...]]] = {
    DEFAULT_GROUP: (INGRESS, EGRESS, "vpcId"),
    **dict.fromkeys(VPCS, ("defaultSecurityGroupId",)),
    **dict.fromkeys(RULES, (OWNER,)),
}
DESTINATION_READS: Final[dict[str, tuple[str, ...]]] = {
    **EGRESS_READS,
    GCP_FIREWALL: ("direction", "allows", "disabled", DESTINATIONS),
}


def default_group_empty(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 7: a default security group that is declared has no rule in it."""
    del context
    if resource.type == DEFAULT_GROUP:
        for direction in (INGRESS, EGRESS):
            for path, rule in each(resource.properties.get(direction), (direction,)):
                yield Unknown(path) if rule is UNKNOWN else Fail(path, "opens what is put into no group of its own")


def default_groups_emptied(stack: Stack, context: Context) -> Iterator[Finding]:
    """Control 7: every network's default security group is declared, and no rule of its own is added to one."""
    del context
    for rule in stack.of(*RULES):
        for reference in references(
            stack, rule, OWNER, (DEFAULT_GROUP, GROUP, *VPCS), identifiers=("id", "defaultSecurityGroupId")
        ):
            yield from _on_default(rule, reference)
    for vpc in stack.of(*VPCS):
        yield from _declared(stack, vpc)


def _on_default(rule: Resource, reference: Reference) -> Iterator[Finding]:
    found = {one.type for one in reference.found}
    if reference.by_origin and reference.value is not UNKNOWN:
        # A known value that comes from a network may be anything of it.
        found &= {DEFAULT_GROUP, GROUP}
    suspects = found - {GROUP}
    # A value that comes from a network need not be its default group, nor one that comes from two groups.
    certain = not reference.by_origin or found == {DEFAULT_GROUP}
    if reference.unknown or (suspects and not certain):
        yield Unknown(reference.path, rule.urn)
    elif suspects:
        yield Fail(reference.path, "is a default security group, which nothing may open", urn=rule.urn)


def _declared(stack: Stack, vpc: Resource) -> Iterator[Finding]:
    named = [
        (group, reference.unknown)
        for group in stack.of(DEFAULT_GROUP)
        for reference in references(stack, group, "vpcId", VPCS, identifiers=("id",))
        if reference.may_name(vpc)
    ]
    if vpc.type == DEFAULT_VPC:
        # One that names no network is that of the default network.
        named += [(group, False) for group in stack.of(DEFAULT_GROUP) if not group.value("vpcId")]
    if not named:
        message = "is open to all its members: no DefaultSecurityGroup of this stack empties it"
        yield Fail(("defaultSecurityGroupId",), message, urn=vpc.urn)
    elif all(unknown for _, unknown in named):
        yield Unknown(("vpcId",), named[0][0].urn)


def egress_listed(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 6: no destination outside of private networks that policies.yaml does not list."""
    allowed = [found for found in map(network, context.settings.egress) if found is not None]
    if resource.type == GCP_FIREWALL:
        yield from _on_google(resource, allowed)
    else:
        for path, value in ranges(resource, EGRESS):
            yield from _judged(path, value, allowed)


def _judged(path: Path, value: Plain, allowed: list[Network]) -> Iterator[Finding]:
    if value is UNKNOWN:
        yield Unknown(path)
        return
    found = network(value)
    if found is None:
        yield Fail(path, "cannot be read as an address range")
    elif not private(found) and not inside(found, allowed):
        yield Fail(path, "is a destination that egress in policies.yaml does not list", found=str(found))


def _on_google(resource: Resource, allowed: list[Network]) -> Iterator[Finding]:
    properties = resource.properties
    direction, allows, disabled = (properties.get(name) for name in ("direction", "allows", "disabled"))
    if direction not in ("EGRESS", UNKNOWN) or allows in (None, []) or disabled is True:
        return
    destinations = list(each(properties.get(DESTINATIONS), (DESTINATIONS,)))
    findings = [finding for path, value in destinations for finding in _judged(path, value, allowed)]
    if not destinations:
        findings.append(Fail((DESTINATIONS,), "is not said, which allows every destination"))
    unsure = next((name for name in ("direction", "allows", "disabled") if properties.get(name) is UNKNOWN), None)
    if findings and unsure:
        yield Unknown((unsure,))
    else:
        yield from findings
