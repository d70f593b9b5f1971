"""The contract cases of what guards and leads traffic: rules, the default group, ACLs, main tables, and templates."""

from typing import Any

from localcloud_cases_ec2 import vpc
from localcloud_door import Made
from localcloud_world import Aws, Case, World

WEB = {"type": "ingress", "protocol": "tcp", "fromPort": 80, "toPort": 80}
RULE = {"protocol": "tcp", "fromPort": 443, "toPort": 443, "cidrBlocks": ["10.0.0.0/8"]}
ACL_RULE = {"action": "allow", "protocol": "tcp", "fromPort": 443, "toPort": 443, "cidrBlock": "10.0.0.0/8"}


def subnet(world: World, name: str) -> str:
    inputs = {"vpcId": vpc(world, f"{name}-vpc"), "cidrBlock": "10.70.1.0/24"}
    return world.one("aws:ec2/subnet:Subnet", name, **inputs).id


def table(world: World, name: str) -> str:
    return world.one("aws:ec2/routeTable:RouteTable", name, vpcId=vpc(world, "world-main")).id


def group(world: World, name: str) -> str:
    return world.one("aws:ec2/securityGroup:SecurityGroup", name, vpcId=world.vpc).id


def group_told(call: Aws, id: str) -> dict[str, Any]:
    (found,) = call("ec2").describe_security_groups(GroupIds=[id])["SecurityGroups"]
    return dict(found)


def rule_told(call: Aws, made: Made) -> dict[str, Any]:
    (rule,) = group_told(call, made.inputs["securityGroupId"])["IpPermissions"]
    return {
        "protocol": rule["IpProtocol"],
        "fromPort": rule["FromPort"],
        "toPort": rule["ToPort"],
        "cidrBlocks": [each["CidrIp"] for each in rule["IpRanges"]],
        "description": rule["IpRanges"][0].get("Description"),
    }


def revoke_one(call: Aws, made: Made, _: World) -> None:
    one = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "10.1.0.0/16"}]}
    call("ec2").revoke_security_group_ingress(GroupId=made.inputs["securityGroupId"], IpPermissions=[one])


def default_told(call: Aws, made: Made) -> dict[str, Any]:
    found = group_told(call, made.id)
    assert found["IpPermissionsEgress"] == []
    (rule,) = found["IpPermissions"]
    cidrs = [each["CidrIp"] for each in rule["IpRanges"]]
    told = {"protocol": rule["IpProtocol"], "fromPort": rule["FromPort"], "toPort": rule["ToPort"]}
    return {"ingress": [told | {"cidrBlocks": cidrs}]}


def open_up(call: Aws, made: Made, _: World) -> None:
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    call("ec2").authorize_security_group_egress(GroupId=made.id, IpPermissions=[everything])


def acl_told(call: Aws, made: Made) -> dict[str, Any]:
    (found,) = call("ec2").describe_network_acls(NetworkAclIds=[made.id])["NetworkAcls"]
    rules = [
        {
            "ruleNo": each["RuleNumber"],
            "action": each["RuleAction"],
            "protocol": each["Protocol"],
            "fromPort": each["PortRange"]["From"],
            "toPort": each["PortRange"]["To"],
            "cidrBlock": each["CidrBlock"],
        }
        for each in found["Entries"]
        if not each["Egress"] and each["RuleNumber"] < 32767
    ]
    return {"ingress": rules, "subnetIds": [each["SubnetId"] for each in found["Associations"]]}


def deny(call: Aws, made: Made, _: World) -> None:
    call("ec2").create_network_acl_entry(
        NetworkAclId=made.id, RuleNumber=50, Protocol="-1", RuleAction="deny", Egress=False, CidrBlock="0.0.0.0/0"
    )


def main_table(call: Aws, made: Made) -> dict[str, Any]:
    main = [
        {"Name": "vpc-id", "Values": [made.inputs["vpcId"]]},
        {"Name": "association.main", "Values": ["true"]},
    ]
    (found,) = call("ec2").describe_route_tables(Filters=main)["RouteTables"]
    return dict(found)


def lead_elsewhere(call: Aws, made: Made, world: World) -> None:
    associations = main_table(call, made)["Associations"]
    (association,) = [each["RouteTableAssociationId"] for each in associations if each["Main"]]
    call("ec2").replace_route_table_association(AssociationId=association, RouteTableId=table(world, "world-edited"))


def template_told(call: Aws, made: Made) -> dict[str, Any]:
    (version,) = call("ec2").describe_launch_template_versions(LaunchTemplateId=made.id, Versions=["$Latest"])[
        "LaunchTemplateVersions"
    ]
    data = version["LaunchTemplateData"]
    return {
        "imageId": data["ImageId"],
        "instanceType": data["InstanceType"],
        "metadataOptions": {"httpTokens": data["MetadataOptions"]["HttpTokens"]},
        "blockDeviceMappings": [
            {
                "deviceName": each["DeviceName"],
                "ebs": {
                    "encrypted": "true" if each["Ebs"]["Encrypted"] else "false",
                    "volumeSize": each["Ebs"]["VolumeSize"],
                },
            }
            for each in data["BlockDeviceMappings"]
        ],
    }


def new_version(call: Aws, made: Made, _: World) -> None:
    data = {"ImageId": "ami-9", "InstanceType": "t3.large"}
    call("ec2").create_launch_template_version(LaunchTemplateId=made.id, LaunchTemplateData=data)


CASES = (
    Case(
        type="aws:ec2/securityGroupRule:SecurityGroupRule",
        declare=lambda w: {
            "securityGroupId": group(w, "world-ruled"),
            **WEB,
            "cidrBlocks": ["10.1.0.0/16", "10.2.0.0/16"],
            "description": "web",
        },
        told=rule_told,
        change=lambda _: {"description": "still web"},
        edit=revoke_one,
        drifts="cidrBlocks",
        import_id=lambda made: f"{made.inputs['securityGroupId']}_ingress_tcp_80_80_10.1.0.0/16_10.2.0.0/16",
    ),
    Case(
        type="aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        declare=lambda w: {"vpcId": vpc(w, "world-default"), "ingress": [RULE]},
        told=default_told,
        change=lambda _: {"ingress": [RULE | {"fromPort": 8443, "toPort": 8443}], "tags": {"a": "b"}},
        edit=open_up,
        drifts="egress",
        outlives_deletion=True,
    ),
    Case(
        type="aws:ec2/networkAcl:NetworkAcl",
        declare=lambda w: {
            "vpcId": vpc(w, "world-acl-vpc"),
            "subnetIds": [subnet(w, "world-acl")],
            "ingress": [ACL_RULE | {"ruleNo": 100}],
        },
        told=acl_told,
        change=lambda _: {"ingress": [ACL_RULE | {"ruleNo": 100, "action": "deny"}, ACL_RULE | {"ruleNo": 200}]},
        edit=deny,
        drifts="ingress",
    ),
    Case(
        type="aws:ec2/mainRouteTableAssociation:MainRouteTableAssociation",
        declare=lambda w: {"vpcId": vpc(w, "world-main"), "routeTableId": table(w, "world-main-table")},
        told=lambda aws, made: {"routeTableId": main_table(aws, made)["RouteTableId"]},
        change=lambda w: {"routeTableId": table(w, "world-other-main")},
        edit=lead_elsewhere,
        drifts="routeTableId",
        outlives_deletion=True,
    ),
    Case(
        type="aws:ec2/launchTemplate:LaunchTemplate",
        declare=lambda _: {
            "imageId": "ami-1",
            "instanceType": "t3.micro",
            "metadataOptions": {"httpTokens": "required"},
            "blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"encrypted": "true", "volumeSize": 20}}],
            "tagSpecifications": [{"resourceType": "instance", "tags": {"team": "web"}}],
        },
        told=template_told,
        change=lambda _: {"instanceType": "t3.small", "updateDefaultVersion": True, "tags": {"a": "b"}},
        edit=new_version,
        drifts="instanceType",
    ),
)
