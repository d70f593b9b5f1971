"""What every contestant builds: one network and small things, the same for all, told apart by a prefix."""

from dataclasses import dataclass

REGION = "eu-central-1"
ACCOUNT = "123456789012"
NETWORK = "10.0.0.0/16"
# Of 50 resources: one VPC, 8 subnets, 20 roles, 21 buckets.
SUBNET_SHARE, ROLE_SHARE, OTHERS = 8, 20, 49
ASSUME_ROLE = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",'
    '"Principal":{"Service":"ecs-tasks.amazonaws.com"}}]}'
)


@dataclass(frozen=True)
class Plan:
    """How many of each. `prefix` begins the names that must be unique in an account."""

    prefix: str
    subnets: int
    roles: int
    buckets: int

    @property
    def resources(self) -> int:
        """All of them, the VPC included."""
        return 1 + self.subnets + self.roles + self.buckets

    def subnet(self, index: int) -> str:
        """The address range of one subnet."""
        return f"10.0.{index}.0/24"

    def name(self, index: int) -> str:
        """The name of one role or bucket."""
        return f"{self.prefix}-bench-{index}"


def plan_of(resources: int, prefix: str) -> Plan:
    """A plan with this many resources, at least one; the kinds in fixed shares."""
    others = max(resources, 1) - 1
    subnets = -(-others * SUBNET_SHARE // OTHERS)
    roles = min(-(-others * ROLE_SHARE // OTHERS), others - subnets)
    return Plan(prefix, subnets, roles, others - subnets - roles)


def hcl(plan: Plan, endpoint: str) -> str:
    """The plan as a Terraform configuration against the local cloud's HTTP door."""
    endpoints = "\n".join(f'    {service} = "{endpoint}"' for service in ("ec2", "iam", "s3", "sts"))
    return f"""
terraform {{
  required_providers {{
    aws = {{ source = "hashicorp/aws" }}
  }}
}}

provider "aws" {{
  region                      = "{REGION}"
  access_key                  = "{ACCOUNT}"
  secret_key                  = "local"
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true
  endpoints {{
{endpoints}
  }}
}}

resource "aws_vpc" "network" {{
  cidr_block = "{NETWORK}"
}}

resource "aws_subnet" "subnet" {{
  count      = {plan.subnets}
  vpc_id     = aws_vpc.network.id
  cidr_block = "10.0.${{count.index}}.0/24"
}}

resource "aws_iam_role" "role" {{
  count              = {plan.roles}
  name               = "{plan.prefix}-bench-${{count.index}}"
  assume_role_policy = {_quoted(ASSUME_ROLE)}
}}

resource "aws_s3_bucket" "bucket" {{
  count  = {plan.buckets}
  bucket = "{plan.prefix}-bench-${{count.index}}"
}}
"""


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'
