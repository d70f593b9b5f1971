"""What a plan would lose is found by type and action, and nothing else is called a loss."""

import importlib

import pytest
from pulumi.automation import OpType

from stacks.driver.model import UNCHANGED, Step
from stacks.driver.stateful import STATEFUL, Effect, at_risk, counts, effect_of

TABLE = "aws:dynamodb/table:Table"


def _step(action: str, type_: str = TABLE) -> Step:
    return Step(urn=f"urn:{type_}::x", type=type_, name="x", action=action)


@pytest.mark.parametrize("token", sorted(STATEFUL))
def test_every_stateful_type_exists_in_the_published_sdk(token: str) -> None:
    _, module, name = token.split(":")
    resource = getattr(importlib.import_module(f"pulumi_aws.{module.split('/')[0]}"), name)
    assert resource.pulumi_type == token


@pytest.mark.parametrize("action", ["replace", "create-replacement", "delete-replaced", "delete", "discard"])
def test_replacing_or_deleting_something_stateful_is_a_loss(action: str) -> None:
    step = _step(action)
    assert at_risk([step]) == (step,)
    # The same done to something that the program makes again is none.
    assert at_risk([_step(action, "aws:iam/role:Role")]) == ()


@pytest.mark.parametrize("action", ["create", "update", "same", "read", "import"])
def test_making_changing_or_keeping_something_stateful_loses_nothing(action: str) -> None:
    assert at_risk([_step(action)]) == ()


def test_what_belongs_to_a_bucket_is_no_bucket() -> None:
    bucket, policy = "aws:s3/bucket:Bucket", "aws:s3/bucketPolicy:BucketPolicy"
    assert [step.type for step in at_risk([_step("delete", bucket), _step("delete", policy)])] == [bucket]


@pytest.mark.parametrize("action", sorted(str(member.value) for member in OpType))
def test_every_action_of_the_engine_has_one_effect_or_none(action: str) -> None:
    if action in UNCHANGED or action in ("refresh", "remove-pending-replace"):
        assert effect_of(action) is None
    else:
        word = action.split("-", maxsplit=1)[0]
        assert effect_of(action) is (Effect.REPLACE if "replace" in action else effect_of(word))


def test_an_action_that_nobody_knows_counts_as_a_loss() -> None:
    assert at_risk([_step("transmogrify")])


def test_steps_are_counted_by_effect() -> None:
    steps = [_step(a) for a in ("create", "create", "same", "update", "delete-replaced", "delete")]
    assert counts(steps) == {"create": 2, "update": 1, "replace": 1, "delete": 1}
