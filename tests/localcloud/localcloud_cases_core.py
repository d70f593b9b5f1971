"""The contract cases of the types that the factory itself declares."""

import json
from typing import Any

from localcloud_door import Made
from localcloud_world import CONTAINERS, LIST_ALL, OTHER_TRUST, READ_ALL, TRUST, Aws, Case, World


def ec2_tags(call: Aws, made: Made, _: World) -> None:
    call("ec2").create_tags(Resources=[made.id], Tags=[{"Key": "outside", "Value": "yes"}])


def vpc_told(call: Aws, made: Made) -> dict[str, Any]:
    ec2 = call("ec2")
    hostnames = ec2.describe_vpc_attribute(VpcId=made.id, Attribute="enableDnsHostnames")
    return {
        "cidrBlock": ec2.describe_vpcs(VpcIds=[made.id])["Vpcs"][0]["CidrBlock"],
        "enableDnsHostnames": hostnames["EnableDnsHostnames"]["Value"],
    }


def subnet_told(call: Aws, made: Made) -> dict[str, Any]:
    subnet = call("ec2").describe_subnets(SubnetIds=[made.id])["Subnets"][0]
    return {
        "vpcId": subnet["VpcId"],
        "cidrBlock": subnet["CidrBlock"],
        "mapPublicIpOnLaunch": subnet["MapPublicIpOnLaunch"],
    }


def association_told(call: Aws, made: Made) -> dict[str, Any]:
    by_id = [{"Name": "association.route-table-association-id", "Values": [made.id]}]
    table = call("ec2").describe_route_tables(Filters=by_id)["RouteTables"][0]
    subnets = [a["SubnetId"] for a in table["Associations"] if a["RouteTableAssociationId"] == made.id]
    return {"routeTableId": table["RouteTableId"], "subnetId": subnets[0]}


def group_told(call: Aws, made: Made) -> dict[str, Any]:
    group = call("ec2").describe_security_groups(GroupIds=[made.id])["SecurityGroups"][0]
    rule = group["IpPermissions"][0]
    ingress = {"protocol": rule["IpProtocol"], "fromPort": rule["FromPort"], "toPort": rule["ToPort"]}
    cidrs = [item["CidrIp"] for item in rule["IpRanges"]]
    assert group["IpPermissionsEgress"] == []
    return {"description": group["Description"], "vpcId": group["VpcId"], "ingress": [ingress | {"cidrBlocks": cidrs}]}


def rule_told(call: Aws, made: Made) -> dict[str, Any]:
    rule = call("ec2").describe_security_group_rules(SecurityGroupRuleIds=[made.id])["SecurityGroupRules"][0]
    return {"securityGroupId": rule["GroupId"], "ipProtocol": rule["IpProtocol"], "cidrIpv4": rule["CidrIpv4"]}


def key_told(call: Aws, made: Made) -> dict[str, Any]:
    kms = call("kms")
    return {
        "description": kms.describe_key(KeyId=made.id)["KeyMetadata"]["Description"],
        "enableKeyRotation": kms.get_key_rotation_status(KeyId=made.id)["KeyRotationEnabled"],
    }


def alias_told(call: Aws, made: Made) -> dict[str, Any]:
    aliases = call("kms").list_aliases(Limit=100)["Aliases"]
    return {"targetKeyId": next(a["TargetKeyId"] for a in aliases if a["AliasName"] == made.id)}


def secret_told(call: Aws, made: Made) -> dict[str, Any]:
    secret = call("secretsmanager").describe_secret(SecretId=made.id)
    return {"name": secret["Name"], "description": secret["Description"]}


def version_told(call: Aws, made: Made) -> dict[str, Any]:
    arn, _, version = made.id.partition("|")
    return {"secretString": call("secretsmanager").get_secret_value(SecretId=arn, VersionId=version)["SecretString"]}


def role_told(call: Aws, made: Made) -> dict[str, Any]:
    role = call("iam").get_role(RoleName=made.id)["Role"]
    return {"description": role["Description"], "assumeRolePolicy": json.dumps(role["AssumeRolePolicyDocument"])}


def role_policy_told(call: Aws, made: Made) -> dict[str, Any]:
    role, _, name = made.id.partition(":")
    found = call("iam").get_role_policy(RoleName=role, PolicyName=name)
    return {"role": found["RoleName"], "policy": json.dumps(found["PolicyDocument"])}


def log_group_told(call: Aws, made: Made) -> dict[str, Any]:
    group = call("logs").describe_log_groups(logGroupNamePrefix=made.id)["logGroups"][0]
    return {"retentionInDays": group["retentionInDays"]}


def repository_told(call: Aws, made: Made) -> dict[str, Any]:
    found = call("ecr").describe_repositories(repositoryNames=[made.id])["repositories"][0]
    return {
        "imageTagMutability": found["imageTagMutability"],
        "imageScanningConfiguration": found["imageScanningConfiguration"],
        "encryptionConfigurations": [{"encryptionType": found["encryptionConfiguration"]["encryptionType"]}],
    }


def task_told(call: Aws, made: Made) -> dict[str, Any]:
    task = call("ecs").describe_task_definition(taskDefinition=made.outputs["arn"])["taskDefinition"]
    return {"family": task["family"], "cpu": task["cpu"], "executionRoleArn": task["executionRoleArn"]}


def service_told(call: Aws, made: Made) -> dict[str, Any]:
    cluster = made.inputs["cluster"]
    service = call("ecs").describe_services(cluster=cluster, services=[made.id])["services"][0]
    return {
        "desiredCount": service["desiredCount"],
        "taskDefinition": service["taskDefinition"],
        "alarms": service["deploymentConfiguration"]["alarms"],
    }


def balancer_told(call: Aws, made: Made) -> dict[str, Any]:
    elb = call("elbv2")
    found = elb.describe_load_balancer_attributes(LoadBalancerArn=made.id)["Attributes"]
    kept = {item["Key"]: item["Value"] for item in found}
    balancer = elb.describe_load_balancers(LoadBalancerArns=[made.id])["LoadBalancers"][0]
    return {"idleTimeout": int(kept["idle_timeout.timeout_seconds"]), "internal": balancer["Scheme"] == "internal"}


def targets_told(call: Aws, made: Made) -> dict[str, Any]:
    group = call("elbv2").describe_target_groups(TargetGroupArns=[made.id])["TargetGroups"][0]
    health = {"path": group["HealthCheckPath"], "matcher": group["Matcher"]["HttpCode"]}
    return {"port": group["Port"], "vpcId": group["VpcId"], "healthCheck": health}


def listener_told(call: Aws, made: Made) -> dict[str, Any]:
    listener = call("elbv2").describe_listeners(ListenerArns=[made.id])["Listeners"][0]
    return {"port": listener["Port"], "loadBalancerArn": listener["LoadBalancerArn"]}


def bucket_told(call: Aws, made: Made) -> dict[str, Any]:
    tags = call("s3").get_bucket_tagging(Bucket=made.id)["TagSet"]
    return {"tags": {tag["Key"]: tag["Value"] for tag in tags}}


def block_told(call: Aws, made: Made) -> dict[str, Any]:
    block = call("s3").get_public_access_block(Bucket=made.id)["PublicAccessBlockConfiguration"]
    return {"blockPublicAcls": block["BlockPublicAcls"], "blockPublicPolicy": block["BlockPublicPolicy"]}


def retag_bucket(call: Aws, made: Made, _: World) -> None:
    call("s3").put_bucket_tagging(Bucket=made.id, Tagging={"TagSet": [{"Key": "outside", "Value": "yes"}]})


INGRESS = [{"protocol": "tcp", "fromPort": 443, "toPort": 443, "cidrBlocks": ["10.0.0.0/8"]}]
WIDER = [{"protocol": "tcp", "fromPort": 443, "toPort": 444, "cidrBlocks": ["10.0.0.0/8"]}]


def service_inputs(world: World) -> dict[str, Any]:
    return {
        "cluster": world.cluster,
        "taskDefinition": world.task(),
        "desiredCount": 1,
        "launchType": "FARGATE",
        "deploymentCircuitBreaker": {"enable": True, "rollback": True},
        "alarms": {"alarmNames": ["errors", "slow"], "enable": True, "rollback": True},
        "healthCheckGracePeriodSeconds": 30,
        "networkConfiguration": {"subnets": [world.subnet(0)], "securityGroups": [world.group]},
        "loadBalancers": [{"targetGroupArn": world.targets(), "containerName": "web", "containerPort": 8080}],
    }


CASES = (
    Case(
        type="aws:ec2/vpc:Vpc",
        declare=lambda _: {"cidrBlock": "10.1.0.0/16", "enableDnsHostnames": True},
        told=vpc_told,
        change=lambda _: {"enableDnsHostnames": False, "tags": {"team": "x"}},
        edit=ec2_tags,
        drifts="tags",
    ),
    Case(
        type="aws:ec2/subnet:Subnet",
        declare=lambda w: {"vpcId": w.vpc, "cidrBlock": "10.99.50.0/24", "mapPublicIpOnLaunch": True},
        told=subnet_told,
        change=lambda _: {"mapPublicIpOnLaunch": False},
        edit=lambda aws, made, _: aws("ec2").modify_subnet_attribute(
            SubnetId=made.id, MapPublicIpOnLaunch={"Value": True}
        ),
        drifts="mapPublicIpOnLaunch",
        edited_after_change=True,
    ),
    Case(
        type="aws:ec2/routeTable:RouteTable",
        declare=lambda w: {"vpcId": w.vpc, "tags": {"a": "b"}},
        told=lambda aws, made: {
            "vpcId": aws("ec2").describe_route_tables(RouteTableIds=[made.id])["RouteTables"][0]["VpcId"]
        },
        change=lambda _: {"tags": {"a": "c"}},
        edit=ec2_tags,
        drifts="tags",
    ),
    Case(
        type="aws:ec2/routeTableAssociation:RouteTableAssociation",
        declare=lambda w: {"routeTableId": w.route_table, "subnetId": w.subnet(2)},
        told=association_told,
        change=lambda w: {"subnetId": w.subnet(3)},
        replaces=True,
    ),
    Case(
        type="aws:ec2/securityGroup:SecurityGroup",
        declare=lambda w: {"vpcId": w.vpc, "description": "web", "ingress": INGRESS},
        told=group_told,
        change=lambda _: {"ingress": WIDER},
        edit=lambda aws, made, _: aws("ec2").authorize_security_group_ingress(
            GroupId=made.id,
            IpPermissions=[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
        ),
        drifts="ingress",
    ),
    Case(
        type="aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        declare=lambda w: {
            "securityGroupId": w.group,
            "ipProtocol": "tcp",
            "fromPort": 80,
            "toPort": 80,
            "cidrIpv4": "10.0.0.0/8",
            "description": "web",
        },
        told=rule_told,
        change=lambda _: {"cidrIpv4": "10.1.0.0/16"},
        replaces=True,
        edit=ec2_tags,
        drifts="tags",
    ),
    Case(
        type="aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
        declare=lambda w: {"securityGroupId": w.group, "ipProtocol": "-1", "cidrIpv4": "0.0.0.0/0"},
        told=rule_told,
        change=lambda _: {"tags": {"why": "updates"}},
        edit=ec2_tags,
        drifts="tags",
    ),
    Case(
        type="aws:kms/key:Key",
        declare=lambda _: {"description": "data", "enableKeyRotation": True, "deletionWindowInDays": 7},
        told=key_told,
        change=lambda _: {"enableKeyRotation": False, "description": "more data", "tags": {"a": "b"}},
        edit=lambda aws, made, _: aws("kms").enable_key_rotation(KeyId=made.id),
        drifts="enableKeyRotation",
        edited_after_change=True,
    ),
    Case(
        type="aws:kms/alias:Alias",
        declare=lambda w: {"targetKeyId": w.key()},
        told=alias_told,
        change=lambda w: {"targetKeyId": w.key("other-key")},
        edit=lambda aws, made, w: aws("kms").update_alias(AliasName=made.id, TargetKeyId=w.key()),
        drifts="targetKeyId",
        edited_after_change=True,
    ),
    Case(
        type="aws:secretsmanager/secret:Secret",
        declare=lambda _: {"description": "password", "recoveryWindowInDays": 0},
        told=secret_told,
        change=lambda _: {"description": "the password", "tags": {"a": "b"}},
        edit=lambda aws, made, _: aws("secretsmanager").update_secret(SecretId=made.id, Description="edited"),
        drifts="description",
    ),
    Case(
        type="aws:secretsmanager/secretVersion:SecretVersion",
        declare=lambda w: {"secretId": w.secret, "secretString": "correct horse"},
        told=version_told,
        change=lambda _: {"secretString": "battery staple"},
        replaces=True,
        # The current version stays until its secret goes, on AWS as well.
        outlives_deletion=True,
    ),
    Case(
        type="aws:iam/role:Role",
        declare=lambda _: {"assumeRolePolicy": TRUST, "description": "runs"},
        told=role_told,
        change=lambda _: {"assumeRolePolicy": OTHER_TRUST, "maxSessionDuration": 7200, "tags": {"a": "b"}},
        edit=lambda aws, made, _: aws("iam").update_assume_role_policy(RoleName=made.id, PolicyDocument=TRUST),
        drifts="assumeRolePolicy",
        edited_after_change=True,
    ),
    Case(
        type="aws:iam/rolePolicy:RolePolicy",
        declare=lambda w: {"role": w.role, "policy": READ_ALL},
        told=role_policy_told,
        change=lambda _: {"policy": LIST_ALL},
        edit=lambda aws, made, _: aws("iam").put_role_policy(
            RoleName=made.id.partition(":")[0], PolicyName=made.id.partition(":")[2], PolicyDocument=READ_ALL
        ),
        drifts="policy",
        edited_after_change=True,
    ),
    Case(
        type="aws:cloudwatch/logGroup:LogGroup",
        declare=lambda _: {"retentionInDays": 14},
        told=log_group_told,
        change=lambda _: {"retentionInDays": 30, "tags": {"a": "b"}},
        edit=lambda aws, made, _: aws("logs").put_retention_policy(logGroupName=made.id, retentionInDays=7),
        drifts="retentionInDays",
    ),
    Case(
        type="aws:ecr/repository:Repository",
        declare=lambda _: {
            "imageTagMutability": "IMMUTABLE",
            "imageScanningConfiguration": {"scanOnPush": True},
            "encryptionConfigurations": [{"encryptionType": "KMS"}],
        },
        told=repository_told,
        change=lambda _: {"imageTagMutability": "MUTABLE", "imageScanningConfiguration": {"scanOnPush": False}},
        edit=lambda aws, made, _: aws("ecr").put_image_tag_mutability(
            repositoryName=made.id, imageTagMutability="IMMUTABLE"
        ),
        drifts="imageTagMutability",
        edited_after_change=True,
    ),
    Case(
        type="aws:ecs/cluster:Cluster",
        declare=lambda _: {"settings": [{"name": "containerInsights", "value": "enabled"}]},
        told=lambda aws, made: {
            "settings": aws("ecs").describe_clusters(clusters=[made.id], include=["SETTINGS"])["clusters"][0][
                "settings"
            ]
        },
        change=lambda _: {"settings": [{"name": "containerInsights", "value": "disabled"}]},
        edit=lambda aws, made, _: aws("ecs").tag_resource(
            resourceArn=made.id, tags=[{"key": "outside", "value": "yes"}]
        ),
        drifts="tags",
    ),
    Case(
        type="aws:ecs/taskDefinition:TaskDefinition",
        declare=lambda _: {
            "family": "contract",
            "cpu": "256",
            "memory": "512",
            "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"],
            "executionRoleArn": "arn:aws:iam::123456789012:role/run",
            "containerDefinitions": CONTAINERS,
        },
        told=task_told,
        change=lambda _: {"memory": "1024"},
        replaces=True,
        edit=lambda aws, made, _: aws("ecs").tag_resource(
            resourceArn=made.outputs["arn"], tags=[{"key": "outside", "value": "yes"}]
        ),
        drifts="tags",
    ),
    Case(
        type="aws:ecs/service:Service",
        declare=service_inputs,
        told=service_told,
        change=lambda w: {
            "desiredCount": 3,
            "taskDefinition": w.task("next-task"),
            "alarms": {"alarmNames": ["errors"], "enable": True, "rollback": False},
        },
        edit=lambda aws, made, _: aws("ecs").update_service(
            cluster=made.inputs["cluster"], service=made.id, desiredCount=5
        ),
        drifts="desiredCount",
    ),
    Case(
        type="aws:lb/loadBalancer:LoadBalancer",
        declare=lambda w: {
            "subnets": [w.subnet(0), w.subnet(1)],
            "securityGroups": [w.group],
            "internal": True,
            "idleTimeout": 120,
        },
        told=balancer_told,
        change=lambda _: {"idleTimeout": 30, "tags": {"a": "b"}},
        edit=lambda aws, made, _: aws("elbv2").modify_load_balancer_attributes(
            LoadBalancerArn=made.id, Attributes=[{"Key": "idle_timeout.timeout_seconds", "Value": "90"}]
        ),
        drifts="idleTimeout",
    ),
    Case(
        type="aws:lb/targetGroup:TargetGroup",
        declare=lambda w: {
            "vpcId": w.vpc,
            "port": 8080,
            "protocol": "HTTP",
            "targetType": "ip",
            "healthCheck": {"path": "/healthz", "matcher": "200"},
        },
        told=targets_told,
        change=lambda _: {"healthCheck": {"path": "/ready", "matcher": "200"}, "deregistrationDelay": 5},
        edit=lambda aws, made, _: aws("elbv2").modify_target_group(TargetGroupArn=made.id, HealthCheckPath="/edited"),
        drifts="healthCheck",
    ),
    Case(
        type="aws:lb/listener:Listener",
        declare=lambda w: {
            "loadBalancerArn": w.balancer,
            "port": 80,
            "protocol": "HTTP",
            "defaultActions": [{"type": "forward", "targetGroupArn": w.targets()}],
        },
        told=listener_told,
        change=lambda _: {
            "defaultActions": [
                {"type": "fixed-response", "fixedResponse": {"contentType": "text/plain", "statusCode": "404"}}
            ]
        },
        edit=lambda aws, made, w: aws("elbv2").modify_listener(
            ListenerArn=made.id, DefaultActions=[{"Type": "forward", "TargetGroupArn": w.targets("other-tg")}]
        ),
        drifts="defaultActions",
    ),
    Case(
        type="aws:s3/bucket:Bucket",
        declare=lambda _: {"tags": {"a": "b"}},
        told=bucket_told,
        change=lambda _: {"tags": {"a": "c", "d": "e"}},
        edit=retag_bucket,
        drifts="tags",
    ),
    Case(
        type="aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        declare=lambda w: {"bucket": w.bucket, "blockPublicAcls": True, "blockPublicPolicy": True},
        told=block_told,
        change=lambda _: {"blockPublicPolicy": False},
        edit=lambda aws, made, _: aws("s3").put_public_access_block(
            Bucket=made.id, PublicAccessBlockConfiguration={"BlockPublicAcls": False}
        ),
        drifts="blockPublicAcls",
    ),
)
