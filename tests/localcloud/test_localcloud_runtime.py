"""What ECS records declare, runs: sandboxed processes behind the ingress, and their status in the cloud's own API."""

import json
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest
from localcloud_runtime import Declared, wait_for

from factory import daemons
from factory.paths import FactoryRoot
from localcloud.runtime.plan import BACK_OFF_SECONDS

pytestmark = pytest.mark.engine
SECRET = "correct-horse-battery-staple"


def test_a_declared_service_is_served_under_the_balancers_name(declared: Declared) -> None:
    service = declared.service("served", replicas=2, environment={"VERSION": "one"}).settled()
    status, body = service.get()
    assert (status, body["version"], body["secret"]) == (200, "one", None)
    assert len({service.get()[1]["copy"] for _ in range(30)}) == 2
    assert service.states == ["healthy", "healthy"]
    assert [task["lastStatus"] for task in service.tasks()] == ["RUNNING", "RUNNING"]
    assert {task["healthStatus"] for task in service.tasks()} == {"HEALTHY"}
    assert any("steady state" in event for event in service.events)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_needs_nothing_but_the_dns_name(declared: Declared) -> None:
    service = declared.service("curled").settled()
    ran = subprocess.run(
        [str(shutil.which("curl")), "--silent", "--fail", "--max-time", "10", f"http://{service.address}/health"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(ran.stdout) == {"ok": True}


def test_a_service_of_the_same_name_elsewhere_is_another_one(declared: Declared) -> None:
    here = declared.service("twin", environment={"VERSION": "here"}).settled()
    for account, region in (("123456789012", "us-east-1"), ("111122223333", "eu-central-1")):
        other = Declared(declared.run_file, declared.digest, account, region)
        there = other.service("twin", environment={"VERSION": f"{account} {region}"}).settled()
        assert there.address != here.address
        assert there.get()[1]["version"] == f"{account} {region}"
    assert here.get()[1]["version"] == "here"


def test_processes_follow_the_desired_count(declared: Declared) -> None:
    service = declared.service("scaled").settled()
    for wanted in (3, 1, 0):
        told = service.update(desiredCount=wanted)
        assert told["desiredCount"] == wanted
        wait_for(lambda wanted=wanted: len(service.tasks()) == wanted and service.states == ["healthy"] * wanted)
        assert service.told["runningCount"] == wanted
    assert service.get()[0] == 503
    stopped = service.tasks("STOPPED")
    wait_for(lambda: {task["lastStatus"] for task in service.tasks("STOPPED")} == {"STOPPED"})
    assert {task["stopCode"] for task in stopped} == {"ServiceSchedulerInitiated"}
    service.update(desiredCount=1)
    wait_for(lambda: service.get()[0] == 200)


def test_an_update_is_told_as_under_way_in_its_own_answer(declared: Declared) -> None:
    service = declared.service("atomic").settled()
    told = service.update(taskDefinition=service.define(environment={"VERSION": "next"}))
    states = [(each["status"], each["rolloutState"]) for each in told["deployments"]]
    assert states == [("PRIMARY", "IN_PROGRESS"), ("ACTIVE", "COMPLETED")]
    assert service.settled().get()[1]["version"] == "next"


def test_a_new_revision_replaces_the_old_one_without_a_failed_request(declared: Declared) -> None:
    service = declared.service("rolled", replicas=2, environment={"VERSION": "0"}).settled()
    seen: list[tuple[int, str]] = []
    over = threading.Event()

    def hammer() -> None:
        while not over.is_set():
            status, body = service.get("/slow?0.05")
            seen.append((status, str(body.get("version") or body)))

    hammers = [threading.Thread(target=hammer) for _ in range(4)]
    for thread in hammers:
        thread.start()
    try:
        for version in ("1", "2"):
            service.update(taskDefinition=service.define(environment={"VERSION": version}))
            service.settled()
            time.sleep(0.5)
    finally:
        over.set()
        for thread in hammers:
            thread.join()
    assert {status for status, _ in seen} == {200}, seen
    assert list(dict.fromkeys(version for _, version in seen)) == ["0", "1", "2"]


@pytest.mark.parametrize(("mood", "said"), [("exits", "exit code 3"), ("sick", "not healthy")])
def test_a_bad_revision_fails_and_the_old_one_keeps_serving(declared: Declared, mood: str, said: str) -> None:
    service = declared.service(f"kept-{mood}", environment={"VERSION": "good"}).settled()
    bad = service.define(environment={"VERSION": "bad", "MOOD": mood})
    service.update(taskDefinition=bad)
    wait_for(lambda: service.primary["rolloutState"] == "FAILED")
    failed = service.primary
    assert failed["taskDefinition"] == bad
    assert said in failed["rolloutStateReason"]
    assert "circuit breaker" in failed["rolloutStateReason"]
    assert failed["failedTasks"] >= 1
    wait_for(lambda: [each["runningCount"] for each in service.told["deployments"]] == [0, 1])
    assert service.get()[1]["version"] == "good"
    # The declaration itself is the user's: a refresh must not find it changed.
    assert service.told["taskDefinition"] == bad
    # What keeps serving is kept.
    service.get("/sicken")
    wait_for(lambda: service.states == ["healthy"] and service.get()[0] == 200)
    service.update(taskDefinition=service.define(environment={"VERSION": "mended"}))
    assert service.settled().get()[1]["version"] == "mended"


def test_going_back_to_what_still_runs_starts_nothing(declared: Declared) -> None:
    service = declared.service("back", environment={"VERSION": "good"}).settled()
    good, before = service.primary["taskDefinition"], service.get()[1]["copy"]
    tasks = {task["taskArn"] for task in service.tasks()}
    service.update(taskDefinition=service.define(environment={"MOOD": "exits"}))
    wait_for(lambda: service.primary["rolloutState"] == "FAILED")
    service.update(taskDefinition=good)
    service.settled()
    assert {task["taskArn"] for task in service.tasks()} == tasks
    assert service.get()[1]["copy"] == before


def test_a_crash_is_told_and_mended(declared: Declared) -> None:
    service = declared.service("crashed").settled()
    (first,) = service.tasks()
    assert service.get("/die")[0] == 502
    wait_for(lambda: service.tasks("STOPPED"))
    wait_for(lambda: len(service.tasks()) == 1 and service.get()[0] == 200)
    (second,) = service.tasks()
    (stopped,) = service.tasks("STOPPED")
    assert second["taskArn"] != first["taskArn"] == stopped["taskArn"]
    assert stopped["stopCode"] == "EssentialContainerExited"
    assert "exit code 7" in stopped["stoppedReason"]
    assert stopped["containers"][0]["exitCode"] == 7


def test_a_crash_loop_without_breaker_is_told_and_slows_down(declared: Declared) -> None:
    service = declared.service("looping", environment={"MOOD": "exits"})
    off = {"deploymentCircuitBreaker": {"enable": False, "rollback": False}}
    began = time.monotonic()
    service.update(deploymentConfiguration=off, forceNewDeployment=True)
    wait_for(lambda: service.primary["failedTasks"] >= 5)
    # At least the pauses after the first four, however fast or busy the machine is.
    assert time.monotonic() - began > sum(BACK_OFF_SECONDS * 2**count for count in range(4))
    assert service.primary["rolloutState"] == "IN_PROGRESS"
    assert service.told["runningCount"] == 0 or len(service.tasks()) == 1
    assert any("exit code 3" in event for event in service.events)
    assert service.get()[0] == 503


def test_an_unhealthy_copy_gets_no_traffic_and_is_replaced(declared: Declared) -> None:
    service = declared.service("sickened", replicas=2).settled()
    sick = service.get("/sicken")[1]["copy"]
    told = wait_for(lambda: [each for each in service.targets if each["State"] == "unhealthy"])
    assert told[0]["Reason"] == "Target.ResponseCodeMismatch"
    assert "500" in told[0]["Description"]
    assert sick not in {service.get()[1]["copy"] for _ in range(20)}
    wait_for(lambda: any("health checks" in task["stoppedReason"] for task in service.tasks("STOPPED")))
    wait_for(lambda: service.states == ["healthy", "healthy"])
    assert service.told["runningCount"] == 2


def test_a_copy_that_takes_more_memory_than_declared_is_ended(declared: Declared) -> None:
    service = declared.service("hungry").settled()
    assert service.get("/eat?200")[0] == 200
    time.sleep(1.5)
    assert service.tasks("STOPPED") == []
    service.get("/eat?400")
    wait_for(lambda: service.tasks("STOPPED"))
    assert "OutOfMemoryError" in service.tasks("STOPPED")[0]["stoppedReason"]
    wait_for(lambda: service.states == ["healthy"])


def test_a_copy_whose_data_grows_over_the_limit_is_ended_for_a_named_reason(declared: Declared) -> None:
    service = declared.service("filling").settled()
    assert service.get("/fill?2")[0] == 200
    time.sleep(1.0)
    assert service.tasks("STOPPED") == []
    service.get("/fill?6")
    wait_for(lambda: service.tasks("STOPPED"))
    assert "DiskLimitExceeded" in service.tasks("STOPPED")[0]["stoppedReason"]
    wait_for(lambda: service.states == ["healthy"])


def test_stop_task_ends_the_process_and_the_service_starts_another(declared: Declared) -> None:
    service = declared.service("stopped").settled()
    (task,) = service.tasks()
    declared.aws("ecs").stop_task(cluster="stopped", task=task["taskArn"], reason="by hand")
    wait_for(lambda: [each["taskArn"] for each in service.tasks()] not in ([], [task["taskArn"]]))
    (stopped,) = service.tasks("STOPPED")
    assert (stopped["stopCode"], stopped["stoppedReason"]) == ("UserInitiated", "by hand")


def test_a_deleted_service_leaves_nothing(declared: Declared, runtime_root: FactoryRoot) -> None:
    service = declared.service("deleted", replicas=2).settled()
    folder = runtime_root.state / "services"
    ids = {task["taskArn"].rpartition("/")[2] for task in service.tasks()}
    assert all((folder / id / "data").is_dir() for id in ids)
    running = len(declared.processes())
    service.delete()
    wait_for(lambda: not ids & {path.name for path in folder.iterdir()})
    wait_for(lambda: len(declared.processes()) < running)
    wait_for(lambda: service.states == [])
    assert service.told["runningCount"] == 0
    assert service.get()[0] == 503


@pytest.mark.parametrize(
    ("container", "said"),
    [
        ({"command": None}, "declares no command"),
        ({"image": "registry.invalid/web:latest"}, "not named by digest"),
        ({"image": "registry.invalid/web@sha256:" + "0" * 64}, "no artefact sha256:000"),
        ({"secrets": [{"name": "X", "valueFrom": "arn:aws:ssm:eu-central-1:123456789012:parameter/x"}]}, "Secrets Man"),
        ({"portMappings": []}, "exactly one container port"),
    ],
)
def test_what_cannot_run_here_is_told_by_name(
    declared: Declared, container: dict[str, object], said: str, request: pytest.FixtureRequest
) -> None:
    service = declared.service(f"refused-{request.node.callspec.indices['container']}", **container)
    wait_for(lambda: service.primary["rolloutState"] == "FAILED")
    (stopped,) = service.tasks("STOPPED")
    assert stopped["stoppedReason"].startswith("ResourceInitializationError: ")
    assert said in stopped["stoppedReason"]
    assert stopped["stopCode"] == "TaskFailedToStart"
    assert any(said in event for event in service.events)
    assert service.get()[0] == 503
    time.sleep(1)
    assert len(service.tasks("STOPPED")) == 1


def test_a_secret_reaches_the_app_and_nothing_that_is_told(declared: Declared, runtime_root: FactoryRoot) -> None:
    arn = declared.aws("secretsmanager").create_secret(Name="told/nowhere", SecretString=SECRET)["ARN"]
    service = declared.service("secretive", secrets=[{"name": "SIGNING_KEY", "valueFrom": arn}]).settled()
    assert service.get()[1]["secret"] == SECRET
    told = json.dumps([service.told, service.tasks(), service.targets], default=str)
    status = daemons.call(declared.run_file, "status")
    written = "".join(
        path.read_text(errors="replace")
        for path in runtime_root.state.rglob("*")
        # The local Secrets Manager's own state holds it, of course, and only its owner can read that.
        if path.is_file() and path.suffix != ".db" and runtime_root.local_cloud not in path.parents
    )
    assert arn in json.dumps(service.cloud.aws("ecs").describe_task_definition(taskDefinition="secretive"), default=str)
    for place in (told, json.dumps(status), written):
        assert SECRET not in place


def test_a_missing_secret_is_told_without_a_start(declared: Declared) -> None:
    arn = declared.aws("secretsmanager").create_secret(Name="valueless")["ARN"]
    service = declared.service("waiting", secrets=[{"name": "SIGNING_KEY", "valueFrom": arn}])
    wait_for(lambda: service.primary["rolloutState"] == "FAILED")
    assert {task["stopCode"] for task in service.tasks("STOPPED")} == {"TaskFailedToStart"}
    assert all("unable to read the secret" in task["stoppedReason"] for task in service.tasks("STOPPED"))


def test_a_copy_reaches_neither_the_daemon_nor_the_host(declared: Declared, runtime_root: FactoryRoot) -> None:
    service = declared.service("confined").settled()
    for door in ("ingress", "http", "provider"):
        port = int(declared.run_file.addresses[door].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), 5):
            pass
        assert service.get(f"/connect?{port}") == (200, "ConnectionRefusedError")
    for path in (runtime_root.settings_file, runtime_root.run / "localcloud.json", Path(__file__)):
        assert path.read_bytes()
        assert service.get(f"/read?{path}") == (200, "FileNotFoundError")
    assert service.get("/write?/app/app.py")[1] == "OSError"
    assert service.get("/write?/data/kept") == (200, "1")
    # Its own door only: another copy's socket would be another app's.
    assert service.get("/list?/run/door") == (200, "['s']")


def test_what_a_copy_prints_is_in_its_log_group(declared: Declared) -> None:
    logs = declared.aws("logs")
    logs.create_log_group(logGroupName="/millwright/printing")
    options = {"awslogs-group": "/millwright/printing", "awslogs-region": declared.region, "awslogs-stream-prefix": "p"}
    configuration = {"logDriver": "awslogs", "options": options}
    service = declared.service("printing", environment={"MOOD": "exits"}, logConfiguration=configuration)
    wait_for(lambda: service.primary["rolloutState"] == "FAILED")
    task = service.tasks("STOPPED")[0]["taskArn"].rpartition("/")[2]
    events = wait_for(
        lambda: logs.get_log_events(logGroupName="/millwright/printing", logStreamName=f"p/web/{task}")["events"]
    )
    assert [event["message"] for event in events] == ["begins"]


def test_status_names_the_ingress_and_what_runs(declared: Declared) -> None:
    declared.service("listed").settled()
    status = daemons.call(declared.run_file, "status")
    assert status["addresses"]["ingress"] == declared.ingress
    (task,) = [task for task in status["tasks"] if task["service"].endswith("/listed/listed")]
    assert (task["status"], task["health"]) == ("RUNNING", "healthy")
