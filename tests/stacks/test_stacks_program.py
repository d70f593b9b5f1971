"""The program: one app's factory in one environment, the app's own addition, and what the policy pack thinks of it."""

import shutil
import sys
from pathlib import Path

import pulumi
import pytest
from component_mocks import ACCOUNT, Declared, declare
from declared_policies import findings_on, reading, told
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from spec_strategies import specs

from factory.errors import DecisionRequired, InputError
from factory.paths import FactoryRoot
from factory.settings import LOCAL_ACCOUNT, Settings
from factory.spec import AppSpec, Environment, load_app, source_digest
from stacks.program.build import build
from stacks.program.keys import secret_keys

LINKS = Path(__file__).parents[2] / "apps" / "links"
STANDING = [Environment.BUILD, Environment.STAGING]
ANSWERS = {
    "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": ACCOUNT, "arn": "a", "id": "i", "userId": "u"},
    "aws:index/getAvailabilityZones:getAvailabilityZones": {
        "names": ["eu-central-1a", "eu-central-1b"],
        "id": "i",
        "region": "eu-central-1",
        "groupNames": [],
        "zoneIds": [],
    },
}
EXTEND = """
import pulumi
import pulumi_aws as aws

def extend(factory):
    aws.ec2.SecurityGroup(
        "door",
        vpc_id=factory.network.network_id,
        ingress=[{"protocol": "tcp", "from_port": 22, "to_port": 22, "cidr_blocks": ["%s"]}],
        opts=pulumi.ResourceOptions(parent=factory),
    )
"""


@pytest.fixture
def root(tmp_path: Path) -> FactoryRoot:
    shutil.copytree(LINKS, tmp_path / "apps" / "links")
    return FactoryRoot(tmp_path)


def _built(
    root: FactoryRoot, environment: Environment, spec: AppSpec | None = None, settings: Settings | None = None
) -> list[Declared]:
    app = spec or load_app(root, "links")
    return declare(
        lambda: build(root, settings or Settings(), app, environment),
        stack=app.stack(environment),
        config={f"my-factory:{key}": "only-in-the-vault" for key in secret_keys(app)},
        answers=ANSWERS,
    )


@pytest.mark.parametrize("environment", STANDING)
def test_the_policy_pack_has_nothing_to_say_about_the_example_app(environment: Environment, root: FactoryRoot) -> None:
    declared = _built(root, environment)
    assert len(reading(declared)) >= 4
    assert told(findings_on(declared, f"links-{environment}")) == []


@pytest.mark.parametrize(("source", "found"), [("10.20.0.0/16", []), ("0.0.0.0/0", [("no-world-ingress", "door")])])
def test_what_an_app_adds_is_judged_like_everything_else(source: str, found: list[object], root: FactoryRoot) -> None:
    (root.apps / "links" / "infra.py").write_text(EXTEND % source)
    declared = _built(root, Environment.BUILD)
    (door,) = [resource for resource in declared if resource.name == "door"]
    assert door.parent.endswith("$millwright:index:AppFactory::links-build")
    assert told(findings_on(declared, "links-build")) == found


# Shrinking a failure would take minutes: a build costs a tenth of a second.
@settings(max_examples=6, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(spec=specs(), environment=st.sampled_from(STANDING))
def test_any_valid_spec_builds_and_passes_the_policies(
    spec: AppSpec, environment: Environment, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = FactoryRoot(tmp_path_factory.mktemp("any"))
    (root.apps / spec.name / "source").mkdir(parents=True)
    declared = _built(root, environment, spec)
    assert told(findings_on(declared, spec.stack(environment))) == []
    assert any(resource.type == "millwright:index:AppFactory" for resource in declared)


def test_production_is_not_declared_without_a_decision(root: FactoryRoot) -> None:
    with pytest.raises(DecisionRequired, match="links-production"):
        _built(root, Environment.PRODUCTION)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("x = 1\n", InputError, "defines no function `extend"),
        ("extend = 1\n", InputError, "defines no function `extend"),
    ],
)
def test_an_addition_that_cannot_be_run_is_refused(
    text: str, error: type[Exception], message: str, root: FactoryRoot
) -> None:
    (root.apps / "links" / "infra.py").write_text(text)
    with pytest.raises(error, match=message):
        _built(root, Environment.BUILD)


def test_what_a_module_of_the_factorys_remembers_of_one_run_is_nothing_to_the_next(
    root: FactoryRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver previews and updates in one process: what the second run left out would be deleted."""
    monkeypatch.syspath_prepend(root.apps / "links")
    (root.apps / "links" / "alarms_of_links.py").write_text(
        "import pulumi_aws as aws\nmade = None\n"
        "def topic():\n    global made\n    made = made or aws.sns.Topic('alarms')\n    return made\n"
    )
    text = "import alarms_of_links\ndef extend(factory):\n    alarms_of_links.topic()\n"
    (root.apps / "links" / "infra.py").write_text(text)
    for _ in range(2):
        assert "alarms" in [each.name for each in _built(root, Environment.BUILD)]
    assert "alarms_of_links" not in sys.modules


def test_a_secret_without_a_value_stops_the_program(root: FactoryRoot) -> None:
    spec = load_app(root, "links")
    with pytest.raises(pulumi.ConfigMissingError, match=r"secret\.signing-key"):
        declare(lambda: build(root, Settings(), spec, Environment.BUILD), answers=ANSWERS)


def test_the_provider_tags_everything_and_may_touch_one_account_only(root: FactoryRoot) -> None:
    real = Settings(aws="account", aws_account="210987654321")
    # Also with the local cloud: should a real provider answer, it must refuse.
    for settings_, account in ((real, "210987654321"), (Settings(), LOCAL_ACCOUNT)):
        declared = _built(root, Environment.BUILD, settings=settings_)
        (provider,) = [resource for resource in declared if resource.type == "pulumi:providers:aws"]
        assert provider.inputs["allowedAccountIds"] == f'["{account}"]'
        assert provider.inputs["region"] == "eu-central-1"
        assert '"owner":"web-team"' in provider.inputs["defaultTags"].replace(" ", "")


def test_a_service_is_refused_on_a_real_account_as_nothing_builds_its_image_yet(root: FactoryRoot) -> None:
    real = Settings(aws="account", aws_account="210987654321")
    with pytest.raises(InputError, match="nothing builds its image yet"):
        _built(root, Environment.STAGING, settings=real)
    assert _built(root, Environment.STAGING)


def test_the_service_runs_the_source_that_stands_in_the_apps_folder(root: FactoryRoot) -> None:
    def image() -> str:
        (task,) = [r for r in _built(root, Environment.STAGING) if r.type == "aws:ecs/taskDefinition:TaskDefinition"]
        return task.inputs["containerDefinitions"]

    before = image()
    assert source_digest(root.apps / "links" / "source") in before
    (root.apps / "links" / "source" / "links" / "server.py").write_text("changed = True\n")
    assert image() != before
