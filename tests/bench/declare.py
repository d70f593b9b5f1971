"""The plan as a Pulumi program. Importing it imports the SDK, which is what a warm process has behind it."""

from pulumi import ResourceOptions
from pulumi_aws import ec2, iam, s3

from tests.bench.plan import ASSUME_ROLE, NETWORK, Plan

TYPES = (ec2.Vpc, ec2.Subnet, iam.Role, s3.Bucket)


def declare(plan: Plan) -> None:
    """Declare the plan's resources in the running program."""
    network = ec2.Vpc("network", cidr_block=NETWORK)
    within = ResourceOptions(parent=network)
    for index in range(plan.subnets):
        ec2.Subnet(f"subnet-{index}", vpc_id=network.id, cidr_block=plan.subnet(index), opts=within)
    for index in range(plan.roles):
        iam.Role(f"role-{index}", name=plan.name(index), assume_role_policy=ASSUME_ROLE)
    for index in range(plan.buckets):
        s3.Bucket(f"bucket-{index}", bucket=plan.name(index))
