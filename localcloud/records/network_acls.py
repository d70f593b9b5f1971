"""EC2 networks: network ACL, with its rules and the subnets it stands before."""

from collections.abc import Mapping
from typing import Any, Final

from localcloud.records.ec2 import arn, default_acl, retag, tagged_as
from localcloud.records.record import (
    REGION,
    TAGS,
    Call,
    Prop,
    Record,
    View,
    integer,
    refusal,
    set_of,
    tags_from,
    text,
    texts,
)
from localcloud.records.security_groups import DIRECTIONS, EVERYTHING, protocol_form

Json = Any
# The rule that AWS puts last into each list by itself, and that nobody declares.
LAST_RULE: Final = 32767
# EC2 knows an ACL's protocols by number.
NUMBERS: Final = {"tcp": "6", "udp": "17", "icmp": "1", "icmpv6": "58"}


def create_acl(call: Call) -> str:
    """Make a network ACL that lets nothing through."""
    made = call.aws("ec2").create_network_acl(VpcId=call.inputs["vpcId"], **tagged_as("network-acl", call))
    return str(made["NetworkAcl"]["NetworkAclId"])


def settle_acl(call: Call) -> None:
    """Add the declared rules, then put the ACL before the declared subnets."""
    for direction in DIRECTIONS:
        for rule in call.inputs.get(direction) or []:
            _add(call, direction, rule)
    _stand_before(call, set(call.inputs.get("subnetIds") or []))


def _add(call: Call, direction: str, rule: Mapping[str, Json]) -> None:
    protocol = protocol_form(rule["protocol"])
    ports = {"PortRange": {"From": rule["fromPort"], "To": rule["toPort"]}} if protocol != EVERYTHING else {}
    icmp = {"Type": rule.get("icmpType") or 0, "Code": rule.get("icmpCode") or 0}
    call.aws("ec2").create_network_acl_entry(
        NetworkAclId=call.id,
        RuleNumber=rule["ruleNo"],
        RuleAction=rule["action"].lower(),
        Protocol=NUMBERS.get(protocol, protocol),
        Egress=direction == "egress",
        **call.given(
            CidrBlock=rule.get("cidrBlock"),
            Ipv6CidrBlock=rule.get("ipv6CidrBlock"),
            IcmpTypeCode=icmp if protocol in {"icmp", "icmpv6"} else None,
        ),
        **ports,
    )


def _stand_before(call: Call, wanted: set[str]) -> None:
    """Move subnets to this ACL, and those it no longer stands before to their VPC's default one."""
    ec2, acl = call.aws("ec2"), _acl(call)
    there = {each["SubnetId"] for each in acl.get("Associations") or []}
    for subnet in sorted(wanted - there):
        ec2.replace_network_acl_association(AssociationId=_association(ec2, subnet), NetworkAclId=call.id)
    if there - wanted:
        default = default_acl(ec2, acl["VpcId"])["NetworkAclId"]
        for subnet in sorted(there - wanted):
            ec2.replace_network_acl_association(AssociationId=_association(ec2, subnet), NetworkAclId=default)


def _association(ec2: Any, subnet: str) -> str:
    """The association by which a subnet is under its present ACL."""
    before = [{"Name": "association.subnet-id", "Values": [subnet]}]
    for acl in ec2.describe_network_acls(Filters=before)["NetworkAcls"]:
        for each in acl["Associations"]:
            if each["SubnetId"] == subnet:
                return str(each["NetworkAclAssociationId"])
    message = f"The subnet ID '{subnet}' does not exist"
    raise refusal("InvalidSubnetID.NotFound", message, "ReplaceNetworkAclAssociation")


def _acl(call: Call) -> dict[str, Json]:
    return dict(call.aws("ec2").describe_network_acls(NetworkAclIds=[call.id])["NetworkAcls"][0])


def update_acl(call: Call) -> None:
    """Bring rules, subnets and tags to what is declared."""
    ec2 = call.aws("ec2")
    if call.changed("ingress", "egress"):
        now = read_acl(call)
        for direction in DIRECTIONS:
            there, wanted = now[direction], call.inputs.get(direction)
            if wanted is None:
                continue
            forms = [rule_form(rule) for rule in wanted]
            for rule in [each for each in there if rule_form(each) not in forms]:
                ec2.delete_network_acl_entry(
                    NetworkAclId=call.id, RuleNumber=rule["ruleNo"], Egress=direction == "egress"
                )
            kept = [rule_form(rule) for rule in there]
            for rule in [each for each in wanted if rule_form(each) not in kept]:
                _add(call, direction, rule)
    if call.changed("subnetIds") and call.inputs.get("subnetIds") is not None:
        _stand_before(call, set(call.inputs["subnetIds"]))
    retag(call)


def rule_form(rule: Mapping[str, Json]) -> tuple[Json, ...]:
    """A rule so that two that do the same are equal."""
    protocol = protocol_form(rule["protocol"])
    ports = (0, 0) if protocol == EVERYTHING else (rule["fromPort"], rule["toPort"])
    icmp = (rule.get("icmpType") or 0, rule.get("icmpCode") or 0) if protocol in {"icmp", "icmpv6"} else (0, 0)
    return (
        rule["ruleNo"],
        rule["action"].lower(),
        protocol,
        *ports,
        *icmp,
        rule.get("cidrBlock"),
        rule.get("ipv6CidrBlock"),
    )


def rules_form(rules: list[Mapping[str, Json]] | None) -> list[tuple[Json, ...]]:
    """Rules so that two lists that do the same are equal."""
    return sorted((rule_form(rule) for rule in rules or []), key=repr)


def read_acl(call: Call) -> View:
    """A network ACL with its rules."""
    acl = _acl(call)
    rules: dict[str, list[dict[str, Json]]] = {"ingress": [], "egress": []}
    for entry in acl.get("Entries") or []:
        if entry["RuleNumber"] == LAST_RULE:
            continue
        ports, icmp = entry.get("PortRange") or {}, entry.get("IcmpTypeCode") or {}
        rule = {
            "ruleNo": entry["RuleNumber"],
            "action": entry["RuleAction"],
            "protocol": protocol_form(entry["Protocol"]),
            "fromPort": ports.get("From", 0),
            "toPort": ports.get("To", 0),
            "cidrBlock": entry.get("CidrBlock"),
            "ipv6CidrBlock": entry.get("Ipv6CidrBlock"),
            "icmpType": icmp.get("Type"),
            "icmpCode": icmp.get("Code"),
        }
        told = {name: value for name, value in rule.items() if value is not None}
        rules["egress" if entry["Egress"] else "ingress"].append(told)
    return {
        **rules,
        "vpcId": acl["VpcId"],
        "subnetIds": [each["SubnetId"] for each in acl.get("Associations") or []],
        "arn": arn(call, "network-acl", call.id),
        "ownerId": acl.get("OwnerId", call.account),
        "tagsAll": tags_from(acl.get("Tags")),
    }


def delete_acl(call: Call) -> None:
    """Put the default ACL before its subnets and remove it."""
    _stand_before(call, set())
    call.aws("ec2").delete_network_acl(NetworkAclId=call.id)


RULE: Mapping[str, Prop] = {
    "action": text(required=True),
    "fromPort": integer(required=True),
    "toPort": integer(required=True),
    "protocol": text(required=True, same_as=protocol_form),
    "ruleNo": integer(required=True),
    "cidrBlock": text(),
    "ipv6CidrBlock": text(),
    "icmpType": integer(),
    "icmpCode": integer(),
}
RECORDS = (
    Record(
        type="aws:ec2/networkAcl:NetworkAcl",
        service="ec2",
        properties={
            "vpcId": text(required=True, replaces=True),
            "ingress": set_of(RULE, cloud_decides=True, if_declared=True, same_as=rules_form),
            "egress": set_of(RULE, cloud_decides=True, if_declared=True, same_as=rules_form),
            "subnetIds": texts(cloud_decides=True, if_declared=True),
            **TAGS,
            **REGION,
        },
        outputs=("arn", "ownerId"),
        create=create_acl,
        settle=settle_acl,
        read=read_acl,
        update=update_acl,
        delete=delete_acl,
        gone=("InvalidNetworkAclID.NotFound", "InvalidRouteTableID.NotFound"),
    ),
)
