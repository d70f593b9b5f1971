"""What all apps share, as a stack: its name, what declares it, what the policy pack thinks of it, when it may go."""

from pathlib import Path

import pytest
from component_mocks import ACCOUNT, Declared, declare
from declared_policies import findings_on, told
from spec_strategies import factory_in

from factory import db, environments
from factory.errors import InputError
from factory.outputs import PlatformOutputs, outputs_from
from factory.paths import FactoryRoot
from factory.settings import Settings, load
from stacks.destruction import require_last
from stacks.names import declared, declared_stacks, resolve
from stacks.program.build import build_stack
from stacks.program.keys import secret_keys
from stacks.shared_platform import PLATFORM, PlatformSpec, Shared, platform_spec, stack_of

CALLER = {"aws:index/getCallerIdentity:getCallerIdentity": {"accountId": ACCOUNT, "arn": "a", "id": "i", "userId": "u"}}


@pytest.fixture
def root(tmp_path: Path) -> FactoryRoot:
    return factory_in(tmp_path)


def _built(root: FactoryRoot, settings: Settings) -> list[Declared]:
    return declare(
        lambda: build_stack(root, settings, platform_spec(settings), Shared.SHARED), stack=PLATFORM, answers=CALLER
    )


def test_platform_is_a_stack_of_its_own_beside_those_of_the_apps(root: FactoryRoot) -> None:
    spec, which = resolve(root, "platform")
    assert (spec, which) == (platform_spec(Settings()), Shared.SHARED) == declared(root, "platform", "shared")
    assert (stack_of(spec, which), secret_keys(spec)) == (PLATFORM, [])
    assert PLATFORM not in declared_stacks(root)
    app, environment = resolve(root, "links-build")
    assert stack_of(app, environment) == "links-build"


@pytest.mark.parametrize("environment", ["build", "production", ""])
def test_it_has_no_environments(environment: str, root: FactoryRoot) -> None:
    with pytest.raises(InputError, match="platform has no environment") as refused:
        declared(root, "platform", environment)
    assert "leave it out" in refused.value.hint


def test_a_name_that_is_nearly_it_is_refused_with_it(root: FactoryRoot) -> None:
    with pytest.raises(InputError) as refused:
        resolve(root, "plattform")
    assert "'platform'?" in refused.value.hint


def test_it_is_what_the_settings_say(root: FactoryRoot) -> None:
    said = Settings(platform_region="us-east-1", platform_owner="operations")
    assert platform_spec(said) == PlatformSpec(region="us-east-1", owner="operations", github=False)
    assert platform_spec(said).digest() != platform_spec(Settings()).digest()
    found = _built(root, said)
    (provider,) = [each for each in found if each.type == "pulumi:providers:aws"]
    assert (provider.inputs["region"], provider.inputs["allowedAccountIds"]) == ("us-east-1", f'["{ACCOUNT}"]')
    for tag in ('"app":"platform"', '"environment":"shared"', '"owner":"operations"', '"managed-by":"millwright"'):
        assert tag in provider.inputs["defaultTags"].replace(" ", "")
    (lock,) = [each for each in found if each.type.endswith("BucketObjectLockConfiguration")]
    assert lock.inputs["rule"]["defaultRetention"] == {"mode": "COMPLIANCE", "days": 365}


def test_no_setting_loosens_the_lock_of_the_audit_store(root: FactoryRoot) -> None:
    root.settings_file.write_text("aws: local\nplatform_owner: operations\n")
    assert load(root).platform_owner == "operations"
    root.settings_file.write_text("aws: local\nplatform_audit_lock: governance\n")
    with pytest.raises(InputError) as refused:
        load(root)
    assert "platform_audit_lock" in refused.value.rendered()


def test_the_policy_pack_has_nothing_to_say_about_it(root: FactoryRoot) -> None:
    found = _built(root, Settings(platform_github=True))
    assert told(findings_on(found, PLATFORM)) == []
    assert len(found) > 15


def test_its_outputs_are_kept_beside_those_of_the_apps(root: FactoryRoot) -> None:
    (platform,) = [each for each in _built(root, Settings()) if each.type == "millwright:index:Platform"]
    assert platform.outputs
    outputs = outputs_from({"platform": platform.outputs["outputs"]})
    assert isinstance(outputs, PlatformOutputs)
    database = db.connect(root, Settings())
    with db.transaction(database) as connection:
        environments.record(connection, _row(PLATFORM).model_copy(update={"outputs": outputs}))
        kept = environments.read(connection, PLATFORM)
    assert kept is not None
    assert kept.outputs == outputs


def test_it_goes_when_no_apps_environment_stands(root: FactoryRoot) -> None:
    database = db.connect(root, Settings())
    with db.transaction(database) as connection:
        environments.record(connection, _row(PLATFORM))
        environments.record(connection, _row("links-build"))
    with pytest.raises(InputError, match="still there: links-build"):
        require_last(database)
    with db.transaction(database) as connection:
        environments.forget(connection, "links-build")
    require_last(database)


def _row(stack: str) -> environments.EnvironmentRecord:
    return environments.EnvironmentRecord(
        stack=stack,
        app=stack.partition("-")[0],
        environment="build",
        updated=environments.now(),
        actor="test",
        version=0,
        cloud_generation=None,
        outputs=None,
    )
