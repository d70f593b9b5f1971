"""The contract cases of RDS."""

from typing import Any

from localcloud_door import Made
from localcloud_world import Aws, Case, World


def instance_told(call: Aws, made: Made) -> dict[str, Any]:
    (found,) = call("rds").describe_db_instances(DBInstanceIdentifier=made.inputs["identifier"])["DBInstances"]
    return {
        "dbName": found["DBName"],
        "username": found["MasterUsername"],
        "allocatedStorage": found["AllocatedStorage"],
        "backupRetentionPeriod": found["BackupRetentionPeriod"],
        "deletionProtection": found["DeletionProtection"],
        "vpcSecurityGroupIds": [each["VpcSecurityGroupId"] for each in found["VpcSecurityGroups"]],
        "dbSubnetGroupName": found["DBSubnetGroup"]["DBSubnetGroupName"],
    }


def subnet_group(world: World) -> str:
    inputs = {"subnetIds": [world.subnet(0), world.subnet(1)]}
    return world.one("aws:rds/subnetGroup:SubnetGroup", "world-db", **inputs).id


def group_told(call: Aws, made: Made) -> dict[str, Any]:
    (found,) = call("rds").describe_db_subnet_groups(DBSubnetGroupName=made.id)["DBSubnetGroups"]
    return {
        "description": found["DBSubnetGroupDescription"],
        "subnetIds": [subnet["SubnetIdentifier"] for subnet in found["Subnets"]],
    }


def parameters_told(call: Aws, made: Made) -> dict[str, Any]:
    (found,) = call("rds").describe_db_parameter_groups(DBParameterGroupName=made.id)["DBParameterGroups"]
    parameters = call("rds").describe_db_parameters(DBParameterGroupName=made.id)["Parameters"]
    told = [{"name": each["ParameterName"], "value": each["ParameterValue"]} for each in parameters]
    return {"family": found["DBParameterGroupFamily"], "parameters": told}


CASES = (
    Case(
        type="aws:rds/instance:Instance",
        declare=lambda w: {
            "engine": "postgres",
            "instanceClass": "db.t4g.micro",
            "allocatedStorage": 20,
            "dbName": "app",
            "username": "app_owner",
            "password": "a-secret-password",
            "skipFinalSnapshot": True,
            "vpcSecurityGroupIds": [w.group],
            "dbSubnetGroupName": subnet_group(w),
        },
        told=instance_told,
        change=lambda _: {"backupRetentionPeriod": 7, "allocatedStorage": 30, "tags": {"a": "b"}},
        edit=lambda aws, made, _: aws("rds").modify_db_instance(
            DBInstanceIdentifier=made.inputs["identifier"], BackupRetentionPeriod=3, ApplyImmediately=True
        ),
        drifts="backupRetentionPeriod",
        confined=True,
    ),
    Case(
        type="aws:rds/subnetGroup:SubnetGroup",
        declare=lambda w: {"subnetIds": [w.subnet(0), w.subnet(1)], "description": "for databases"},
        told=group_told,
        change=lambda w: {"subnetIds": [w.subnet(2), w.subnet(1)], "tags": {"a": "b"}},
        edit=lambda aws, made, w: aws("rds").modify_db_subnet_group(
            DBSubnetGroupName=made.id, SubnetIds=[w.subnet(2), w.subnet(3)]
        ),
        drifts="subnetIds",
    ),
    Case(
        type="aws:rds/parameterGroup:ParameterGroup",
        declare=lambda _: {"family": "postgres16", "parameters": [{"name": "work_mem", "value": "8192"}]},
        told=parameters_told,
        change=lambda _: {"tags": {"a": "b"}},
        edit=lambda aws, made, _: aws("rds").add_tags_to_resource(
            ResourceName=made.outputs["arn"], Tags=[{"Key": "outside", "Value": "yes"}]
        ),
        drifts="tags",
    ),
)
