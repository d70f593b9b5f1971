"""Rules of security groups in their three forms: inline in the group, and two kinds of standalone resources."""

from collections.abc import Iterator
from typing import Final

from policies.model import UNKNOWN, Path, Plain
from policies.reading import each, members
from policies.resources import Resource

GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
DEFAULT_GROUP: Final = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
RULE: Final = "aws:ec2/securityGroupRule:SecurityGroupRule"
INGRESS_RULE: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS_RULE: Final = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"

INGRESS: Final = "ingress"
EGRESS: Final = "egress"
RANGES: Final = ("cidrBlocks", "ipv6CidrBlocks")

INGRESS_READS: Final[dict[str, tuple[str, ...]]] = {
    GROUP: ("ingress",),
    DEFAULT_GROUP: ("ingress",),
    RULE: ("type", *RANGES),
    INGRESS_RULE: ("cidrIpv4", "cidrIpv6"),
}
EGRESS_READS: Final[dict[str, tuple[str, ...]]] = {
    GROUP: ("egress",),
    DEFAULT_GROUP: ("egress",),
    RULE: ("type", *RANGES),
    EGRESS_RULE: ("cidrIpv4", "cidrIpv6"),
}
"""What the rules of one direction are read from, as a control's `reads`."""


def ranges(resource: Resource, direction: str) -> Iterator[tuple[Path, Plain]]:
    """The address ranges that rules of `direction` (`INGRESS` or `EGRESS`) name, each with its path.

    What is not known is UNKNOWN; of a rule whose direction is not known, that is what it is.
    """
    if resource.type == RULE:
        yield from _of_rule(resource, direction)
    elif resource.type in (INGRESS_RULE, EGRESS_RULE):
        if resource.type == (INGRESS_RULE if direction == INGRESS else EGRESS_RULE):
            for name in ("cidrIpv4", "cidrIpv6"):
                yield from each(resource.properties.get(name), (name,))
    else:
        for path, rule in each(resource.properties.get(direction), (direction,)):
            if rule is UNKNOWN:
                yield path, rule
            for name in RANGES:
                for place, value in members(rule, name, path):
                    yield from each(value, place)


def _of_rule(resource: Resource, direction: str) -> Iterator[tuple[Path, Plain]]:
    said = resource.properties.get("type")
    other = EGRESS if direction == INGRESS else INGRESS
    if said == other:
        return
    for name in RANGES:
        for path, value in each(resource.properties.get(name), (name,)):
            # A range that would fail fails only once the rule is known to be one of this direction.
            yield (("type",), UNKNOWN) if said is UNKNOWN else (path, value)
