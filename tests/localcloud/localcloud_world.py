"""What contract cases are made of: the case itself, and the things around it that its declarations name."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from localcloud_door import Door, Made

from factory.errors import SandboxUnavailable
from sandbox import probe

Aws = Callable[[str], Any]


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


TRUST = policy({"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"})
OTHER_TRUST = policy({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"})
READ_ALL = policy({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"})
LIST_ALL = policy({"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": ["*"]})
CONTAINERS = json.dumps([{"name": "web", "image": "app", "memory": 128, "portMappings": [{"containerPort": 8080}]}])


class World:
    """Things that cases need around them, made on first use through the door."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._made: dict[str, Made] = {}

    def one(self, type: str, name: str, /, **inputs: Any) -> Made:
        """The thing called `name`; made when it is asked for first."""
        if name not in self._made:
            self._made[name] = self._door.create(type, name, inputs)
        return self._made[name]

    @property
    def vpc(self) -> str:
        return self.one("aws:ec2/vpc:Vpc", "world", cidrBlock="10.99.0.0/16").id

    def subnet(self, number: int) -> str:
        zone = f"eu-central-1{'ab'[number % 2]}"
        inputs = {"vpcId": self.vpc, "cidrBlock": f"10.99.{number}.0/24", "availabilityZone": zone}
        return self.one("aws:ec2/subnet:Subnet", f"world-{number}", **inputs).id

    @property
    def route_table(self) -> str:
        return self.one("aws:ec2/routeTable:RouteTable", "world-rt", vpcId=self.vpc).id

    @property
    def group(self) -> str:
        return self.one("aws:ec2/securityGroup:SecurityGroup", "world-sg", vpcId=self.vpc).id

    def key(self, name: str = "world-key") -> str:
        return self.one("aws:kms/key:Key", name).id

    @property
    def secret(self) -> str:
        return self.one("aws:secretsmanager/secret:Secret", "world-secret", recoveryWindowInDays=0).id

    @property
    def role(self) -> str:
        return self.one("aws:iam/role:Role", "world-role", assumeRolePolicy=TRUST).id

    @property
    def cluster(self) -> str:
        return self.one("aws:ecs/cluster:Cluster", "world-cluster").id

    def task(self, name: str = "world-task") -> str:
        inputs = {"family": name, "containerDefinitions": CONTAINERS, "networkMode": "awsvpc"}
        return str(self.one("aws:ecs/taskDefinition:TaskDefinition", name, **inputs).outputs["arn"])

    @property
    def balancer(self) -> str:
        subnets = [self.subnet(0), self.subnet(1)]
        return self.one("aws:lb/loadBalancer:LoadBalancer", "world-lb", subnets=subnets, internal=True).id

    def targets(self, name: str = "world-tg") -> str:
        inputs = {"vpcId": self.vpc, "port": 8080, "protocol": "HTTP", "targetType": "ip"}
        return self.one("aws:lb/targetGroup:TargetGroup", name, **inputs).id

    @property
    def bucket(self) -> str:
        return self.one("aws:s3/bucket:Bucket", "world-bucket").id


def can_confine() -> bool:
    """Whether a sandbox can be made here."""
    try:
        probe()
    except SandboxUnavailable:
        return False
    return True


@dataclass(frozen=True, kw_only=True)
class Case:
    """`told`: what boto3 reads, by property; `edit`: an outsider's change, after which `drifts` differs on refresh.

    `confined`: it runs something in a sandbox, which not every machine can make.
    `import_id`: what a program imports it by, where that is not its id.
    `edited_after_change`: the edit returns to the first declaration, so it is an edit only after the change.
    """

    type: str
    declare: Callable[[World], dict[str, Any]]
    told: Callable[[Aws, Made], dict[str, Any]]
    change: Callable[[World], dict[str, Any]]
    replaces: bool = False
    edit: Callable[[Aws, Made, World], Any] | None = None
    drifts: str = ""
    edited_after_change: bool = False
    outlives_deletion: bool = False
    confined: bool = False
    import_id: Callable[[Made], str] = field(default=lambda made: made.id)
