"""Route 53: hosted zone and record. Nothing resolves them here."""

from collections.abc import Mapping
from typing import Any, Final

from localcloud.records.record import (
    TAGS,
    Call,
    Name,
    Record,
    View,
    flag,
    integer,
    list_of,
    tags_from,
    tags_to,
    text,
    texts,
)

Json = Any
KINDS: Final = ("A", "AAAA", "CAA", "CNAME", "DS", "MX", "NAPTR", "NS", "PTR", "SOA", "SPF", "SRV", "TXT")


def create_zone(call: Call) -> str:
    """Make a public hosted zone."""
    made = call.aws("route53").create_hosted_zone(
        Name=call.inputs["name"],
        CallerReference=f"{call.inputs['name']}/{call.account}",
        HostedZoneConfig={"Comment": call.inputs["comment"], "PrivateZone": False},
    )
    return str(made["HostedZone"]["Id"]).rpartition("/")[2]


def settle_zone(call: Call) -> None:
    """Tag the new zone."""
    if call.tags:
        call.aws("route53").change_tags_for_resource(
            ResourceType="hostedzone", ResourceId=call.id, AddTags=call.tag_list
        )


def update_zone(call: Call) -> None:
    """Change comment and tags."""
    client = call.aws("route53")
    if call.changed("comment"):
        client.update_hosted_zone_comment(Id=call.id, Comment=call.inputs["comment"])
    added, removed = call.tag_change()
    changes: dict[str, Json] = {}
    if added:
        changes["AddTags"] = tags_to(added)
    if removed:
        changes["RemoveTagKeys"] = removed
    if changes:
        client.change_tags_for_resource(ResourceType="hostedzone", ResourceId=call.id, **changes)


def read_zone(call: Call) -> View:
    """A hosted zone."""
    client = call.aws("route53")
    found = client.get_hosted_zone(Id=call.id)
    servers = (found.get("DelegationSet") or {}).get("NameServers") or []
    tags = client.list_tags_for_resource(ResourceType="hostedzone", ResourceId=call.id)["ResourceTagSet"]["Tags"]
    return {
        "name": found["HostedZone"]["Name"],
        "comment": found["HostedZone"]["Config"].get("Comment") or "",
        "zoneId": call.id,
        "nameServers": servers,
        "primaryNameServer": servers[0] if servers else None,
        "arn": f"arn:aws:route53:::hostedzone/{call.id}",
        "tagsAll": tags_from(tags),
    }


def delete_zone(call: Call) -> None:
    """Remove a zone; one with records only when declared so."""
    client = call.aws("route53")
    if call.inputs.get("forceDestroy"):
        for page in client.get_paginator("list_resource_record_sets").paginate(HostedZoneId=call.id):
            for found in page["ResourceRecordSets"]:
                if found["Type"] not in {"NS", "SOA"}:
                    _change(call, call.id, "DELETE", found)
    client.delete_hosted_zone(Id=call.id)


def _change(call: Call, zone: str, action: str, record: Mapping[str, Json]) -> None:
    call.aws("route53").change_resource_record_sets(
        HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": action, "ResourceRecordSet": record}]}
    )


def _declared(call: Call) -> dict[str, Json]:
    inputs = call.inputs
    record: dict[str, Json] = {"Name": inputs["name"], "Type": inputs["type"]}
    for alias in inputs.get("aliases") or []:
        record["AliasTarget"] = {
            "DNSName": alias["name"],
            "HostedZoneId": alias["zoneId"],
            "EvaluateTargetHealth": alias["evaluateTargetHealth"],
        }
    if inputs.get("records"):
        record |= {"TTL": inputs["ttl"], "ResourceRecords": [{"Value": value} for value in inputs["records"]]}
    return record


def create_record(call: Call) -> str:
    """Add a record; the SDK's id is made of zone, name and type."""
    inputs = call.inputs
    _change(call, inputs["zoneId"], "UPSERT" if inputs.get("allowOverwrite") else "CREATE", _declared(call))
    return f"{inputs['zoneId']}_{inputs['name']}_{inputs['type']}"


def update_record(call: Call) -> None:
    """Write the changed record."""
    _change(call, call.inputs["zoneId"], "UPSERT", _declared(call))


def _found(call: Call) -> dict[str, Json] | None:
    zone, _, rest = call.id.partition("_")
    name, _, kind = rest.rpartition("_")
    for page in call.aws("route53").get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone):
        for record in page["ResourceRecordSets"]:
            if name_form(record["Name"]) == name_form(name) and record["Type"] == kind:
                return dict(record)
    return None


def read_record(call: Call) -> View | None:
    """A record, found in its zone."""
    record = _found(call)
    if record is None:
        return None
    alias = record.get("AliasTarget")
    told = (
        {
            "name": alias["DNSName"],
            "zoneId": alias["HostedZoneId"],
            "evaluateTargetHealth": alias["EvaluateTargetHealth"],
        }
        if alias
        else None
    )
    return {
        "zoneId": call.id.partition("_")[0],
        "name": name_form(record["Name"]),
        "fqdn": name_form(record["Name"]),
        "type": record["Type"],
        "ttl": record.get("TTL"),
        "records": [each["Value"] for each in record.get("ResourceRecords") or []],
        "aliases": [told] if told else [],
    }


def delete_record(call: Call) -> None:
    """Remove a record."""
    if record := _found(call):
        _change(call, call.id.partition("_")[0], "DELETE", record)


def check_record(inputs: Mapping[str, Json]) -> list[tuple[str, str]]:
    """A record has values and how long they hold, or leads to another name."""
    if bool(inputs.get("records")) == bool(inputs.get("aliases")):
        return [("records", "give records or aliases, one of them")]
    if inputs.get("records") and inputs.get("ttl") is None:
        return [("ttl", "records need a ttl")]
    return []


def name_form(name: str) -> str:
    """A domain name without the final dot, in lower case."""
    return str(name).rstrip(".").lower() if name else name


PLAIN: Final = "the local cloud knows plain records only"
RECORDS = (
    Record(
        type="aws:route53/zone:Zone",
        service="route53",
        properties={
            "name": text(replaces=True, same_as=name_form),
            "comment": text(default="Managed by Pulumi"),
            "forceDestroy": flag(default=False, unread=True),
            **TAGS,
        },
        outputs=("arn", "nameServers", "primaryNameServer", "zoneId"),
        name=Name(prop="name", prefix_prop="", limit=255, exact=True),
        create=create_zone,
        settle=settle_zone,
        read=read_zone,
        update=update_zone,
        delete=delete_zone,
        gone=("NoSuchHostedZone",),
        refused={
            "vpcs": "the local cloud has public zones only",
            "delegationSetId": "the local cloud has no delegation sets",
        },
    ),
    Record(
        type="aws:route53/record:Record",
        service="route53",
        properties={
            "zoneId": text(required=True, replaces=True),
            "name": text(required=True, replaces=True, same_as=name_form),
            "type": text(required=True, replaces=True, one_of=KINDS),
            "ttl": integer(),
            "records": texts(),
            "aliases": list_of(
                {
                    "name": text(required=True, same_as=name_form),
                    "zoneId": text(required=True),
                    "evaluateTargetHealth": flag(required=True),
                }
            ),
            "allowOverwrite": flag(unread=True),
        },
        outputs=("fqdn",),
        unique=("zoneId", "name", "type"),
        create=create_record,
        read=read_record,
        update=update_record,
        delete=delete_record,
        gone=("NoSuchHostedZone",),
        check=check_record,
        refused={
            "weightedRoutingPolicies": PLAIN,
            "failoverRoutingPolicies": PLAIN,
            "geolocationRoutingPolicies": PLAIN,
            "latencyRoutingPolicies": PLAIN,
            "setIdentifier": PLAIN,
            "healthCheckId": "the local cloud checks no health for DNS",
        },
    ),
)
