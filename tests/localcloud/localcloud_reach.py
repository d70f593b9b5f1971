"""An app that tries what it is told to, and the networks, services and databases around it, declared by boto3."""

import json
import urllib.parse
from dataclasses import dataclass
from typing import Any

from localcloud_runtime import COMMAND, Declared, answer, wait_for

PASSWORD = "first-password"
# pg8000 and boto3 are in the environment that is bound into every sandbox.
APP = """
import http.server, json, os, socket, urllib.parse

kept = {}


def connect(address, port):
    socket.create_connection((address, port), 5).close()
    return "connected"


def query(address, port, user="clerk", password="first-password"):
    from pg8000.native import Connection

    with Connection(user, host=address, port=port, database="orders", password=password, timeout=10) as db:
        return db.run("SELECT current_user")[0][0]


def keep(address, port):
    from pg8000.native import Connection

    kept["db"] = Connection("clerk", host=address, port=port, database="orders", password="first-password", timeout=10)
    return "kept"


def kept_one():
    return kept["db"].run("SELECT 7")[0][0]


def line(text):
    with socket.socket(socket.AF_UNIX) as way:
        way.settimeout(10)
        way.connect("/run/way/s")
        way.sendall(text.encode() + b"\\n")
        return way.recv(200).decode()


def listed(folder):
    return sorted(os.listdir(folder))


def environ(name):
    return os.environ.get(name)


def aws(service, call, arguments=None, **client):
    import boto3, botocore.config, botocore.exceptions

    config = botocore.config.Config(retries={"total_max_attempts": 1}, read_timeout=20, connect_timeout=5)
    try:
        answer = getattr(boto3.client(service, config=config, **client), call)(**(arguments or {}))
    except botocore.exceptions.ClientError as error:
        return [error.response["ResponseMetadata"]["HTTPStatusCode"], str(error)]
    except botocore.exceptions.EndpointConnectionError:
        return [0, "EndpointConnectionError"]
    answer.pop("ResponseMetadata")
    if "Body" in answer:
        answer["Body"] = answer["Body"].read().decode()
    return [200, json.loads(json.dumps(answer, default=str))]


def raw(text):
    with socket.create_connection(("127.255.0.1", 4443), 5) as door:
        door.settimeout(20)
        door.sendall(text.encode("latin-1"))
        answer = b""
        while part := door.recv(65536):
            answer += part
        return answer.decode("latin-1")


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path, _, asked = self.path.partition("?")
        answer = {"ok": True}
        if path != "/health":
            what, words, named = json.loads(urllib.parse.unquote(asked))
            try:
                answer = globals()[what](*words, **named)
            except Exception as error:
                answer = type(error).__name__
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


@dataclass
class Network:
    """A VPC of 10.<number>.0.0/16 with two subnets."""

    cloud: Declared
    number: int

    def __post_init__(self) -> None:
        ec2 = self.cloud.aws("ec2")
        self.vpc = ec2.create_vpc(CidrBlock=f"10.{self.number}.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [
            ec2.create_subnet(
                VpcId=self.vpc,
                CidrBlock=f"10.{self.number}.{index}.0/24",
                AvailabilityZone=f"{self.cloud.region}{zone}",
            )["Subnet"]["SubnetId"]
            for index, zone in enumerate("ab")
        ]

    def group(self, name: str) -> str:
        """A security group: everything out, nothing in."""
        made = self.cloud.aws("ec2").create_security_group(GroupName=name, Description=name, VpcId=self.vpc)
        return str(made["GroupId"])

    def admit(self, group: str, port: int, source: str) -> str:
        """Let a group or a range in at a port; the id of the rule."""
        permission: dict[str, Any] = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port}
        if source.startswith("sg-"):
            permission["UserIdGroupPairs"] = [{"GroupId": source}]
        else:
            permission["IpRanges"] = [{"CidrIp": source}]
        made = self.cloud.aws("ec2").authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
        return str(made["SecurityGroupRules"][0]["SecurityGroupRuleId"])

    def refuse(self, group: str, rule: str) -> None:
        """Take a rule away."""
        self.cloud.aws("ec2").revoke_security_group_ingress(GroupId=group, SecurityGroupRuleIds=[rule])

    def database(self, name: str, *groups: str, wait: bool = True) -> tuple[str, int]:
        """An RDS instance; its address and port."""
        rds = self.cloud.aws("rds")
        rds.create_db_subnet_group(DBSubnetGroupName=name, DBSubnetGroupDescription=name, SubnetIds=self.subnets)
        rds.create_db_instance(
            DBInstanceIdentifier=name,
            Engine="postgres",
            DBInstanceClass="db.t4g.micro",
            AllocatedStorage=20,
            DBName="orders",
            MasterUsername="clerk",
            MasterUserPassword=PASSWORD,
            DBSubnetGroupName=name,
            VpcSecurityGroupIds=list(groups),
        )
        if wait:
            wait_for(lambda: self.status(name) == "available")
        (told,) = rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
        return told["Endpoint"]["Address"], int(told["Endpoint"]["Port"])

    def status(self, name: str) -> str:
        (told,) = self.cloud.aws("rds").describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
        return str(told["DBInstanceStatus"])

    def app(self, name: str, *groups: str, role: str | None = None) -> "App":
        """A served copy of the app with these security groups, as a role."""
        elb = self.cloud.aws("elbv2")
        balancer = elb.create_load_balancer(Name=name, Subnets=self.subnets)["LoadBalancers"][0]
        group = elb.create_target_group(
            Name=name, Protocol="HTTP", Port=8080, VpcId=self.vpc, TargetType="ip", HealthCheckPath="/health"
        )["TargetGroups"][0]["TargetGroupArn"]
        elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
        )
        target = {"targetGroupArn": group, "containerName": "web", "containerPort": 8080}
        self.service(name, *groups, balancers=[target], role=role, portMappings=[{"containerPort": 8080}])
        made = App(self.cloud, name, balancer["DNSName"])
        wait_for(lambda: made.running == 1)
        wait_for(lambda: answer(f"{self.cloud.ingress}/health", made.host)[0] == 200)
        return made

    def service(self, name: str, *groups: str, balancers: Any = (), role: str | None = None, **container: Any) -> None:
        """A cluster and in it a service of one copy, each with this name."""
        ecs = self.cloud.aws("ecs")
        ecs.create_cluster(clusterName=name)
        declared = {"name": "web", "image": f"registry.invalid/web@{self.cloud.digest}", "command": COMMAND}
        definition = ecs.register_task_definition(
            family=name,
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[declared | container],
            **({"taskRoleArn": role} if role else {}),
        )["taskDefinition"]["taskDefinitionArn"]
        network = {"subnets": self.subnets, "securityGroups": list(groups)}
        ecs.create_service(
            cluster=name,
            serviceName=name,
            taskDefinition=definition,
            desiredCount=1,
            launchType="FARGATE",
            loadBalancers=list(balancers),
            networkConfiguration={"awsvpcConfiguration": network},
        )


@dataclass
class App:
    """One running copy, asked through the ingress."""

    cloud: Declared
    name: str
    host: str

    def __call__(self, what: str, *words: Any, **named: Any) -> Any:
        asked = urllib.parse.quote(json.dumps([what, words, named]))
        status, told = answer(f"{self.cloud.ingress}/do?{asked}", self.host, timeout=60)
        assert status == 200, told
        return told

    @property
    def running(self) -> int:
        told = self.cloud.aws("ecs").describe_services(cluster=self.name, services=[self.name])["services"][0]
        return int(told["runningCount"])

    @property
    def tasks(self) -> list[str]:
        return sorted(self.cloud.aws("ecs").list_tasks(cluster=self.name, serviceName=self.name)["taskArns"])
