"""A service without a port and a balancer is a worker: it runs, counts as healthy while it does, and is kept."""

from collections.abc import Iterator

import pytest
from localcloud_reach import Network
from localcloud_runtime import Declared, stored_app, wait_for

from factory import daemons
from factory.egress_service import ENTRY_POINT, REPOSITORY
from factory.paths import FactoryRoot

pytestmark = pytest.mark.engine
APP = """
import os, signal, sys, time

def ends(*_):
    print("asked to stop", flush=True)
    sys.exit(0)

signal.signal(signal.SIGTERM, ends)
print("works without", "PORT" in os.environ, os.path.exists("/run/door"), flush=True)
while True:
    if os.environ.get("MOOD") == "exits":
        sys.exit(3)
    time.sleep(0.1)
"""


@pytest.fixture(scope="module")
def network(runtime_root: FactoryRoot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    digest = stored_app(runtime_root, tmp_path_factory.mktemp("worker") / "source", APP)
    try:
        yield Network(Declared(daemons.ensure(runtime_root, "localcloud"), digest), 52)
    finally:
        daemons.stop(runtime_root, "localcloud")
    assert "Traceback" not in (runtime_root.logs / "localcloud.log").read_text()


def logged(network: Network, name: str) -> dict[str, object]:
    network.cloud.aws("logs").create_log_group(logGroupName=f"/{name}")
    options = {"awslogs-group": f"/{name}", "awslogs-region": network.cloud.region, "awslogs-stream-prefix": "w"}
    return {"logDriver": "awslogs", "options": options}


def said(network: Network, name: str) -> list[str]:
    found = network.cloud.aws("logs").filter_log_events(logGroupName=f"/{name}")["events"]
    return [event["message"] for event in found]


def primary(network: Network, name: str) -> dict[str, object]:
    told = network.cloud.aws("ecs").describe_services(cluster=name, services=[name])["services"][0]
    return dict(told["deployments"][0])


def tasks(network: Network, name: str, status: str = "RUNNING") -> list[dict[str, object]]:
    ecs = network.cloud.aws("ecs")
    arns = ecs.list_tasks(cluster=name, serviceName=name, desiredStatus=status)["taskArns"]
    return list(ecs.describe_tasks(cluster=name, tasks=arns)["tasks"]) if arns else []


def test_a_worker_runs_and_its_rollout_completes(network: Network) -> None:
    network.service("works", logConfiguration=logged(network, "works"))
    wait_for(lambda: primary(network, "works")["rolloutState"] == "COMPLETED")
    assert [task["lastStatus"] for task in tasks(network, "works")] == ["RUNNING"]
    wait_for(lambda: said(network, "works") == ["works without False False"])
    status = daemons.call(network.cloud.run_file, "status")
    (seen,) = [task for task in status["tasks"] if task["service"].endswith("/works/works")]
    assert (seen["status"], seen["health"]) == ("RUNNING", "healthy")


def test_a_worker_that_is_scaled_away_is_asked_to_stop(network: Network) -> None:
    network.service("leaves", logConfiguration=logged(network, "leaves"))
    wait_for(lambda: said(network, "leaves"))
    network.cloud.aws("ecs").update_service(cluster="leaves", service="leaves", desiredCount=0)
    wait_for(lambda: said(network, "leaves")[1:] == ["asked to stop"])
    (stopped,) = wait_for(lambda: tasks(network, "leaves", "STOPPED"))
    assert stopped["stopCode"] == "ServiceSchedulerInitiated"


def test_a_worker_that_ends_is_told_and_started_again(network: Network) -> None:
    network.service("ends", environment=[{"name": "MOOD", "value": "exits"}])
    wait_for(lambda: len(tasks(network, "ends", "STOPPED")) >= 2)
    assert all("exit code 3" in str(task["stoppedReason"]) for task in tasks(network, "ends", "STOPPED"))
    assert primary(network, "ends")["rolloutState"] == "IN_PROGRESS"


def test_the_egress_proxy_of_a_network_is_not_run_here_and_that_is_said(network: Network) -> None:
    image = f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/{REPOSITORY}@sha256:{'ab' * 32}"
    network.service("proxy", image=image, entryPoint=list(ENTRY_POINT), command=["{}"])
    wait_for(lambda: primary(network, "proxy")["rolloutState"] == "COMPLETED")
    told = network.cloud.aws("ecs").describe_services(cluster="proxy", services=["proxy"])["services"][0]
    assert (told["desiredCount"], told["runningCount"], told["pendingCount"]) == (1, 0, 0)
    assert str(primary(network, "proxy")["rolloutStateReason"]).startswith("not run locally: ")
    assert any("not run locally: " in event["message"] for event in told["events"])
    assert tasks(network, "proxy") == tasks(network, "proxy", "STOPPED") == []
    # The same image and anything else in it is tried, and told as what it is.
    network.service("other", image=image, entryPoint=["python"], command=["{}"])
    (stopped,) = wait_for(lambda: tasks(network, "other", "STOPPED"))
    assert "takes no entryPoint" in str(stopped["stoppedReason"])
