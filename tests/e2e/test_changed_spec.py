"""Every field of app.yaml can be changed on a standing environment, and the cloud follows."""

import contextlib
import socket
import ssl

import pytest
from e2e_place import Place, wait_for

from factory import daemons, demo_people
from factory.errors import ExitCode
from factory.settings import Settings

pytestmark = [pytest.mark.e2e, pytest.mark.long]


def change(place: Place, *pairs: tuple[str, str]) -> None:
    text = place.app_yaml.read_text()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    place.app_yaml.write_text(text)


def update(place: Place, environment: str) -> dict:
    ran = place.millwright("up", "links", environment, "--json")
    assert ran.code == 0, ran.out + ran.err
    return ran.documents[-1]["result"]


def assert_nothing_is_left_to_do(place: Place, environment: str) -> None:
    assert place.pulumi("preview", "--expect-no-changes", "-s", f"links-{environment}").code == 0


def assert_served_over_tls(place: Place, name: str) -> None:
    """The ingress shows a certificate for the name, signed by the factory's own authority."""
    port = int(daemons.ensure(place.root, daemons.LOCAL_CLOUD).addresses["ingress-tls"].rpartition(":")[2])
    context = ssl.create_default_context(cafile=str(place.root.state / "local-ca" / "ca.pem"))

    def shown() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 10) as connection:
            return context.wrap_socket(connection, server_hostname=name).version() in {"TLSv1.2", "TLSv1.3"}
        return False

    wait_for(shown)


def test_a_services_port_moves_with_its_targets_and_rules_and_a_domain_brings_tls(place: Place) -> None:
    update(place, "staging")
    change(
        place,
        ("port: 8080", "port: 9090"),
        ("health: /health", "health: /ready\n    domain: links.example.com"),
        ("replicas: 1", "replicas: 3"),
    )
    update(place, "staging")
    assert_nothing_is_left_to_do(place, "staging")
    elb = place.cloud.client("elbv2")
    (group,) = elb.describe_target_groups()["TargetGroups"]
    assert (group["Port"], group["HealthCheckPath"]) == (9090, "/ready")
    (balancer,) = elb.describe_load_balancers()["LoadBalancers"]
    listeners = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    plain, secure = sorted(listeners, key=lambda each: int(each["Port"]))
    assert secure["DefaultActions"][0]["TargetGroupArn"] == group["TargetGroupArn"]
    assert (plain["DefaultActions"][0]["Type"], secure["Protocol"]) == ("redirect", "HTTPS")
    assert_served_over_tls(place, "staging.links.example.com")
    ecs = place.cloud.client("ecs")
    (service,) = ecs.describe_services(cluster="links-staging-web", services=["links-staging-web"])["services"]
    assert service["desiredCount"] == 3


def test_a_queue_that_comes_replaces_nothing_that_others_reach(place: Place) -> None:
    change(place, ("databases:", "queues:\n  jobs: {}\ndatabases:"))
    previewed = place.millwright("preview", "links", "staging", "--json")
    assert previewed.code == 0, previewed.out + previewed.err
    steps = previewed.documents[-1]["result"]["steps"]
    assert "links-staging-jobs" in {step["name"] for step in steps if step["action"] == "create"}
    replaced = {step["type"] for step in steps if "replace" in step["action"] or "delete" in step["action"]}
    assert replaced <= {"aws:ecs/taskDefinition:TaskDefinition"}
    change(place, ("queues:\n  jobs: {}\ndatabases:", "databases:"))


def test_agents_secrets_and_owner_change_in_place(place: Place) -> None:
    update(place, "build")
    change(
        place,
        ("cpu: 1024\n    memory: 2048", "cpu: 512\n    memory: 2048"),
        ("  code-reviewer: {}", "  tester: {}"),
        ("  signing-key:", "  partner-token: {}\n  signing-key:"),
        ("owner: web-team", "owner: links-team"),
    )
    result = update(place, "build")
    assert_nothing_is_left_to_do(place, "build")
    replaced = {step["type"] for step in result["steps"] if "replace" in step["action"]}
    assert replaced <= {"aws:ecs/taskDefinition:TaskDefinition"}
    roles = {role["RoleName"] for role in place.cloud.client("iam").list_roles()["Roles"]}
    assert {"links-build-coder", "links-build-tester"} <= roles
    assert "links-build-code-reviewer" not in roles
    names = {secret["Name"] for secret in place.cloud.client("secretsmanager").list_secrets()["SecretList"]}
    assert "links/build/partner-token" in names
    (vpc,) = place.cloud.client("ec2").describe_vpcs(Filters=[{"Name": "tag:environment", "Values": ["build"]}])["Vpcs"]
    assert {"Key": "owner", "Value": "links-team"} in vpc["Tags"]


SPARE = ("databases:", "databases:\n  spare: {size: small}")


def declare_logs(place: Place, name: str) -> None:
    """A log group of the app's own code; under another name it is another one."""
    (place.root.apps / "links" / "infra.py").write_text(
        "import pulumi\nfrom pulumi_aws import cloudwatch\n\n\ndef extend(factory):\n"
        f'    cloudwatch.LogGroup("extra", name="{name}", retention_in_days=365,\n'
        "        opts=pulumi.ResourceOptions(parent=factory))\n"
    )


def databases_in_staging(place: Place) -> set[str]:
    names = {each["DBInstanceIdentifier"] for each in place.cloud.client("rds").describe_db_instances()["DBInstances"]}
    return {name for name in names if "staging" in name}


def test_staging_loses_a_database_by_an_architects_decision_only_and_once(place: Place) -> None:
    demo_people.ensure(place.root, Settings())
    change(place, SPARE)
    declare_logs(place, "/millwright/one")
    update(place, "staging")
    # What is gone already is made again, and nobody is asked.
    place.cloud.client("logs").delete_log_group(logGroupName="/millwright/one")
    repaired = place.millwright("up", "links", "staging", "--refresh")
    assert repaired.code == 0, repaired.out + repaired.err
    before = databases_in_staging(place)
    change(place, SPARE[::-1])
    declare_logs(place, "/millwright/two")
    refused = place.millwright("up", "links", "staging")
    assert refused.code == ExitCode.DECISION_REQUIRED, refused.out + refused.err
    (request,) = place.millwright("inbox", "--json").documents
    assert (request["gate"], request["may_decide"]) == ("architecture", [demo_people.ARCHITECT])
    assert f"request {request['id']}, it waits for a person (architect)" in refused.err
    assert "delete aws:rds/instance:Instance" in refused.err
    assert "replace aws:cloudwatch/logGroup:LogGroup extra" in refused.err
    assert databases_in_staging(place) == before
    approved = place.millwright("approve", str(request["id"]), "--as", demo_people.ARCHITECT)
    assert approved.code == 0, approved.err
    update(place, "staging")
    assert len(before - databases_in_staging(place)) == 1
    # The same loss once more was never decided.
    change(place, SPARE)
    update(place, "staging")
    change(place, SPARE[::-1])
    assert place.millwright("up", "links", "staging").code == ExitCode.DECISION_REQUIRED
