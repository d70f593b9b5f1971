"""Names that a network answers: Cloud Map's namespaces with their zones; a zone of any other kind is not read."""

from collections.abc import Iterator

from stacks.isolation.reading.reader import Reader, references, tags_of
from stacks.isolation.records import Kind, Resource


def read_names(reader: Reader) -> Iterator[Resource]:
    """Every namespace with its zone and its names, and every other zone as what this proof does not read."""
    zones: dict[str, str] = {}
    for listed in reader.pages("servicediscovery", "list_namespaces", "Namespaces"):
        arn, answer = listed["Arn"], reader.call("servicediscovery", "get_namespace", Id=listed["Id"])
        tagged = reader.call("servicediscovery", "list_tags_for_resource", ResourceARN=arn)
        yield Resource(
            kind=Kind.NAMESPACE, id=arn, names=(listed["Id"],), arns=(arn,), tags=tags_of((tagged or {}).get("Tags"))
        )
        properties = (answer or {}).get("Namespace", {}).get("Properties", {})
        if zone := properties.get("DnsProperties", {}).get("HostedZoneId"):
            zones[_bare(zone)] = arn
    for listed in reader.pages("servicediscovery", "list_services", "Services"):
        answer = reader.call("servicediscovery", "get_service", Id=listed["Id"])
        if answer:
            whole = answer["Service"].get("NamespaceId")
            yield Resource(
                kind=Kind.NAME, id=listed["Arn"], names=(listed["Id"],), arns=(listed["Arn"],), part_of=whole
            )
    for zone in reader.pages("route53", "list_hosted_zones", "HostedZones"):
        if (bare := _bare(zone["Id"])) in zones:
            found = reader.call("route53", "get_hosted_zone", Id=bare) or {}
            answers = references("answers in", [each.get("VPCId") for each in found.get("VPCs", ())])
            arn = f"arn:aws:route53:::hostedzone/{bare}"
            yield Resource(kind=Kind.ZONE, id=arn, names=(bare,), arns=(arn,), part_of=zones[bare], refers=answers)
        else:
            yield Resource(kind=Kind.OTHER, id=f"route53 {zone['Name']}")


def _bare(zone: str) -> str:
    return zone.rpartition("/")[2]
