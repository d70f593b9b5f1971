"""A service's alarms: what they look at, whom they tell, and that ECS takes a rollout back by them."""

import pytest
from component_mocks import ACCOUNT, Declared, declared_factory, spec_of

from factory.iam import Policies, Principal, Request, evaluate, parse
from factory.spec import Environment

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
TOPIC_POLICY = "aws:sns/topicPolicy:TopicPolicy"
SERVICE = "aws:ecs/service:Service"


@pytest.fixture(scope="module")
def declared() -> list[Declared]:
    return declared_factory(spec_of(), Environment.STAGING)


def of(declared: list[Declared], token: str) -> dict[str, Declared]:
    return {resource.name: resource for resource in declared if resource.type == token}


def test_failed_requests_unhealthy_copies_and_slow_answers_are_watched(declared: list[Declared]) -> None:
    alarms = {name.rpartition("-")[2]: alarm.inputs for name, alarm in of(declared, ALARM).items()}
    metrics = {name: (alarm["metricName"], alarm["threshold"]) for name, alarm in alarms.items()}
    assert metrics == {
        "errors": ("HTTPCode_Target_5XX_Count", 5),
        "unhealthy": ("UnHealthyHostCount", 0),
        "slow": ("TargetResponseTime", 1),
    }
    for alarm in alarms.values():
        assert alarm["namespace"] == "AWS/ApplicationELB"
        assert {name: value.rpartition(":")[2] for name, value in alarm["dimensions"].items()} == {
            "LoadBalancer": "LoadBalancer/links-staging-web",
            "TargetGroup": "TargetGroup/links-staging-web",
        }
        assert alarm["treatMissingData"] == "notBreaching"
        assert [topic.rpartition("/")[2] for topic in alarm["alarmActions"]] == ["links-staging-web-alarms"]


def test_a_rollout_is_taken_back_by_every_alarm_and_by_the_circuit_breaker(declared: list[Declared]) -> None:
    services = of(declared, SERVICE)
    web = services["links-staging-web"].inputs
    assert {**web["alarms"], "alarmNames": sorted(web["alarms"]["alarmNames"])} == {
        "alarmNames": sorted(of(declared, ALARM)),
        "enable": True,
        "rollback": True,
    }
    for service in services.values():
        assert service.inputs["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}
    # Nothing is asked of a worker, so nothing but its starting can be watched.
    assert "alarms" not in services["links-staging-adder"].inputs


def test_only_this_accounts_alarms_tell_the_topic(declared: list[Declared]) -> None:
    topic = of(declared, TOPIC_POLICY)["links-staging-web-alarms"].inputs
    policies = Policies(resource=parse(topic["policy"], name="topic"))

    def told(by: str, account: str) -> bool:
        context = {"aws:SourceAccount": account}
        asked = Request(principal=Principal.service(by), action="sns:Publish", resource=topic["arn"], context=context)
        return evaluate(asked, policies).allowed

    assert told("cloudwatch.amazonaws.com", ACCOUNT)
    assert not told("cloudwatch.amazonaws.com", "210987654321")
    assert not told("events.amazonaws.com", ACCOUNT)


def test_an_environment_without_a_service_watches_nothing(declared: list[Declared]) -> None:
    assert of(declared, ALARM)
    assert not of(declared_factory(spec_of(), Environment.BUILD), ALARM)
