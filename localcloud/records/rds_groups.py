"""RDS: subnet group and parameter group."""

from localcloud.records.record import (
    REGION,
    TAGS,
    Call,
    Name,
    Record,
    View,
    flag,
    set_of,
    tags_from,
    tags_to,
    text,
    texts,
)


def retag(call: Call, arn: str) -> None:
    """Make the tags of a thing of RDS what is declared."""
    added, removed = call.tag_change()
    if removed:
        call.aws("rds").remove_tags_from_resource(ResourceName=arn, TagKeys=removed)
    if added:
        call.aws("rds").add_tags_to_resource(ResourceName=arn, Tags=tags_to(added))


def create_subnet_group(call: Call) -> str:
    """Make a subnet group."""
    name = str(call.inputs["name"])
    call.aws("rds").create_db_subnet_group(
        DBSubnetGroupName=name,
        DBSubnetGroupDescription=call.inputs["description"],
        SubnetIds=call.inputs["subnetIds"],
        Tags=call.tag_list,
    )
    return name


def update_subnet_group(call: Call) -> None:
    """Change description, subnets and tags."""
    if call.changed("description", "subnetIds"):
        call.aws("rds").modify_db_subnet_group(
            DBSubnetGroupName=call.id,
            DBSubnetGroupDescription=call.inputs["description"],
            SubnetIds=call.inputs["subnetIds"],
        )
    retag(call, str(call.state["arn"]))


def read_subnet_group(call: Call) -> View:
    """A subnet group."""
    rds = call.aws("rds")
    group = rds.describe_db_subnet_groups(DBSubnetGroupName=call.id)["DBSubnetGroups"][0]
    return {
        "name": group["DBSubnetGroupName"],
        "description": group["DBSubnetGroupDescription"],
        "subnetIds": [subnet["SubnetIdentifier"] for subnet in group["Subnets"]],
        "vpcId": group["VpcId"],
        "arn": group["DBSubnetGroupArn"],
        "tagsAll": tags_from(rds.list_tags_for_resource(ResourceName=group["DBSubnetGroupArn"])["TagList"]),
    }


def delete_subnet_group(call: Call) -> None:
    """Remove a subnet group."""
    call.aws("rds").delete_db_subnet_group(DBSubnetGroupName=call.id)


def create_parameter_group(call: Call) -> str:
    """Make a parameter group."""
    name = str(call.inputs["name"])
    call.aws("rds").create_db_parameter_group(
        DBParameterGroupName=name,
        DBParameterGroupFamily=call.inputs["family"],
        Description=call.inputs["description"],
        Tags=call.tag_list,
    )
    return name


def settle_parameter_group(call: Call) -> None:
    """Set the parameters."""
    parameters = [
        {
            "ParameterName": each["name"],
            "ParameterValue": each["value"],
            "ApplyMethod": each.get("applyMethod") or "immediate",
        }
        for each in call.inputs.get("parameters") or []
    ]
    if parameters:
        call.aws("rds").modify_db_parameter_group(DBParameterGroupName=call.id, Parameters=parameters)


def update_parameter_group(call: Call) -> None:
    """Change tags: another set of parameters is another group, as moto resets none."""
    retag(call, str(call.state["arn"]))


def read_parameter_group(call: Call) -> View | None:
    """A parameter group with the parameters that were set."""
    rds = call.aws("rds")
    found = rds.describe_db_parameter_groups(DBParameterGroupName=call.id)["DBParameterGroups"]
    if not found:
        return None
    group = found[0]
    parameters = rds.describe_db_parameters(DBParameterGroupName=call.id)["Parameters"]
    return {
        "name": group["DBParameterGroupName"],
        "family": group["DBParameterGroupFamily"],
        "description": group["Description"],
        "parameters": [
            {"name": each["ParameterName"], "value": each["ParameterValue"], "applyMethod": each["ApplyMethod"]}
            for each in parameters
        ],
        "arn": group["DBParameterGroupArn"],
        "tagsAll": tags_from(rds.list_tags_for_resource(ResourceName=group["DBParameterGroupArn"])["TagList"]),
    }


def delete_parameter_group(call: Call) -> None:
    """Remove a parameter group."""
    call.aws("rds").delete_db_parameter_group(DBParameterGroupName=call.id)


RECORDS = (
    Record(
        type="aws:rds/subnetGroup:SubnetGroup",
        service="rds",
        properties={
            "name": text(replaces=True),
            "namePrefix": text(replaces=True, unread=True),
            "description": text(default="Managed by Pulumi"),
            "subnetIds": texts(required=True),
            **TAGS,
            **REGION,
        },
        outputs=("arn", "vpcId"),
        name=Name(limit=255, lower=True, allowed=r"a-z0-9._ \-"),
        create=create_subnet_group,
        read=read_subnet_group,
        update=update_subnet_group,
        delete=delete_subnet_group,
        gone=("DBSubnetGroupNotFoundFault", "DBSubnetGroupNotFound"),
    ),
    Record(
        type="aws:rds/parameterGroup:ParameterGroup",
        service="rds",
        properties={
            "name": text(replaces=True),
            "namePrefix": text(replaces=True, unread=True),
            "family": text(required=True, replaces=True),
            "description": text(default="Managed by Pulumi", replaces=True),
            "parameters": set_of(
                {
                    "name": text(required=True),
                    "value": text(required=True),
                    "applyMethod": text(default="immediate", one_of=("immediate", "pending-reboot")),
                },
                replaces=True,
            ),
            "skipDestroy": flag(default=False, unread=True),
            **TAGS,
            **REGION,
        },
        name=Name(limit=255, lower=True, allowed=r"a-z0-9.\-"),
        create=create_parameter_group,
        settle=settle_parameter_group,
        read=read_parameter_group,
        update=update_parameter_group,
        delete=delete_parameter_group,
        gone=("DBParameterGroupNotFound", "DBParameterGroupNotFoundFault"),
    ),
)
