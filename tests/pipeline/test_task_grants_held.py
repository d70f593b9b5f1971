"""What a task asks for, in which order, and for how long it is held when nobody prolongs it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from access_standin import Granting
from spec_strategies import GOOD_DATA

from access.client import Told
from factory.errors import AccessDenied, CloudUnavailable
from factory.spec import AppSpec, Function, Scope
from pipeline.gates import Cancelled
from pipeline.task_grants import Holder, Need, People, TaskGrants, needs, taken

HOLDER = Holder(
    app="links",
    change="tags",
    function=Function.CODER,
    task="links.tags.coder.1",
    attempt=1,
    on_behalf_of="demo-author",
)
DATABASE = {"function": "coder", "resource": "databases.database", "environments": ["build"]}
NOBODY = People(lambda _: None, lambda: None)


def an_app(*rules: dict[str, Any], **more: Any) -> AppSpec:
    return AppSpec.model_validate({**GOOD_DATA, "databases": {"database": {}}, "access": list(rules), **more})


def held_by(access: Granting, *needed: Need) -> TaskGrants:
    wanted = list(needed) or [Need("model", Scope.READ, "asks"), Need("repository", Scope.WRITE, "writes")]
    with taken(access, an_app(), HOLDER, wanted, NOBODY) as grants:  # type: ignore[arg-type]
        return grants


def set_lease(access: Granting, resource: str, seconds: float) -> dict[str, Any]:
    (grant,) = [each for each in access.grants.values() if each["resource"] == resource]
    until = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")
    access.grants[grant["id"]] = {**grant, "lease_until": until}
    return access.grants[grant["id"]]


def test_a_coder_asks_for_its_model_its_branch_and_the_databases_that_rules_let_it_into() -> None:
    bare = [(need.resource, need.scope) for need in needs(an_app(), Function.CODER, "change/tags")]
    assert bare == [("model", "read"), ("repository", "write")]
    reads = [(need.resource, need.scope) for need in needs(an_app(), Function.CODE_REVIEWER, None)]
    assert reads == [("model", "read"), ("repository", "read")]
    more = needs(an_app({**DATABASE, "scope": "write"}), Function.CODER, "change/tags")[2:]
    assert [(need.resource, need.scope) for need in more] == [("databases.database", "write")]


@pytest.mark.parametrize(
    ("rules", "scope"),
    [
        ([{"scope": "read", "lease": 30}, {"scope": "write", "lease": 20, "approval": "operator"}], "read"),
        ([{"scope": "read", "lease": 30}, {"scope": "write", "lease": 20}], "write"),
        ([{"scope": "write", "lease": 20, "approval": "operator"}], "write"),
        ([{"scope": "write", "environments": ["staging"]}], None),
    ],
)
def test_a_database_is_asked_for_as_far_as_nobody_has_to_be_asked(rules: list[dict[str, Any]], scope: str) -> None:
    spec = an_app(*({**DATABASE, **rule} for rule in rules))
    assert [need.scope for need in needs(spec, Function.CODER, "b")[2:]] == ([scope] if scope else [])


def test_who_runs_no_commands_asks_for_no_database() -> None:
    rule = {**DATABASE, "scope": "read"}
    spec = an_app(rule, {**rule, "function": "code-reviewer"}, agents={"coder": {}, "code-reviewer": {}})
    assert len(needs(spec, Function.CODE_REVIEWER, None)) == 2
    without = an_app(rule, agents={"coder": {"tools": ["read", "edit"]}})
    assert len(needs(without, Function.CODER, "b")) == 2
    assert len(needs(spec, Function.CODER, "b")) == 3


def test_what_is_held_is_prolonged_by_who_knows_the_fence_when_half_of_its_lease_is_over() -> None:
    access = Granting()
    grants = held_by(access)
    set_lease(access, "model", 200)
    grants.require()
    (model, repository) = access.grants.values()
    assert (model["fence"], repository["fence"]) == (2, 1)
    assert datetime.fromisoformat(model["lease_until"]) > datetime.now(UTC) + timedelta(minutes=9)


def test_a_plane_that_does_not_answer_is_waited_for_until_the_lease_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(app: str, task: str) -> dict[str, Told]:
        raise CloudUnavailable("the broker does not answer")

    access = Granting()
    grants = held_by(access)
    set_lease(access, "repository", 400)
    grants.require()
    monkeypatch.setattr(access, "of_task", gone)
    grants.require()
    over = Granting()
    late = held_by(over)
    set_lease(over, "repository", 400)
    late.require()
    late._held["repository"].grant["lease_until"] = "2026-01-01T00:00:00.000+00:00"
    monkeypatch.setattr(over, "of_task", gone)
    with pytest.raises(AccessDenied, match="nobody prolongs repository"):
        late.require()


def test_what_was_over_once_stays_over() -> None:
    access = Granting()
    grants = held_by(access)
    (id,) = [each["id"] for each in access.grants.values() if each["resource"] == "model"]
    access.revoke(id, "not now")
    with pytest.raises(AccessDenied, match="not now"):
        grants.require()
    access.grants[id]["state"] = "active"
    with pytest.raises(AccessDenied, match="not now"):
        grants.beat()


def test_what_a_dead_worker_held_is_ended_before_anything_is_asked_for() -> None:
    access = Granting()
    left = held_by(access)
    held_by(access)
    assert access.ended == ["the task is taken up anew"] * 2
    states = [(each["state"], each["ended_reason"]) for each in access.grants.values()]
    assert states == [("ended", "the task is taken up anew")] * 2 + [("active", "")] * 2
    with pytest.raises(AccessDenied, match="taken up anew"):
        left.require()


def test_an_error_in_the_middle_ends_all_of_it_and_a_refusal_what_was_given_before() -> None:
    access = Granting(refuses={"repository"})
    with pytest.raises(AccessDenied, match="no rule lets it into repository"):
        held_by(access)
    assert [each["state"] for each in access.grants.values()] == ["ended"]
    whole = Granting()
    wanted = [Need("model", Scope.READ, "asks")]
    with pytest.raises(Cancelled), taken(whole, an_app(), HOLDER, wanted, NOBODY):  # type: ignore[arg-type]
        raise Cancelled("not wanted")
    assert [(each["state"], each["ended_reason"]) for each in whole.grants.values()] == [
        ("ended", "the task could not go on")
    ]


def test_what_people_are_asked_for_is_asked_first_and_for_the_time_that_they_are_shown() -> None:
    access = Granting()
    rule = {"function": "coder", "resource": "repository", "environments": ["build"], "scope": "write", "lease": 45}
    spec = an_app({**rule, "approval": "operator"})
    with taken(access, spec, HOLDER, needs(spec, Function.CODER, "b"), NOBODY):  # type: ignore[arg-type]
        assert [(each.resource, each.minutes) for each in access.asked] == [("repository", 45), ("model", 10)]


def test_what_is_not_prolonged_any_more_ends_the_task_only_where_it_cannot_go_on_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuses(told: Told, minutes: int) -> Told:
        raise AccessDenied("it is not allowed any more")

    used = Need("databases.database", Scope.READ, "uses it")
    for resource in ("databases.database", "model"):
        access = Granting()
        grants = held_by(access, Need("model", Scope.READ, "asks"), used)
        grant = set_lease(access, resource, 200)
        monkeypatch.setattr(access, "renew", refuses)
        if resource == "model":
            with pytest.raises(AccessDenied, match="not allowed any more"):
                grants.require()
            continue
        grants.require()
        assert list(grants.held("databases")) == ["database"]
        access.revoke(grant["id"], "its lease is over")
        grants.require()
        assert grants.gone("databases") == {"database": "its lease is over"}


@pytest.mark.parametrize("why", [AccessDenied("the grant has moved on since"), CloudUnavailable("it begins anew")])
def test_what_moves_or_begins_anew_between_the_look_and_its_renewal_is_prolonged_at_the_next_look(
    monkeypatch: pytest.MonkeyPatch, why: Exception
) -> None:
    access = Granting()
    grants = held_by(access)
    grant = set_lease(access, "model", 200)
    prolongs = access.renew

    def overtaken(told: Told, minutes: int) -> Told:
        access.grants[grant["id"]] = {**grant, "fence": 2, "door": "http://127.0.0.1:2"}
        monkeypatch.setattr(access, "renew", prolongs)
        raise why

    monkeypatch.setattr(access, "renew", overtaken)
    grants.require()
    assert access.grants[grant["id"]]["lease_until"] == grant["lease_until"]
    grants.require()
    assert access.grants[grant["id"]]["fence"] == 3
