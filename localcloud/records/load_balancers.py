"""Elastic Load Balancing v2: load balancer (the SDK files it under lb)."""

from collections.abc import Mapping
from typing import Any

from localcloud.records.elb_shared import as_text, attributes, from_text, retag, tags_of
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
    one,
    text,
    texts,
)

Json = Any


# Attributes that ELB keeps as text: SDK property and attribute key. A new balancer has the property's default.
BALANCER_ATTRIBUTES = {
    "idleTimeout": "idle_timeout.timeout_seconds",
    "clientKeepAlive": "client_keep_alive.seconds",
    "enableDeletionProtection": "deletion_protection.enabled",
    "enableCrossZoneLoadBalancing": "load_balancing.cross_zone.enabled",
    "enableHttp2": "routing.http2.enabled",
    "dropInvalidHeaderFields": "routing.http.drop_invalid_header_fields.enabled",
    "preserveHostHeader": "routing.http.preserve_host_header.enabled",
    "desyncMitigationMode": "routing.http.desync_mitigation_mode",
    "enableXffClientPort": "routing.http.xff_client_port.enabled",
    "xffHeaderProcessingMode": "routing.http.xff_header_processing.mode",
    "enableTlsVersionAndCipherSuiteHeaders": "routing.http.x_amzn_tls_version_and_cipher_suite.enabled",
    "enableWafFailOpen": "waf.fail_open.enabled",
}


def create_balancer(call: Call) -> str:
    """Make a load balancer."""
    inputs = call.inputs
    balancer = call.aws("elbv2").create_load_balancer(
        Name=inputs["name"],
        Subnets=inputs["subnets"],
        Scheme="internal" if inputs["internal"] else "internet-facing",
        Type=inputs["loadBalancerType"],
        **call.given(
            Tags=call.tag_list or None,
            SecurityGroups=inputs.get("securityGroups"),
            IpAddressType=inputs.get("ipAddressType"),
        ),
    )
    return str(balancer["LoadBalancers"][0]["LoadBalancerArn"])


def set_balancer_attributes(call: Call) -> None:
    """Set what differs, access logs included."""
    wanted = attributes(BALANCER, BALANCER_ATTRIBUTES, call)
    if call.changed("accessLogs"):
        logs = call.inputs.get("accessLogs") or {"bucket": "", "enabled": False}
        wanted += [
            {"Key": "access_logs.s3.enabled", "Value": as_text(bool(logs.get("enabled")))},
            {"Key": "access_logs.s3.bucket", "Value": logs["bucket"]},
            {"Key": "access_logs.s3.prefix", "Value": logs.get("prefix") or ""},
        ]
    if wanted:
        call.aws("elbv2").modify_load_balancer_attributes(LoadBalancerArn=call.id, Attributes=wanted)


def update_balancer(call: Call) -> None:
    """Change subnets, groups, attributes and tags."""
    elb = call.aws("elbv2")
    if call.changed("securityGroups") and call.inputs.get("securityGroups"):
        elb.set_security_groups(LoadBalancerArn=call.id, SecurityGroups=call.inputs["securityGroups"])
    if call.changed("subnets"):
        elb.set_subnets(LoadBalancerArn=call.id, Subnets=call.inputs["subnets"])
    if call.changed("ipAddressType") and call.inputs.get("ipAddressType"):
        elb.set_ip_address_type(LoadBalancerArn=call.id, IpAddressType=call.inputs["ipAddressType"])
    set_balancer_attributes(call)
    retag(call)


def read_balancer(call: Call) -> View:
    """A load balancer."""
    elb = call.aws("elbv2")
    balancer = elb.describe_load_balancers(LoadBalancerArns=[call.id])["LoadBalancers"][0]
    found = elb.describe_load_balancer_attributes(LoadBalancerArn=call.id)["Attributes"]
    kept = {item["Key"]: item["Value"] for item in found}
    bucket = kept.get("access_logs.s3.bucket")
    logs = {
        "bucket": bucket,
        "enabled": kept.get("access_logs.s3.enabled") == "true",
        "prefix": kept.get("access_logs.s3.prefix") or None,
    }
    return {name: from_text(BALANCER[name], kept.get(key)) for name, key in BALANCER_ATTRIBUTES.items()} | {
        "name": balancer["LoadBalancerName"],
        "internal": balancer.get("Scheme") == "internal",
        "loadBalancerType": balancer["Type"],
        "subnets": sorted(zone["SubnetId"] for zone in balancer["AvailabilityZones"]),
        "securityGroups": balancer.get("SecurityGroups") or [],
        "ipAddressType": balancer.get("IpAddressType"),
        "accessLogs": logs if bucket else None,
        "arn": call.id,
        "arnSuffix": call.id.partition(":loadbalancer/")[2],
        "dnsName": balancer["DNSName"],
        "vpcId": balancer["VpcId"],
        "zoneId": balancer["CanonicalHostedZoneId"],
        "tagsAll": tags_of(call),
    }


def delete_balancer(call: Call) -> None:
    """Remove a load balancer; deletion protection refuses, as on AWS."""
    elb = call.aws("elbv2")
    elb.describe_load_balancers(LoadBalancerArns=[call.id])
    elb.delete_load_balancer(LoadBalancerArn=call.id)


BALANCER: Mapping[str, Prop] = {
    "name": text(replaces=True),
    "namePrefix": text(replaces=True, unread=True),
    "internal": flag(default=False, replaces=True),
    "loadBalancerType": text(default="application", replaces=True, one_of=("application", "network", "gateway")),
    "subnets": texts(required=True),
    "securityGroups": texts(cloud_decides=True),
    "ipAddressType": text(cloud_decides=True, one_of=("ipv4", "dualstack", "dualstack-without-public-ipv4")),
    "accessLogs": one({"bucket": text(required=True), "enabled": flag(default=False), "prefix": text()}),
    "idleTimeout": integer(default=60),
    "clientKeepAlive": integer(default=3600),
    "enableDeletionProtection": flag(default=False),
    "enableCrossZoneLoadBalancing": flag(cloud_decides=True),
    "enableHttp2": flag(default=True),
    "dropInvalidHeaderFields": flag(default=False),
    "preserveHostHeader": flag(default=False),
    "desyncMitigationMode": text(default="defensive", one_of=("monitor", "defensive", "strictest")),
    "enableXffClientPort": flag(default=False),
    "xffHeaderProcessingMode": text(default="append", one_of=("append", "preserve", "remove")),
    "enableTlsVersionAndCipherSuiteHeaders": flag(default=False),
    "enableWafFailOpen": flag(default=False),
    **TAGS,
    **REGION,
}


NO_SUCH_ATTRIBUTE = "the local cloud's load balancers do not know it"


RECORDS = (
    Record(
        type="aws:lb/loadBalancer:LoadBalancer",
        service="elbv2",
        properties=BALANCER,
        outputs=("arn", "arnSuffix", "dnsName", "vpcId", "zoneId"),
        name=Name(limit=32, allowed=r"A-Za-z0-9\-"),
        create=create_balancer,
        settle=set_balancer_attributes,
        read=read_balancer,
        update=update_balancer,
        delete=delete_balancer,
        gone=("LoadBalancerNotFound",),
        refused={
            "subnetMappings": "give subnets; the local cloud has no elastic addresses",
            "connectionLogs": "the local cloud writes no connection logs",
            "healthCheckLogs": "the local cloud writes no health check logs",
            "customerOwnedIpv4Pool": "the local cloud has no Outposts",
            "ipamPools": "the local cloud has no IPAM pools",
            "enforceSecurityGroupInboundRulesOnPrivateLinkTraffic": NO_SUCH_ATTRIBUTE,
            "enablePrefixForIpv6SourceNat": NO_SUCH_ATTRIBUTE,
            "enableZonalShift": NO_SUCH_ATTRIBUTE,
            "dnsRecordClientRoutingPolicy": NO_SUCH_ATTRIBUTE,
            "minimumLoadBalancerCapacity": NO_SUCH_ATTRIBUTE,
            "secondaryIpsAutoAssignedPerSubnet": NO_SUCH_ATTRIBUTE,
        },
    ),
)
