"""Who and where: caller identity, region, availability zones."""

from localcloud.invokes.call import InvokeCall, Json


def caller_identity(call: InvokeCall) -> dict[str, Json]:
    """The account that the provider works in."""
    call.only("getCallerIdentity", "id")
    sts = call.clients.client("sts", call.scope.account, call.scope.region)
    identity = sts.get_caller_identity()
    return {
        "accountId": identity["Account"],
        "arn": identity["Arn"],
        "userId": identity["UserId"],
        "id": identity["Account"],
    }


def region(call: InvokeCall) -> dict[str, Json]:
    """The region that is asked for, or the provider's."""
    call.only("getRegion", "id", "name", "region")
    asked = call.arguments.get("region") or call.arguments.get("name") or call.arguments.get("id")
    name = asked or call.scope.region
    ec2 = call.clients.client("ec2", call.scope.account, call.scope.region)
    found = ec2.describe_regions(RegionNames=[name], AllRegions=True)["Regions"][0]
    return {"id": name, "name": name, "region": name, "endpoint": found["Endpoint"], "description": name}


def availability_zones(call: InvokeCall) -> dict[str, Json]:
    """The zones of the region, in order of their names."""
    call.only("getAvailabilityZones", "allAvailabilityZones", "excludeNames", "excludeZoneIds", "region", "state", "id")
    where = call.arguments.get("region") or call.scope.region
    ec2 = call.clients.client("ec2", call.scope.account, where)
    wanted_state = call.arguments.get("state")
    zones = [
        zone
        for zone in ec2.describe_availability_zones()["AvailabilityZones"]
        if zone["ZoneName"] not in (call.arguments.get("excludeNames") or [])
        and zone.get("ZoneId") not in (call.arguments.get("excludeZoneIds") or [])
        and (wanted_state is None or zone["State"] == wanted_state)
    ]
    zones.sort(key=lambda zone: zone["ZoneName"])
    return dict(call.arguments) | {
        "id": where,
        "region": where,
        "names": [zone["ZoneName"] for zone in zones],
        "zoneIds": [zone["ZoneId"] for zone in zones if zone.get("ZoneId")],
        "groupNames": sorted({zone.get("GroupName") or where for zone in zones}),
    }
