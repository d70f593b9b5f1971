"""The pure parts of the local runtime: what to do about a service, what a definition starts, what checks come to."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.runtime.copies import addresses
from localcloud.runtime.declared import (
    Container,
    Deployment,
    Rollout,
    SecretReference,
    Service,
    ServiceId,
    secret_value,
)
from localcloud.runtime.declared import container as container_of
from localcloud.runtime.elb_model import host_name
from localcloud.runtime.health import HEALTHY, MISMATCH, Seen, Watch, accepts
from localcloud.runtime.interface import CannotStart
from localcloud.runtime.plan import (
    FAILED_STARTS,
    FORGET_SECONDS,
    LONGEST_BACK_OFF_SECONDS,
    REFUSING_SECONDS,
    START_SECONDS,
    UNHEALTHY_SECONDS,
    Action,
    Failures,
    Retire,
    Start,
    Stop,
    Task,
    Turn,
    plan,
)

NOW = 1000.0
OLD = Deployment("old", "web:1", Rollout.COMPLETED, NOW - 500)
NEW = Deployment("new", "web:2", Rollout.IN_PROGRESS, NOW - 1)
FAILED = replace(NEW, rollout=Rollout.FAILED)
DONE = replace(NEW, rollout=Rollout.COMPLETED)
DIGEST = "sha256:" + "a" * 64


def service(*deployments: Deployment, desired: int = 2, breaker: bool = True, **stop_asked: str) -> Service:
    id = ServiceId("123456789012", "eu-central-1", "c", "web")
    return Service(id, desired, deployments, breaker, (), stop_asked, "10.0.0.0/24")


def task(id: str, deployment: str = "old", age: float = 100.0, **state: Any) -> Task:
    return Task(id, deployment, NOW - age, **({"ready": True} | state))


def actions(declared: Service, *tasks: Task, **failures: Failures) -> tuple[Action, ...]:
    return plan(declared, tasks, failures, NOW)


def starts(found: tuple[Action, ...]) -> list[str]:
    return [action.deployment for action in found if isinstance(action, Start)]


def stops(found: tuple[Action, ...]) -> list[str]:
    return [action.task for action in found if isinstance(action, Stop)]


def turns(found: tuple[Action, ...]) -> list[Rollout]:
    return [action.rollout for action in found if isinstance(action, Turn)]


def test_what_runs_as_declared_needs_nothing() -> None:
    assert actions(service(OLD), task("a"), task("b")) == ()


def test_missing_copies_are_started_and_surplus_ones_stopped_youngest_first() -> None:
    assert starts(actions(service(OLD), task("a"))) == ["old"]
    assert stops(actions(service(OLD, desired=1), task("a"), task("young", age=5))) == ["young"]
    # One that cannot serve yet goes before one that serves.
    assert stops(actions(service(OLD, desired=1), task("a", age=5), task("new", age=9, ready=False))) == ["new"]


def test_a_service_without_deployments_runs_nothing() -> None:
    assert stops(actions(service(), task("a"), task("b"))) == ["a", "b"]


def test_the_old_copies_stay_until_all_new_ones_are_healthy() -> None:
    old = (task("a"), task("b"))
    first = actions(service(NEW, OLD), *old)
    assert (starts(first), stops(first), turns(first)) == (["new", "new"], [], [])
    half = actions(service(NEW, OLD), *old, task("c", "new", 1), task("d", "new", 1, ready=False))
    assert half == ()
    whole = actions(service(NEW, OLD), *old, task("c", "new", 1), task("d", "new", 1))
    assert (stops(whole), turns(whole)) == ([], [Rollout.COMPLETED])
    after = actions(service(DONE, OLD), *old, task("c", "new", 1), task("d", "new", 1))
    assert stops(after) == ["a", "b"]
    gone = actions(service(DONE, OLD), task("c", "new", 1), task("d", "new", 1))
    assert gone == (Retire("old"),)
    leaving = actions(service(DONE, OLD), task("a", leaving=True), task("c", "new", 1), task("d", "new", 1))
    assert leaving == ()


def test_an_old_copy_that_ends_during_a_rollout_is_replaced_by_one_of_its_kind() -> None:
    found = actions(service(NEW, OLD), task("a"), task("c", "new", 1, ready=False), task("d", "new", 1, ready=False))
    assert starts(found) == ["old"]


@pytest.mark.parametrize(
    "failures",
    [
        Failures(FAILED_STARTS, NOW, reason="exit code 3"),
        Failures(1, NOW, lasting=True, reason="exit code 3"),
    ],
)
def test_failures_open_the_breaker_if_there_is_one(failures: Failures) -> None:
    old = (task("a"), task("b"))
    found = actions(service(NEW, OLD), *old, new=failures)
    (turn,) = [action for action in found if isinstance(action, Turn)]
    assert turn.rollout is Rollout.FAILED
    assert "exit code 3" in turn.reason
    assert "deployment old keeps serving" in turn.reason
    assert turns(actions(service(NEW, OLD, breaker=False), *old, new=failures)) == []
    assert turns(actions(service(NEW, OLD), *old, new=Failures(FAILED_STARTS - 1, NOW))) == []


def test_one_failure_is_enough_when_the_rollout_has_taken_too_long() -> None:
    slow = replace(NEW, since=NOW - START_SECONDS - 1)
    assert turns(actions(service(slow, OLD), task("a"), task("b"), new=Failures(1, NOW))) == [Rollout.FAILED]
    assert turns(actions(service(slow, OLD), task("a"), task("b"))) == []


def test_after_a_failed_rollout_only_what_served_before_is_kept() -> None:
    found = actions(service(FAILED, OLD), task("a"), task("x", "new", 1))
    assert (starts(found), stops(found), turns(found)) == (["old"], ["x"], [])
    assert actions(service(FAILED), task("x", "new", 1)) == (
        Stop("x", "Scaling activity initiated by (deployment new)"),
    )


def test_a_rollout_that_never_served_is_not_gone_back_to() -> None:
    newest = Deployment("newest", "web:3", Rollout.IN_PROGRESS, NOW)
    found = actions(service(newest, FAILED, OLD), task("a"), task("b"), task("x", "new", 1))
    assert stops(found) == ["x"]
    assert starts(found) == ["newest", "newest"]


def test_a_copy_that_does_not_become_healthy_in_time_failed() -> None:
    late = actions(service(OLD, desired=1), task("a", age=START_SECONDS + 1, ready=False))
    (stop,) = [action for action in late if isinstance(action, Stop)]
    assert stop.failed
    assert actions(service(OLD, desired=1), task("a", age=START_SECONDS - 1, ready=False)) == ()


def test_a_copy_that_answers_with_a_wrong_status_gets_less_time_than_a_silent_one() -> None:
    age = REFUSING_SECONDS + 2
    refusing = task("a", "new", age, ready=False, refusing_since=NOW - REFUSING_SECONDS - 1)
    (stop,) = [action for action in actions(service(NEW, desired=1), refusing) if isinstance(action, Stop)]
    assert (stop.failed, stop.late) == (True, True)
    just_now = replace(refusing, refusing_since=NOW - 1)
    silent = replace(refusing, refusing_since=None)
    for patient in (just_now, silent):
        assert actions(service(NEW, desired=1), patient) == ()


def test_one_copy_that_had_all_its_time_opens_the_breaker() -> None:
    assert NOW - NEW.since < START_SECONDS
    old = (task("a"), task("b"))
    late = Failures().and_now(NOW, "not healthy", late=True)
    assert turns(actions(service(NEW, OLD), *old, new=late)) == [Rollout.FAILED]
    assert turns(actions(service(NEW, OLD), *old, new=late.and_now(NOW, "exit code 3"))) == [Rollout.FAILED]
    assert turns(actions(service(NEW, OLD), *old, new=Failures().and_now(NOW, "exit code 3"))) == []


def test_a_sick_copy_stays_until_another_serves_in_its_place() -> None:
    sick = task("sick", sick_since=NOW - 1)
    found = actions(service(OLD), task("a"), sick)
    assert (starts(found), stops(found)) == (["old"], [])
    assert stops(actions(service(OLD), task("a"), sick, task("c", age=1, ready=False))) == []
    assert stops(actions(service(OLD), task("a"), sick, task("c", age=1))) == ["sick"]
    alone = task("sick", sick_since=NOW - UNHEALTHY_SECONDS - 1)
    assert stops(actions(service(OLD, desired=1), alone)) == ["sick"]


def test_a_copy_that_the_api_was_told_to_stop_is_replaced() -> None:
    found = actions(service(OLD, a="by hand"), task("a"), task("b"))
    assert found == (Stop("a", "by hand", "UserInitiated"), Start("old"))


def test_nothing_is_started_before_the_pause_is_over() -> None:
    just_failed = Failures(5, NOW - 1)
    assert actions(service(OLD, desired=1), old=just_failed) == ()
    assert starts(actions(service(OLD, desired=1), old=replace(just_failed, last=NOW - 10))) == ["old"]


@given(st.integers(1, 200))
def test_pauses_grow_to_a_bound_and_are_forgotten(count: int) -> None:
    seen = Failures()
    pauses = []
    for number in range(count):
        seen = seen.and_now(NOW + number, "why")
        pauses.append(seen.retry_at - seen.last)
    assert pauses == sorted(pauses)
    assert 0 < pauses[-1] <= LONGEST_BACK_OFF_SECONDS
    assert seen.and_now(seen.last + FORGET_SECONDS, "why").count == 1


@given(
    desired=st.integers(0, 5),
    rollout=st.sampled_from(Rollout),
    old=st.booleans(),
    states=st.lists(
        st.tuples(st.sampled_from(["old", "new", "gone"]), st.booleans(), st.booleans(), st.booleans()), max_size=8
    ),
)
def test_no_plan_stops_what_serves_while_nothing_else_does(
    desired: int, rollout: Rollout, old: bool, states: list[tuple[str, bool, bool, bool]]
) -> None:
    deployments = (replace(NEW, rollout=rollout), OLD) if old else (replace(NEW, rollout=rollout),)
    declared = service(*deployments, desired=desired)
    tasks = [
        Task(f"t{n}", kind, NOW - 5, ready=ready, sick_since=NOW - 1 if sick and ready else None, leaving=leaving)
        for n, (kind, ready, sick, leaving) in enumerate(states)
    ]
    found = plan(declared, tasks, {}, NOW)
    ids = {each.id for each in tasks}
    assert len(stops(found)) == len(set(stops(found)))
    assert set(stops(found)) <= {each.id for each in tasks if not each.leaving} <= ids
    for kind in ("old", "new"):
        live = [each for each in tasks if each.deployment == kind and not each.leaving and each.id not in stops(found)]
        assert starts(found).count(kind) + sum(not each.sick_since for each in live) <= max(desired, 0)
    serving = [each for each in tasks if each.deployment == "old" and each.healthy]
    if old and rollout is not Rollout.COMPLETED:
        assert len([each for each in serving if each.id not in stops(found)]) == min(len(serving), desired)


def defined(**changes: Any) -> Container:
    declared: dict[str, Any] = {
        "name": "web",
        "image": f"registry.invalid/web@{DIGEST}",
        "command": ["python", "-m", "web"],
        "environment": [{"name": "MODE", "value": "fast"}],
        "portMappings": [{"containerPort": 8080}],
    } | changes
    return container_of({"memory": "512", "containerDefinitions": [declared]})


def test_a_definition_becomes_a_launch_with_its_secrets_in_the_environment_only() -> None:
    arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:app/key-AbCdEf"
    wanted = defined(secrets=[{"name": "KEY", "valueFrom": arn}], stopTimeout=2)
    launch = wanted.launch("task", lambda reference: f"value of {reference.arn}")
    assert launch.digest == DIGEST
    assert dict(launch.environment) == {"MODE": "fast", "KEY": f"value of {arn}", "PORT": "8080"}
    assert (launch.port, launch.memory_mib, wanted.stop_seconds) == (8080, 512, 2.0)
    worker = defined(portMappings=[]).launch("task", str)
    assert (worker.port, dict(worker.environment)) == (None, {"MODE": "fast"})
    assert "value of" not in repr(launch)
    assert "value of" not in repr(wanted)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"command": []}, "no command"),
        ({"entryPoint": ["sh"]}, "entryPoint"),
        ({"image": "web:1"}, "by digest"),
        ({"image": "web@sha256:abc"}, "by digest"),
        ({"portMappings": [{"containerPort": 1}, {"containerPort": 2}]}, "port"),
        ({"secrets": [{"name": "A", "valueFrom": "plain-name"}]}, "by ARN"),
    ],
)
def test_what_cannot_run_here_is_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(CannotStart, match=said) as refused:
        defined(**changes)
    assert refused.value.lasting


def test_a_definition_of_two_containers_is_refused() -> None:
    with pytest.raises(CannotStart, match="one container"):
        container_of({"memory": "512", "containerDefinitions": [{}, {}]})


def test_one_key_of_a_secret_can_be_injected() -> None:
    arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:db-AbCdEf"
    (reference,) = defined(secrets=[{"name": "P", "valueFrom": f"{arn}:password:AWSPREVIOUS:"}]).secrets.values()
    assert reference == SecretReference(arn, "123456789012", "eu-central-1", "password", "AWSPREVIOUS", "")
    assert secret_value(reference, {"SecretString": '{"password": "x"}'}) == "x"
    assert secret_value(replace(reference, key=""), {"SecretString": "all"}) == "all"
    for wrong in ({"SecretString": "hush: no json"}, {"SecretString": '{"other": "hush"}'}, {"SecretBinary": b"hush"}):
        with pytest.raises(CannotStart) as refused:
            secret_value(reference, wrong)
        assert "hush" not in str(refused.value)


def test_a_watched_copy_needs_one_success_and_falls_after_two_failures() -> None:
    bad = Seen(False, "Target.Timeout", "Request timed out")
    watch = Watch()
    for _ in range(5):
        watch = watch.after(bad, NOW)
    assert (watch.ready, watch.sick_since) == (False, None)
    watch = watch.after(HEALTHY, NOW)
    assert watch.ready
    once = watch.after(bad, NOW)
    assert once.sick_since is None
    assert once.after(HEALTHY, NOW).after(bad, NOW).sick_since is None
    twice = once.after(bad, NOW + 1)
    assert twice.sick_since == NOW + 1
    assert twice.after(bad, NOW + 2).sick_since == NOW + 1
    assert twice.after(HEALTHY, NOW + 2).sick_since == NOW + 1
    assert twice.after(HEALTHY, NOW + 2).after(HEALTHY, NOW + 3).sick_since is None


def test_since_when_a_new_copy_answers_with_a_wrong_status_is_kept() -> None:
    no = Seen(False, MISMATCH, "Health checks failed with these codes: [503]")
    silent = Seen(False, "Target.FailedHealthChecks", "Health checks failed")
    watch = Watch().after(silent, NOW).after(no, NOW + 1).after(no, NOW + 2)
    assert watch.refusing_since == NOW + 1
    assert watch.after(silent, NOW + 3).refusing_since is None
    assert watch.after(HEALTHY, NOW + 3).refusing_since is None
    assert watch.after(HEALTHY, NOW + 3).after(no, NOW + 4).refusing_since is None


@pytest.mark.parametrize(
    ("matcher", "status", "taken"),
    [("200", 200, True), ("200", 204, False), ("200,302", 302, True), ("200-299", 250, True), ("200-299", 300, False)],
)
def test_a_matcher_takes_codes_lists_and_ranges(matcher: str, status: int, taken: bool) -> None:
    assert accepts(matcher, status) is taken


def test_a_balancers_host_names_account_and_region() -> None:
    names = {
        host_name(account, region, "Web")
        for account in ("123456789012", "111122223333")
        for region in ("eu-central-1", "us-east-1")
    }
    assert len(names) == 4
    assert "web.eu-central-1.elb.localhost" in names


def test_tasks_are_told_under_addresses_of_their_subnet() -> None:
    found = list(addresses("10.1.2.0/28"))
    assert (found[0], found[-1], len(found)) == ("10.1.2.4", "10.1.2.14", 11)
