"""EC2 security groups: rules that are resources of their own."""

import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from localcloud.records.ec2 import arn, retag, tagged_as
from localcloud.records.record import REGION, TAGS, Call, Prop, Record, View, flag, integer, tags_from, text, texts
from localcloud.records.security_groups import (
    DIRECTIONS,
    EVERYTHING,
    PEERS,
    Atom,
    atoms,
    atoms_there,
    authorize,
    protocol_form,
    revoke,
)

Json = Any
# A standalone rule's peer: SDK property and the key in the answer of DescribeSecurityGroupRules.
RULE_PEERS = {
    "cidrIpv4": ("CidrIpv4", "IpRanges", "CidrIp"),
    "cidrIpv6": ("CidrIpv6", "Ipv6Ranges", "CidrIpv6"),
    "prefixListId": ("PrefixListId", "PrefixListIds", "PrefixListId"),
    "referencedSecurityGroupId": ("ReferencedGroupInfo", "UserIdGroupPairs", "GroupId"),
}


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


def _grants(call: Call) -> set[Atom]:
    """The grants that one declared rule is made of."""
    source = call.inputs.get("sourceSecurityGroupId")
    return atoms([dict(call.inputs) | ({"securityGroups": [source]} if source else {})], call.inputs["securityGroupId"])


def create_group_rule(call: Call) -> str:
    """Authorise one rule with all its peers; the id is a digest of it, as the published provider makes it."""
    group, direction = call.inputs["securityGroupId"], call.inputs["type"]
    authorize(call, group, direction, _grants(call))
    declared = (direction, group, sorted(_identity(call)))
    return f"sgrule-{zlib.crc32(repr(declared).encode())}"


def _identity(call: Call) -> set[tuple[Json, ...]]:
    return {grant[:-1] for grant in _grants(call)}


def read_group_rule(call: Call) -> View | None:
    """A rule as far as it is there: an address that somebody revoked is missing from it."""
    inputs = call.inputs or _from_import(call.id)
    if not inputs:
        return None
    asked = replace(call, inputs=inputs)
    group, direction = inputs["securityGroupId"], inputs["type"]
    there = _there(asked)
    if not there:
        return None
    # Ports mean nothing in a rule for every protocol, and EC2 tells none.
    protocol, start, end, *_ = next(iter(there))
    everything = protocol == EVERYTHING
    return {
        "type": direction,
        "securityGroupId": group,
        "protocol": protocol,
        "fromPort": inputs["fromPort"] if everything else start,
        "toPort": inputs["toPort"] if everything else end,
        "description": next((grant[5] for grant in there if grant[5]), None),
        "securityGroupRuleId": _only_id(call, there, group, direction),
        **_peers(there, inputs),
    }


def _peers(there: set[Atom], inputs: Mapping[str, Json]) -> dict[str, Json]:
    """The peers that are there, each under the property that declares it."""
    told: dict[str, Json] = {kind: [] for kind in PEERS if kind != "securityGroups"}
    told |= {"self": False, "sourceSecurityGroupId": None}
    for *_, kind, peer, _note in sorted(there):
        if kind != "securityGroups":
            told[kind].append(peer)
        elif inputs.get("self"):
            told["self"] = True
        else:
            told["sourceSecurityGroupId"] = peer
    return told


def _only_id(call: Call, there: set[Atom], group: str, direction: str) -> str | None:
    """EC2's own id of the rule, when the declared rule is a single one to EC2."""
    if len(there) != 1:
        return None
    ((protocol, start, end, kind, peer, _),) = there
    own = [{"Name": "group-id", "Values": [group]}]
    for rule in call.aws("ec2").describe_security_group_rules(Filters=own)["SecurityGroupRules"]:
        referenced = (rule.get("ReferencedGroupInfo") or {}).get("GroupId")
        told = {
            "cidrBlocks": rule.get("CidrIpv4"),
            "ipv6CidrBlocks": rule.get("CidrIpv6"),
            "prefixListIds": rule.get("PrefixListId"),
            "securityGroups": referenced,
        }[kind]
        ports = (0, 0) if protocol == EVERYTHING else (rule.get("FromPort"), rule.get("ToPort"))
        same = (protocol_form(rule["IpProtocol"]), *ports, told) == (protocol, start, end, peer)
        if same and rule["IsEgress"] is (direction == "egress"):
            return str(rule["SecurityGroupRuleId"])
    return None


def _from_import(id: str) -> dict[str, Json]:
    """What an import id says: group, direction, protocol, two ports, then the peers, all between underscores."""
    group, direction, protocol, start, end, *peers = [*id.split("_"), *[""] * 5]
    peers = [peer for peer in peers if peer]
    if direction not in DIRECTIONS or not (start.isdigit() and end.isdigit()) or not peers:
        return {}
    inputs: dict[str, Json] = {
        "securityGroupId": group,
        "type": direction,
        "protocol": protocol,
        "fromPort": int(start),
        "toPort": int(end),
    }
    for peer in peers:
        if peer == "self":
            inputs["self"] = True
        elif peer.startswith("sg-"):
            inputs["sourceSecurityGroupId"] = peer
        else:
            kind = "prefixListIds" if peer.startswith("pl-") else "ipv6CidrBlocks" if ":" in peer else "cidrBlocks"
            inputs.setdefault(kind, []).append(peer)
    return inputs


def _there(call: Call) -> set[Atom]:
    """The rule's grants that the group has, with the texts they have there."""
    (found,) = call.aws("ec2").describe_security_groups(GroupIds=[call.inputs["securityGroupId"]])["SecurityGroups"]
    identity = _identity(call)
    return {grant for grant in atoms_there(found.get(DIRECTIONS[call.inputs["type"]]) or []) if grant[:-1] in identity}


def update_group_rule(call: Call) -> None:
    """Describe it differently, and grant again what somebody revoked."""
    there, wanted = _there(call), _grants(call)
    revoke(call, call.inputs["securityGroupId"], call.inputs["type"], there - wanted)
    authorize(call, call.inputs["securityGroupId"], call.inputs["type"], wanted - there)


def delete_group_rule(call: Call) -> None:
    """Revoke what is left of the rule."""
    revoke(call, call.inputs["securityGroupId"], call.inputs["type"], _there(call))


def check_group_rule(inputs: Mapping[str, Json]) -> list[tuple[str, str]]:
    """Addresses, the group itself, or another group: one of the three, as on AWS."""
    given = [name for name in ("self", "sourceSecurityGroupId") if inputs.get(name)]
    addresses = [name for name in ("cidrBlocks", "ipv6CidrBlocks", "prefixListIds") if inputs.get(name)]
    if len(given) + bool(addresses) == 1:
        return []
    found = ", ".join([*given, *addresses]) or "none"
    return [("cidrBlocks", f"give addresses, self or sourceSecurityGroupId, one of them (given: {found})")]


RECORDS = (
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
    Record(
        type="aws:ec2/securityGroupRule:SecurityGroupRule",
        service="ec2",
        properties={
            "securityGroupId": text(required=True, replaces=True),
            "type": text(required=True, replaces=True, one_of=tuple(DIRECTIONS)),
            "protocol": text(required=True, replaces=True, same_as=protocol_form),
            "fromPort": integer(required=True, replaces=True),
            "toPort": integer(required=True, replaces=True),
            "cidrBlocks": texts(replaces=True),
            "ipv6CidrBlocks": texts(replaces=True),
            "prefixListIds": texts(replaces=True),
            "self": flag(default=False, replaces=True),
            "sourceSecurityGroupId": text(replaces=True),
            "description": text(),
            **REGION,
        },
        outputs=("securityGroupRuleId",),
        # The next form of a rule may share grants with the one before, which EC2 refuses as duplicates.
        unique=("securityGroupId", "type"),
        create=create_group_rule,
        read=read_group_rule,
        update=update_group_rule,
        delete=delete_group_rule,
        gone=("InvalidGroup.NotFound", "InvalidPermission.NotFound"),
        check=check_group_rule,
    ),
)
