"""Cloud Map: private DNS namespace. Its hosted zone is a record; nothing resolves its names."""

from localcloud.records.record import REGION, TAGS, Call, Name, Record, View, tags_from, tags_to, text


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
    added, removed = call.tag_change()
    if removed:
        discovery.untag_resource(ResourceARN=call.state["arn"], TagKeys=removed)
    if added:
        tags = tags_to(added)
        discovery.tag_resource(ResourceARN=call.state["arn"], Tags=tags)


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


RECORDS = (
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
