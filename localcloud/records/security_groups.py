"""EC2 security groups, with rules inline or as resources of their own."""

from collections.abc import Iterable, Mapping
from typing import Any

from localcloud.records.ec2 import arn, retag, tagged_as
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
PROTOCOLS = {"all": "-1", "6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}
# A permission's list per kind of peer: SDK property, list and key in IpPermissions.
PEERS = {
    "cidrBlocks": ("IpRanges", "CidrIp"),
    "ipv6CidrBlocks": ("Ipv6Ranges", "CidrIpv6"),
    "prefixListIds": ("PrefixListIds", "PrefixListId"),
    "securityGroups": ("UserIdGroupPairs", "GroupId"),
}
# A standalone rule's peer: SDK property and the key in the answer of DescribeSecurityGroupRules.
RULE_PEERS = {
    "cidrIpv4": ("CidrIpv4", "IpRanges", "CidrIp"),
    "cidrIpv6": ("CidrIpv6", "Ipv6Ranges", "CidrIpv6"),
    "prefixListId": ("PrefixListId", "PrefixListIds", "PrefixListId"),
    "referencedSecurityGroupId": ("ReferencedGroupInfo", "UserIdGroupPairs", "GroupId"),
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


def _permissions(found: Iterable[Atom]) -> list[dict[str, Json]]:
    result = []
    for protocol, start, end, kind, peer, note in sorted(found):
        group, key = PEERS[kind]
        entry = {key: peer} | ({"Description": note} if note else {})
        ports = {} if protocol == EVERYTHING else {"FromPort": start, "ToPort": end}
        result.append({"IpProtocol": protocol, **ports, group: [entry]})
    return result


def _atoms_there(permissions: Iterable[Mapping[str, Json]]) -> set[Atom]:
    found: set[Atom] = set()
    for permission in permissions:
        protocol = protocol_form(permission["IpProtocol"])
        ports = (0, 0) if protocol == EVERYTHING else (permission.get("FromPort", 0), permission.get("ToPort", 0))
        for kind, (group, key) in PEERS.items():
            for entry in permission.get(group) or []:
                found.add((protocol, *ports, kind, entry[key], entry.get("Description") or ""))
    return found


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
    ec2 = call.aws("ec2")
    ec2.revoke_security_group_egress(GroupId=call.id, IpPermissions=FRESH_EGRESS)
    if rules := atoms(call.inputs.get("ingress"), call.id):
        ec2.authorize_security_group_ingress(GroupId=call.id, IpPermissions=_permissions(rules))
    if rules := atoms(call.inputs.get("egress"), call.id):
        ec2.authorize_security_group_egress(GroupId=call.id, IpPermissions=_permissions(rules))


def update_group(call: Call) -> None:
    """Revoke and authorise what changed; rules that are not declared inline belong to others and stay."""
    ec2, group = call.aws("ec2"), _group(call)
    doors = {
        "ingress": ("IpPermissions", ec2.revoke_security_group_ingress, ec2.authorize_security_group_ingress),
        "egress": ("IpPermissionsEgress", ec2.revoke_security_group_egress, ec2.authorize_security_group_egress),
    }
    for name, (key, revoke, authorize) in doors.items():
        if call.inputs.get(name) is None or not call.changed(name):
            continue
        there, wanted = _atoms_there(group.get(key) or []), atoms(call.inputs[name], call.id)
        if there - wanted:
            revoke(GroupId=call.id, IpPermissions=_permissions(there - wanted))
        if wanted - there:
            authorize(GroupId=call.id, IpPermissions=_permissions(wanted - there))
    retag(call)


def read_group(call: Call) -> View:
    """A security group with all its rules, grouped as inline rules."""
    group = _group(call)
    return {
        "name": group["GroupName"],
        "description": group["Description"],
        "vpcId": group.get("VpcId"),
        "ingress": rules_of(_atoms_there(group.get("IpPermissions") or []), call.id),
        "egress": rules_of(_atoms_there(group.get("IpPermissionsEgress") or []), call.id),
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


def _permission(call: Call) -> dict[str, Json]:
    inputs = call.inputs
    protocol = protocol_form(inputs["ipProtocol"])
    permission: dict[str, Json] = {"IpProtocol": protocol}
    if protocol != EVERYTHING:
        permission |= {"FromPort": inputs["fromPort"], "ToPort": inputs["toPort"]}
    note = {"Description": inputs["description"]} if inputs.get("description") else {}
    for name, (_, group, key) in RULE_PEERS.items():
        if inputs.get(name):
            permission[group] = [{key: inputs[name], **note}]
    return permission


def create_ingress_rule(call: Call) -> str:
    """Let traffic in."""
    return _first_rule(
        call.aws("ec2").authorize_security_group_ingress(
            GroupId=call.inputs["securityGroupId"],
            IpPermissions=[_permission(call)],
            **tagged_as("security-group-rule", call),
        )
    )


def create_egress_rule(call: Call) -> str:
    """Let traffic out."""
    return _first_rule(
        call.aws("ec2").authorize_security_group_egress(
            GroupId=call.inputs["securityGroupId"],
            IpPermissions=[_permission(call)],
            **tagged_as("security-group-rule", call),
        )
    )


def _first_rule(answer: Mapping[str, Json]) -> str:
    return str(answer["SecurityGroupRules"][0]["SecurityGroupRuleId"])


def read_rule(call: Call) -> View | None:
    """A rule that is a resource of its own."""
    rules = call.aws("ec2").describe_security_group_rules(SecurityGroupRuleIds=[call.id])["SecurityGroupRules"]
    if not rules:
        return None
    rule = rules[0]
    peers = {name: rule.get(key) for name, (key, _, _) in RULE_PEERS.items()}
    if isinstance(peers["referencedSecurityGroupId"], Mapping):
        peers["referencedSecurityGroupId"] = peers["referencedSecurityGroupId"].get("GroupId")
    everything = rule["IpProtocol"] == EVERYTHING
    # moto keeps a description with addresses only; for other peers the declaration is all there is.
    note = rule.get("Description") or (None if rule.get("CidrIpv4") else call.inputs.get("description"))
    return peers | {
        "securityGroupId": rule["GroupId"],
        "ipProtocol": rule["IpProtocol"],
        "fromPort": None if everything else rule.get("FromPort"),
        "toPort": None if everything else rule.get("ToPort"),
        "description": note,
        "securityGroupRuleId": call.id,
        "arn": arn(call, "security-group-rule", call.id),
        "tagsAll": tags_from(rule.get("Tags")),
    }


def delete_ingress_rule(call: Call) -> None:
    """Let the traffic in no longer."""
    group = call.inputs["securityGroupId"]
    call.aws("ec2").revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[call.id])


def delete_egress_rule(call: Call) -> None:
    """Let the traffic out no longer."""
    group = call.inputs["securityGroupId"]
    call.aws("ec2").revoke_security_group_egress(GroupId=group, SecurityGroupRuleIds=[call.id])


def check_rule(inputs: Mapping[str, Json]) -> list[tuple[str, str]]:
    """One peer, and ports unless the rule is for everything."""
    peers = [name for name in RULE_PEERS if inputs.get(name)]
    found = []
    if len(peers) != 1:
        found.append(("cidrIpv4", f"give exactly one of {', '.join(RULE_PEERS)} (given: {', '.join(peers) or 'none'})"))
    if protocol_form(inputs["ipProtocol"]) != EVERYTHING:
        found += [
            (name, f'"{name}" is needed with this ipProtocol') for name in ("fromPort", "toPort") if name not in inputs
        ]
    return found


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
# Everything replaces: a rule is its content, and moto changes only some of it in place.
STANDALONE: Mapping[str, Prop] = {
    "securityGroupId": text(required=True, replaces=True),
    "ipProtocol": text(required=True, replaces=True, same_as=protocol_form),
    "fromPort": integer(replaces=True),
    "toPort": integer(replaces=True),
    "cidrIpv4": text(replaces=True),
    "cidrIpv6": text(replaces=True),
    "prefixListId": text(replaces=True),
    "referencedSecurityGroupId": text(replaces=True),
    "description": text(replaces=True),
    **TAGS,
    **REGION,
}
# What AWS takes for one rule, so that two of them with the same content are refused as duplicates.
RULE_IDENTITY = (
    "securityGroupId",
    "ipProtocol",
    "fromPort",
    "toPort",
    "cidrIpv4",
    "cidrIpv6",
    "prefixListId",
    "referencedSecurityGroupId",
)
RULE_GONE = ("InvalidSecurityGroupRuleId.NotFound", "InvalidGroup.NotFound", "InvalidPermission.NotFound")

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
        type="aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        service="ec2",
        properties=STANDALONE,
        outputs=("arn", "securityGroupRuleId"),
        create=create_ingress_rule,
        read=read_rule,
        update=retag,
        delete=delete_ingress_rule,
        unique=RULE_IDENTITY,
        gone=RULE_GONE,
        check=check_rule,
    ),
    Record(
        type="aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
        service="ec2",
        properties=STANDALONE,
        outputs=("arn", "securityGroupRuleId"),
        create=create_egress_rule,
        read=read_rule,
        update=retag,
        delete=delete_egress_rule,
        unique=RULE_IDENTITY,
        gone=RULE_GONE,
        check=check_rule,
    ),
)
