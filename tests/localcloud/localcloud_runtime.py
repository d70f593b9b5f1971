"""An app that can misbehave on demand, and services of it as a user declares them, for tests of the local runtime."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from localcloud_door import ACCOUNT, REGION, boto

from factory import artefacts
from factory.daemons import RunFile
from factory.paths import FactoryRoot

# Standard library only. What it does is chosen by its environment and by what it is asked.
APP = """
import http.server, json, os, socket, sys, threading, time, uuid

SICK = threading.Event()
# Pids are the same in every namespace.
kept = []
COPY = uuid.uuid4().hex
print("begins", flush=True)
if os.environ.get("MOOD") == "exits":
    sys.exit(3)


def attempt(what):
    try:
        return str(what())
    except OSError as error:
        return type(error).__name__


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path, _, query = self.path.partition("?")
        if path == "/health":
            bad = SICK.is_set() or os.environ.get("MOOD") == "sick"
            return self.say({"ok": not bad}, 500 if bad else 200)
        if path == "/sicken":
            SICK.set()
        if path == "/die":
            os._exit(7)
        if path == "/slow":
            time.sleep(float(query))
        if path == "/eat":
            kept.append(bytearray(int(query) * 1024 * 1024))
        if path == "/fill":
            for number in range(int(query)):
                with open(f"/data/{number}", "wb") as file:
                    os.posix_fallocate(file.fileno(), 0, 200 * 1024 * 1024)
        if path == "/connect":
            return self.say(attempt(lambda: socket.create_connection(("127.0.0.1", int(query)), 2)))
        if path == "/read":
            return self.say(attempt(lambda: open(query, "rb").read(20)))
        if path == "/write":
            return self.say(attempt(lambda: open(query, "w").write("x")))
        if path == "/list":
            return self.say(attempt(lambda: sorted(os.listdir(query))))
        self.say({"version": os.environ.get("VERSION"), "copy": COPY, "secret": os.environ.get("SIGNING_KEY")})

    def say(self, data, status=200):
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
COMMAND = ["python", "app.py"]
SECONDS = 30.0


def stored_app(root: FactoryRoot, folder: Path, source: str = APP) -> str:
    """The app in the factory's store; its digest."""
    folder.mkdir(parents=True)
    (folder / "app.py").write_text(source)
    return artefacts.store(root, folder)


def wait_for(condition: Callable[[], Any], seconds: float = SECONDS) -> Any:
    """What `condition` returns once it is true; fails when it does not become so."""
    deadline = time.monotonic() + seconds
    last = None
    while time.monotonic() < deadline:
        if last := condition():
            return last
        time.sleep(0.05)
    raise AssertionError(f"did not happen within {seconds} s")


def answer(url: str, host: str = "", timeout: float = 10, **headers: str) -> tuple[int, Any]:
    """Status and JSON of a GET."""
    request = urllib.request.Request(url, headers=({"Host": host} if host else {}) | headers)  # noqa: S310  loopback
    try:
        with urllib.request.urlopen(request, timeout=timeout) as got:  # noqa: S310  as above
            return got.status, json.load(got)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@dataclass
class Declared:
    """A running cloud in which services are declared by boto3, as any user would."""

    run_file: RunFile
    digest: str
    account: str = ACCOUNT
    region: str = REGION
    _subnets: list[str] = field(default_factory=list)

    def aws(self, service: str) -> Any:
        return boto(self.run_file, service, self.account, self.region)

    def service(self, name: str, replicas: int = 1, **container: Any) -> "Service":
        """A balancer, a target group, a listener and a service, each with this name."""
        elb, ecs = self.aws("elbv2"), self.aws("ecs")
        balancer = elb.create_load_balancer(Name=name, Subnets=self.subnets)["LoadBalancers"][0]
        group = elb.create_target_group(
            Name=name, Protocol="HTTP", Port=8080, VpcId=self._vpc, TargetType="ip", HealthCheckPath="/health"
        )["TargetGroups"][0]["TargetGroupArn"]
        actions = [{"Type": "forward", "TargetGroupArn": group}]
        elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=80, DefaultActions=actions
        )
        ecs.create_cluster(clusterName=name)
        made = Service(self, name, balancer["DNSName"], group)
        ecs.create_service(
            cluster=name,
            serviceName=name,
            taskDefinition=made.define(**container),
            desiredCount=replicas,
            launchType="FARGATE",
            loadBalancers=[{"targetGroupArn": group, "containerName": "web", "containerPort": 8080}],
            networkConfiguration={"awsvpcConfiguration": {"subnets": self.subnets, "securityGroups": []}},
        )
        breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
        ecs.update_service(cluster=name, service=name, deploymentConfiguration=breaker)
        return made

    @property
    def subnets(self) -> list[str]:
        if not self._subnets:
            ec2 = self.aws("ec2")
            self._vpc = ec2.create_vpc(CidrBlock="10.40.0.0/16")["Vpc"]["VpcId"]
            for number, zone in enumerate("ab"):
                made = ec2.create_subnet(
                    VpcId=self._vpc, CidrBlock=f"10.40.{number}.0/24", AvailabilityZone=f"{self.region}{zone}"
                )
                self._subnets.append(made["Subnet"]["SubnetId"])
        return self._subnets

    @property
    def ingress(self) -> str:
        return self.run_file.addresses["ingress"]

    def processes(self) -> list[psutil.Process]:
        """Everything that the daemon has started."""
        return psutil.Process(self.run_file.pid).children(recursive=True)


@dataclass
class Service:
    """One declared service, and what the cloud tells of it."""

    cloud: Declared
    name: str
    address: str
    group: str

    def define(self, environment: dict[str, str] | None = None, **container: Any) -> str:
        """Register a task definition; its ARN."""
        declared = {
            "name": "web",
            "image": f"registry.invalid/web@{self.cloud.digest}",
            "command": COMMAND,
            "portMappings": [{"containerPort": 8080}],
            "environment": [{"name": key, "value": value} for key, value in (environment or {}).items()],
        } | container
        made = self.cloud.aws("ecs").register_task_definition(
            family=self.name,
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[{key: value for key, value in declared.items() if value is not None}],
        )
        return str(made["taskDefinition"]["taskDefinitionArn"])

    def update(self, **changes: Any) -> dict[str, Any]:
        """Change the record; the service as the answer tells it."""
        return self.cloud.aws("ecs").update_service(cluster=self.name, service=self.name, **changes)["service"]

    def delete(self) -> None:
        self.cloud.aws("ecs").delete_service(cluster=self.name, service=self.name, force=True)

    @property
    def told(self) -> dict[str, Any]:
        """DescribeServices."""
        return self.cloud.aws("ecs").describe_services(cluster=self.name, services=[self.name])["services"][0]

    @property
    def primary(self) -> dict[str, Any]:
        return self.told["deployments"][0]

    def tasks(self, status: str = "RUNNING") -> list[dict[str, Any]]:
        """DescribeTasks of those that ListTasks names."""
        ecs = self.cloud.aws("ecs")
        arns = ecs.list_tasks(cluster=self.name, serviceName=self.name, desiredStatus=status)["taskArns"]
        return ecs.describe_tasks(cluster=self.name, tasks=arns)["tasks"] if arns else []

    @property
    def targets(self) -> list[dict[str, Any]]:
        """DescribeTargetHealth, less the addresses."""
        found = self.cloud.aws("elbv2").describe_target_health(TargetGroupArn=self.group)
        return [target["TargetHealth"] for target in found["TargetHealthDescriptions"]]

    @property
    def states(self) -> list[str]:
        return sorted(target["State"] for target in self.targets)

    @property
    def events(self) -> list[str]:
        return [event["message"] for event in self.told["events"]]

    def get(self, path: str = "/", timeout: float = 10) -> tuple[int, Any]:
        """Ask it through the ingress."""
        return answer(f"{self.cloud.ingress}{path}", self.address, timeout)

    def settled(self) -> "Service":
        """Wait until what is declared runs."""

        def done() -> bool:
            told = self.told
            rolled = told["deployments"][0]["rolloutState"] == "COMPLETED" and len(told["deployments"]) == 1
            return rolled and told["runningCount"] == told["desiredCount"] == len(self.tasks())

        wait_for(done)
        return self
