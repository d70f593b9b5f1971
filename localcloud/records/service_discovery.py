"""Cloud Map: private DNS namespace, and a service in it. Both are records; nothing resolves their names."""

from collections.abc import Mapping
from typing import Any, Final

from localcloud.records.record import (
    REGION,
    TAGS,
    Call,
    Name,
    Prop,
    Record,
    View,
    integer,
    list_of,
    one,
    tags_from,
    tags_to,
    text,
)

MULTIVALUE: Final = "MULTIVALUE"


def create_namespace(call: Call) -> str:
    """Make a namespace with its hosted zone; the namespace's id."""
    discovery = call.aws("servicediscovery")
    started = discovery.create_private_dns_namespace(
        Name=call.inputs["name"],
        Vpc=call.inputs["vpc"],
        Tags=call.tag_list,
        **call.given(Description=call.inputs.get("description")),
    )
    return str(discovery.get_operation(OperationId=started["OperationId"])["Operation"]["Targets"]["NAMESPACE"])


def update_namespace(call: Call) -> None:
    """Change description and tags."""
    discovery = call.aws("servicediscovery")
    if call.changed("description"):
        changed = {"Description": call.inputs.get("description") or ""}
        discovery.update_private_dns_namespace(Id=call.id, Namespace=changed)
    _retag(call)


def _retag(call: Call) -> None:
    discovery = call.aws("servicediscovery")
    added, removed = call.tag_change()
    if removed:
        discovery.untag_resource(ResourceARN=call.state["arn"], TagKeys=removed)
    if added:
        discovery.tag_resource(ResourceARN=call.state["arn"], Tags=tags_to(added))


def read_namespace(call: Call) -> View:
    """A namespace."""
    discovery = call.aws("servicediscovery")
    found = discovery.get_namespace(Id=call.id)["Namespace"]
    zone = found["Properties"]["DnsProperties"]["HostedZoneId"]
    (vpc,) = call.aws("route53").get_hosted_zone(Id=zone)["VPCs"]
    return {
        "name": found["Name"],
        "description": found.get("Description") or None,
        "vpc": vpc["VPCId"],
        "arn": found["Arn"],
        "hostedZone": zone,
        "tagsAll": tags_from(discovery.list_tags_for_resource(ResourceARN=found["Arn"]).get("Tags")),
    }


def delete_namespace(call: Call) -> None:
    """Remove a namespace with its hosted zone."""
    call.aws("servicediscovery").delete_namespace(Id=call.id)


def create_service(call: Call) -> str:
    """Make a service: a name in a namespace."""
    declared: Mapping[str, Any] = call.inputs["dnsConfig"]
    config = {
        "NamespaceId": declared["namespaceId"],
        "DnsRecords": _dns_records(declared),
        "RoutingPolicy": declared.get("routingPolicy") or MULTIVALUE,
    }
    made = call.aws("servicediscovery").create_service(
        Name=call.inputs["name"],
        NamespaceId=declared["namespaceId"],
        DnsConfig=config,
        Tags=call.tag_list,
        **call.given(Description=call.inputs.get("description")),
    )
    return str(made["Service"]["Id"])


def _dns_records(declared: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"Type": each["type"], "TTL": each["ttl"]} for each in declared["dnsRecords"]]


def update_service(call: Call) -> None:
    """Change how long its records are kept, its description and tags."""
    if call.changed("description", "dnsConfig"):
        changed = {
            "DnsConfig": {"DnsRecords": _dns_records(call.inputs["dnsConfig"])},
            "Description": call.inputs.get("description") or "",
        }
        call.aws("servicediscovery").update_service(Id=call.id, Service=changed)
    _retag(call)


def read_service(call: Call) -> View:
    """A service."""
    discovery = call.aws("servicediscovery")
    found = discovery.get_service(Id=call.id)["Service"]
    config = found.get("DnsConfig") or {}
    return {
        "name": found["Name"],
        "description": found.get("Description") or None,
        "namespaceId": found["NamespaceId"],
        "dnsConfig": {
            "namespaceId": found["NamespaceId"],
            "dnsRecords": [{"type": each["Type"], "ttl": each["TTL"]} for each in config.get("DnsRecords") or []],
            "routingPolicy": config.get("RoutingPolicy", MULTIVALUE),
        },
        "arn": found["Arn"],
        "tagsAll": tags_from(discovery.list_tags_for_resource(ResourceARN=found["Arn"]).get("Tags")),
    }


def delete_service(call: Call) -> None:
    """Remove a service."""
    call.aws("servicediscovery").delete_service(Id=call.id)


DNS: Mapping[str, Prop] = {
    "namespaceId": text(required=True, replaces=True),
    "dnsRecords": list_of(
        {
            "type": text(required=True, replaces=True, one_of=("A", "AAAA", "CNAME", "SRV")),
            "ttl": integer(required=True),
        },
        required=True,
    ),
    "routingPolicy": text(cloud_decides=True, replaces=True, one_of=(MULTIVALUE, "WEIGHTED")),
}
NO_CHECKS = "the local cloud checks the health of no addresses"

RECORDS = (
    Record(
        type="aws:servicediscovery/service:Service",
        service="servicediscovery",
        properties={
            "name": text(replaces=True),
            "description": text(),
            "dnsConfig": one(DNS, required=True),
            # It follows from dnsConfig, and is for services without one.
            "namespaceId": text(cloud_decides=True, replaces=True),
            **TAGS,
            **REGION,
        },
        outputs=("arn",),
        name=Name(limit=127, allowed=r"A-Za-z0-9_.\-"),
        create=create_service,
        read=read_service,
        update=update_service,
        delete=delete_service,
        gone=("ServiceNotFound",),
        refused={
            "healthCheckConfig": NO_CHECKS,
            "healthCheckCustomConfig": NO_CHECKS,
            "forceDestroy": "the local cloud's services hold no addresses that would be in the way",
            "type": "the local cloud's services are for DNS; give dnsConfig",
        },
    ),
    Record(
        type="aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace",
        service="servicediscovery",
        properties={
            "name": text(replaces=True),
            "vpc": text(required=True, replaces=True),
            "description": text(),
            **TAGS,
            **REGION,
        },
        outputs=("arn", "hostedZone"),
        # A VPC has one namespace of a name.
        unique=("name", "vpc"),
        name=Name(limit=253, allowed=r"A-Za-z0-9.\-"),
        create=create_namespace,
        read=read_namespace,
        update=update_namespace,
        delete=delete_namespace,
        gone=("NamespaceNotFound",),
    ),
)
