"""EC2 security groups, with rules inline or as resources of their own."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from localcloud.records.ec2 import arn, default_group, retag, tagged_as
from localcloud.records.record import (
    REGION,
    TAGS,
    Call,
    Name,
    Prop,
    Record,
    View,
    flag,
    integer,
    nothing,
    refusal,
    set_of,
    tags_from,
    text,
    texts,
)

Json = Any
# One source or target of one rule: (protocol, from, to, kind of peer, peer, description).
Atom = tuple[str, int, int, str, str, str]
EVERYTHING = "-1"
FRESH_EGRESS = [{"IpProtocol": EVERYTHING, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
# Where EC2 tells the rules of a direction.
DIRECTIONS = {"ingress": "IpPermissions", "egress": "IpPermissionsEgress"}
PROTOCOLS = {"all": "-1", "6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}
# A permission's list per kind of peer: SDK property, list and key in IpPermissions.
PEERS = {
    "cidrBlocks": ("IpRanges", "CidrIp"),
    "ipv6CidrBlocks": ("Ipv6Ranges", "CidrIpv6"),
    "prefixListIds": ("PrefixListIds", "PrefixListId"),
    "securityGroups": ("UserIdGroupPairs", "GroupId"),
}


def protocol_form(protocol: Json) -> Json:
    """A protocol by the name AWS answers with."""
    return PROTOCOLS.get(str(protocol).lower(), str(protocol).lower())


def atoms(rules: Iterable[Mapping[str, Json]] | None, own_group: str = "self") -> set[Atom]:
    """Inline rules split into single grants, so that equal sets of rules are equal however they are grouped."""
    found: set[Atom] = set()
    for rule in rules or []:
        protocol = protocol_form(rule["protocol"])
        ports = (0, 0) if protocol == EVERYTHING else (rule["fromPort"], rule["toPort"])
        note = rule.get("description") or ""
        for kind in PEERS:
            found |= {(protocol, *ports, kind, peer, note) for peer in rule.get(kind) or []}
        if rule.get("self"):
            found.add((protocol, *ports, "securityGroups", own_group, note))
    return found


def rules_of(found: Iterable[Atom], own_group: str) -> list[dict[str, Json]]:
    """Grants as inline rules, one per protocol, ports and description."""
    grouped: dict[tuple[str, int, int, str], dict[str, Json]] = {}
    for protocol, start, end, kind, peer, note in sorted(found):
        rule = grouped.setdefault(
            (protocol, start, end, note),
            {"protocol": protocol, "fromPort": start, "toPort": end} | ({"description": note} if note else {}),
        )
        if kind == "securityGroups" and peer in {own_group, "self"}:
            rule["self"] = True
        else:
            rule.setdefault(kind, []).append(peer)
    return list(grouped.values())


def permissions(found: Iterable[Atom]) -> list[dict[str, Json]]:
    """Grants as EC2 takes them."""
    result = []
    for protocol, start, end, kind, peer, note in sorted(found):
        group, key = PEERS[kind]
        entry = {key: peer} | ({"Description": note} if note else {})
        ports = {} if protocol == EVERYTHING else {"FromPort": start, "ToPort": end}
        result.append({"IpProtocol": protocol, **ports, group: [entry]})
    return result


def atoms_there(told: Iterable[Mapping[str, Json]]) -> set[Atom]:
    """The grants that EC2 tells."""
    found: set[Atom] = set()
    for permission in told:
        protocol = protocol_form(permission["IpProtocol"])
        ports = (0, 0) if protocol == EVERYTHING else (permission.get("FromPort", 0), permission.get("ToPort", 0))
        for kind, (group, key) in PEERS.items():
            for entry in permission.get(group) or []:
                found.add((protocol, *ports, kind, entry[key], entry.get("Description") or ""))
    return found


def authorize(call: Call, group: str, direction: str, grants: set[Atom]) -> None:
    """Grant what is in `grants`, if anything is."""
    _ask(call, "authorize", group, direction, grants)


def revoke(call: Call, group: str, direction: str, grants: set[Atom]) -> None:
    """Take back what is in `grants`, if anything is."""
    _ask(call, "revoke", group, direction, grants)


def _ask(call: Call, verb: str, group: str, direction: str, grants: set[Atom]) -> None:
    if grants:
        ask = getattr(call.aws("ec2"), f"{verb}_security_group_{direction}")
        ask(GroupId=group, IpPermissions=permissions(grants))


def _group(call: Call) -> Mapping[str, Json]:
    groups = call.aws("ec2").describe_security_groups(GroupIds=[call.id])["SecurityGroups"]
    return dict(groups[0])


def create_group(call: Call) -> str:
    """Make a security group."""
    group = call.aws("ec2").create_security_group(
        GroupName=call.inputs["name"],
        Description=call.inputs["description"],
        **call.given(VpcId=call.inputs.get("vpcId")),
        **tagged_as("security-group", call),
    )
    return str(group["GroupId"])


def settle_group(call: Call) -> None:
    """Remove the egress rule AWS adds by itself, as the published provider does, and add the declared rules."""
    call.aws("ec2").revoke_security_group_egress(GroupId=call.id, IpPermissions=FRESH_EGRESS)
    for direction in DIRECTIONS:
        authorize(call, call.id, direction, atoms(call.inputs.get(direction), call.id))


def update_group(call: Call) -> None:
    """Revoke and authorise what changed; rules that are not declared inline belong to others and stay."""
    bring_rules(call, [each for each in DIRECTIONS if call.inputs.get(each) is not None and call.changed(each)])
    retag(call)


def bring_rules(call: Call, directions: Iterable[str]) -> None:
    """Make the group's rules in these directions exactly the declared ones."""
    group = _group(call)
    for direction in directions:
        there, wanted = atoms_there(group.get(DIRECTIONS[direction]) or []), atoms(call.inputs.get(direction), call.id)
        revoke(call, call.id, direction, there - wanted)
        authorize(call, call.id, direction, wanted - there)


def read_group(call: Call) -> View:
    """A security group with all its rules, grouped as inline rules."""
    group = _group(call)
    return {
        "name": group["GroupName"],
        "description": group["Description"],
        "vpcId": group.get("VpcId"),
        "ingress": rules_of(atoms_there(group.get("IpPermissions") or []), call.id),
        "egress": rules_of(atoms_there(group.get("IpPermissionsEgress") or []), call.id),
        "arn": arn(call, "security-group", call.id),
        "ownerId": group.get("OwnerId", call.account),
        "tagsAll": tags_from(group.get("Tags")),
    }


def delete_group(call: Call) -> None:
    """Remove a security group, with its rules first when declared so."""
    ec2 = call.aws("ec2")
    if call.inputs.get("revokeRulesOnDelete"):
        group = _group(call)
        if group.get("IpPermissions"):
            ec2.revoke_security_group_ingress(GroupId=call.id, IpPermissions=group["IpPermissions"])
        if group.get("IpPermissionsEgress"):
            ec2.revoke_security_group_egress(GroupId=call.id, IpPermissions=group["IpPermissionsEgress"])
    ec2.delete_security_group(GroupId=call.id)


def adopt_default(call: Call) -> str:
    """Take over the group that came with a VPC."""
    ec2, vpc = call.aws("ec2"), call.inputs.get("vpcId") or _default_vpc(call)
    group = default_group(ec2, vpc)
    if not group:
        message = f"The vpc '{vpc}' has no default security group: it does not exist"
        raise refusal("InvalidVpcID.NotFound", message, "DescribeSecurityGroups")
    return str(group["GroupId"])


def _default_vpc(call: Call) -> str:
    found = call.aws("ec2").describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    if not found:
        message = "No default VPC for this user; give vpcId"
        raise refusal("VPCIdNotSpecified", message, "DescribeSecurityGroups")
    return str(found[0]["VpcId"])


def settle_default(call: Call) -> None:
    """Leave the group with the declared rules and tags alone, whatever it had: as the published provider does."""
    bring_rules(call, DIRECTIONS)
    # It was there before it was declared, so what it had is what the cloud tells.
    retag(replace(call, old={"tagsAll": tags_from(_group(call).get("Tags"))}))


RULE: Mapping[str, Prop] = {
    "protocol": text(required=True, same_as=protocol_form),
    "fromPort": integer(required=True),
    "toPort": integer(required=True),
    "cidrBlocks": texts(),
    "ipv6CidrBlocks": texts(),
    "prefixListIds": texts(),
    "securityGroups": texts(),
    "self": flag(),
    "description": text(),
}
RECORDS = (
    Record(
        type="aws:ec2/securityGroup:SecurityGroup",
        service="ec2",
        properties={
            "name": text(replaces=True),
            "namePrefix": text(replaces=True, unread=True),
            "description": text(default="Managed by Pulumi", replaces=True),
            "vpcId": text(cloud_decides=True, replaces=True),
            "ingress": set_of(RULE, cloud_decides=True, if_declared=True, same_as=atoms),
            "egress": set_of(RULE, cloud_decides=True, if_declared=True, same_as=atoms),
            "revokeRulesOnDelete": flag(default=False, unread=True),
            **TAGS,
            **REGION,
        },
        outputs=("arn", "ownerId"),
        name=Name(limit=255, allowed=r"A-Za-z0-9 ._\-:/()#,@\[\]+=&;{}!$*"),
        create=create_group,
        settle=settle_group,
        read=read_group,
        update=update_group,
        delete=delete_group,
        gone=("InvalidGroup.NotFound",),
    ),
    Record(
        type="aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        service="ec2",
        properties={
            "vpcId": text(cloud_decides=True, replaces=True),
            "ingress": set_of(RULE, same_as=atoms),
            "egress": set_of(RULE, same_as=atoms),
            "revokeRulesOnDelete": flag(
                default=False, no_effect="a default security group cannot be removed, here as on AWS"
            ),
            **TAGS,
            **REGION,
        },
        outputs=("arn", "description", "name", "ownerId"),
        create=adopt_default,
        settle=settle_default,
        read=read_group,
        update=settle_default,
        # It belongs to its VPC and goes with it.
        delete=nothing,
        gone=("InvalidGroup.NotFound",),
    ),
)
