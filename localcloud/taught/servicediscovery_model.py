"""Private DNS namespaces as Cloud Map has them: many in one VPC, each with a hosted zone that goes with it."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from moto.route53.models import route53_backends
from moto.servicediscovery.exceptions import ConflictingDomainExists
from moto.servicediscovery.models import Namespace, ServiceDiscoveryBackend

Json = Any
PRIVATE = "DNS_PRIVATE"


def teach() -> None:
    """Mend moto's Cloud Map in this process. Calling it again changes nothing."""
    backend: Any = ServiceDiscoveryBackend
    if backend.create_private_dns_namespace is _create:
        return
    backend.create_private_dns_namespace = _create
    backend.delete_namespace = _with_zone(backend.delete_namespace)
    backend.update_private_dns_namespace = _keeping_zone(backend.update_private_dns_namespace)


def _create(
    self: Json, name: str, creator_request_id: str, description: str, vpc: str, tags: Json, properties: Json
) -> str:
    """As moto does it, but moto lets a VPC have one namespace, and names the zone differently and leaves it without."""
    if any((each.vpc, each.name) == (vpc, name) for each in self.namespaces.values()):
        raise ConflictingDomainExists(vpc)
    zone = route53_backends[self.account_id][self.partition].create_hosted_zone(
        f"{name}.", private_zone=True, vpcid=vpc, vpcregion=self.region_name, comment=f"made by Cloud Map for {name}"
    )
    namespace = Namespace(
        account_id=self.account_id,
        region=self.region_name,
        name=name,
        ns_type=PRIVATE,
        creator_request_id=creator_request_id,
        description=description,
        dns_properties={**(properties or {}).get("DnsProperties", {}), "HostedZoneId": zone.id},
        http_properties={"HttpName": name},
        vpc=vpc,
    )
    self.namespaces[namespace.id] = namespace
    if tags:
        self.tagger.tag_resource(namespace.arn, tags)
    return str(self._create_operation("CREATE_NAMESPACE", targets={"NAMESPACE": namespace.id}))


def _with_zone(delete: Callable[..., str]) -> Callable[..., str]:
    @wraps(delete)
    def call(self: Json, namespace_id: str) -> str:
        namespace = self.namespaces.get(namespace_id)
        operation = delete(self, namespace_id)
        if namespace and namespace.type == PRIVATE:
            zones = route53_backends[self.account_id][self.partition]
            zones.delete_hosted_zone(namespace.dns_properties["HostedZoneId"])
        return operation

    return call


def _keeping_zone(update: Callable[..., str]) -> Callable[..., str]:
    @wraps(update)
    def call(self: Json, _id: str, description: str, properties: Json) -> str:
        if properties is not None:
            zone = self.get_namespace(_id).dns_properties["HostedZoneId"]
            properties = {**properties, "HostedZoneId": zone}
        return update(self, _id, description, properties)

    return call
