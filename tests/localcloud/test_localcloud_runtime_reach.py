"""A copy reaches the databases that the records let it reach, for as long as they do, and nothing else."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import make_root
from localcloud_runtime import Declared, Service, stored_app, wait_for

from factory import daemons

pytestmark = pytest.mark.engine

# Says what becomes of a PostgreSQL greeting that is sent to an address; `/hold` keeps one connection open.
APP = """
import http.server, json, os, socket, struct

held = []

def greet(address):
    host, port = address.split(":")
    try:
        connection = socket.create_connection((host, int(port)), 5)
        connection.sendall(struct.pack("!ii", 8, 80877103))
        connection.settimeout(5)
        return connection, connection.recv(1).decode()
    except OSError as error:
        return None, type(error).__name__

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path, _, query = self.path.partition("?")
        if path == "/hold":
            held.append(greet(query)[0])
        if path == "/held":
            held[0].settimeout(0.2)
            try:
                found = "ended" if held[0].recv(1) == b"" else "data"
            except TimeoutError:
                found = "open"
            except OSError:
                found = "ended"
            return self.say(found)
        self.say(greet(query)[1] if path == "/greet" else "here")

    def say(self, data):
        body = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
PG_ANSWER = "N"
REFUSED = {"ConnectionResetError", "ConnectionRefusedError"}


class Place:
    """A cloud with one database, a service that may reach it, and one that may not."""

    def __init__(self, cloud: Declared) -> None:
        self.cloud, self.ec2 = cloud, cloud.aws("ec2")
        cloud.subnets  # noqa: B018  makes the network
        self.open = self.group("open")
        self.closed = self.group("closed")
        self.database = self.group("database")
        self.let_in(self.open)
        rds = cloud.aws("rds")
        rds.create_db_subnet_group(DBSubnetGroupName="store", DBSubnetGroupDescription="store", SubnetIds=cloud.subnets)
        rds.create_db_instance(
            DBInstanceIdentifier="store",
            Engine="postgres",
            DBInstanceClass="db.t4g.small",
            AllocatedStorage=20,
            MasterUsername="app_owner",
            MasterUserPassword="only-for-this-test",
            DBSubnetGroupName="store",
            VpcSecurityGroupIds=[self.database],
        )
        wait_for(lambda: self.instance["DBInstanceStatus"] == "available")
        self.reader = self.service("reader", self.open)
        self.stranger = self.service("stranger", self.closed)

    @property
    def instance(self) -> dict[str, Any]:
        (found,) = self.cloud.aws("rds").describe_db_instances(DBInstanceIdentifier="store")["DBInstances"]
        return found

    @property
    def address(self) -> str:
        return f"{self.instance['Endpoint']['Address']}:{self.instance['Endpoint']['Port']}"

    def group(self, name: str) -> str:
        made = self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.cloud._vpc)
        return str(made["GroupId"])

    def _rule(self, group: str) -> dict[str, Any]:
        ends = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [{"GroupId": group}]}
        return {"GroupId": self.database, "IpPermissions": [ends]}

    def let_in(self, group: str) -> None:
        self.ec2.authorize_security_group_ingress(**self._rule(group))

    def keep_out(self, group: str) -> None:
        self.ec2.revoke_security_group_ingress(**self._rule(group))

    def service(self, name: str, group: str) -> Service:
        made = self.cloud.service(name)
        network = {"awsvpcConfiguration": {"subnets": self.cloud.subnets, "securityGroups": [group]}}
        made.update(networkConfiguration=network)
        return made.settled()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("reach")
    root = make_root(folder / "factory")
    digest = stored_app(root, folder / "app", APP)
    try:
        yield Place(Declared(daemons.ensure(root, "localcloud"), digest))
    finally:
        daemons.stop(root, "localcloud")


def greeted(service: Service, address: str) -> str:
    return str(service.get(f"/greet?{address}")[1])


def test_who_is_let_in_reaches_the_database_and_a_stranger_does_not(place: Place) -> None:
    assert wait_for(lambda: greeted(place.reader, place.address) == PG_ANSWER)
    assert greeted(place.stranger, place.address) in REFUSED


def test_a_rule_that_comes_opens_and_one_that_goes_ends_what_is_open(place: Place) -> None:
    place.let_in(place.closed)
    wait_for(lambda: greeted(place.stranger, place.address) == PG_ANSWER)
    place.stranger.get(f"/hold?{place.address}")
    assert place.stranger.get("/held")[1] == "open"
    place.keep_out(place.closed)
    wait_for(lambda: place.stranger.get("/held")[1] == "ended")
    assert greeted(place.stranger, place.address) in REFUSED
    # The one that was let in before still is.
    assert greeted(place.reader, place.address) == PG_ANSWER


def test_nothing_else_of_this_machine_is_reached(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        mine = f"127.0.0.1:{listener.getsockname()[1]}"
        door = place.cloud.run_file.addresses["http"].removeprefix("http://")
        for address in (mine, door, "127.0.0.1:5432", "127.128.0.99:5432"):
            assert greeted(place.reader, address) in REFUSED, address
        listener.settimeout(0.2)
        with pytest.raises(TimeoutError):
            listener.accept()


def test_a_worker_without_a_port_runs_and_is_well(place: Place) -> None:
    source = 'import time\nprint("works", flush=True)\nwhile True: time.sleep(1)\n'
    ecs = place.cloud.aws("ecs")
    ecs.create_cluster(clusterName="worker")
    worker = Service(place.cloud, "worker", "", "")
    definition = worker.define(portMappings=None, command=["python", "-c", source])
    network = {"awsvpcConfiguration": {"subnets": place.cloud.subnets, "securityGroups": [place.open]}}
    ecs.create_service(
        cluster="worker",
        serviceName="worker",
        taskDefinition=definition,
        desiredCount=2,
        launchType="FARGATE",
        networkConfiguration=network,
    )
    worker.settled()
    assert worker.primary["failedTasks"] == 0
    worker.update(desiredCount=0)
    wait_for(lambda: worker.told["runningCount"] == 0)
