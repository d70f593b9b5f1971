"""What every component promises, checked on all of them at once."""

import ast
import importlib
import inspect
from functools import partial
from pathlib import Path

import pulumi
import pulumi_aws
import pytest
from component_mocks import Declared, declare, declared_factory, declared_platform, factory_of, letting_out, spec_of
from standing_network import STANDING, adopting

import components
from components import AppFactory, Platform, aws
from components.app_factory import CONTENTS
from factory.outputs import AppFactoryOutputs, PlatformOutputs
from factory.spec import Environment
from factory.spec.access import REPOSITORY, STANDS_IN

# A token is part of every resource's identity: renaming one needs an alias, and a line here.
TOKENS = {
    AppFactory: "millwright:index:AppFactory",
    aws.AdoptedNetwork: "millwright:aws:AdoptedNetwork",
    Platform: "millwright:index:Platform",
    aws.AgentIdentity: "millwright:aws:AgentIdentity",
    aws.AgentRunner: "millwright:aws:AgentRunner",
    aws.AuditStore: "millwright:aws:AuditStore",
    aws.AuditTrail: "millwright:aws:AuditTrail",
    aws.Budget: "millwright:aws:Budget",
    aws.Ci: "millwright:aws:Ci",
    aws.Database: "millwright:aws:Database",
    aws.EgressProxy: "millwright:aws:EgressProxy",
    aws.ImageScanning: "millwright:aws:ImageScanning",
    aws.Keys: "millwright:aws:Keys",
    aws.Network: "millwright:aws:Network",
    aws.Queue: "millwright:aws:Queue",
    aws.Registry: "millwright:aws:Registry",
    aws.Secrets: "millwright:aws:Secrets",
    aws.Service: "millwright:aws:Service",
    aws.StateStore: "millwright:aws:StateStore",
    aws.Worker: "millwright:aws:Worker",
    aws.WorkflowIdentity: "millwright:aws:WorkflowIdentity",
}
# What a program declares; everything else is a part of one of these.
WHOLE = {AppFactory, Platform}
PLATFORM = "platform"
LETTING_OUT = "letting out"
MODULES = sorted(Path(components.__file__).parent.rglob("*.py"))


@pytest.fixture(scope="module", params=list(Environment), ids=str)
def environment(request: pytest.FixtureRequest) -> Environment:
    return request.param


@pytest.fixture(scope="module")
def declared(environment: Environment) -> list[Declared]:
    return declared_factory(spec_of(), environment)


@pytest.fixture(scope="module", params=[*Environment, LETTING_OUT, PLATFORM], ids=str)
def whole(request: pytest.FixtureRequest) -> list[Declared]:
    """An app's factory in each environment, one whose agents may reach hosts, and the platform."""
    if request.param == LETTING_OUT:
        return declared_factory(letting_out(), Environment.BUILD)
    return declared_platform() if request.param == PLATFORM else declared_factory(spec_of(), request.param)


def _aws_class(token: str) -> type:
    _, module, name = token.split(":")
    return getattr(importlib.import_module(f"pulumi_aws.{module.split('/')[0]}"), name)


def test_every_component_has_its_pinned_token() -> None:
    assert set(TOKENS) == WHOLE | {getattr(aws, name) for name in aws.__all__}
    factories = [resource for environment in Environment for resource in declared_factory(spec_of(), environment)]
    everything = factories + declared_platform()
    everything += declared_factory(letting_out(), Environment.BUILD)
    everything += declared_factory(adopting(), Environment.STAGING, answers=STANDING)
    assert {resource.type for resource in everything if resource.is_component} == set(TOKENS.values())
    assert all(token.rpartition(":")[2] == component.__name__ for component, token in TOKENS.items())


def test_every_component_registers_all_of_its_outputs(whole: list[Declared]) -> None:
    for resource in (resource for resource in whole if resource.is_component):
        (component,) = [known for known, token in TOKENS.items() if token == resource.type]
        expected = {"outputs"} if component in WHOLE else set(inspect.get_annotations(component))
        assert resource.outputs is not None, f"{resource.type} registers no outputs"
        assert set(resource.outputs) == expected
        assert all(resource.outputs.values())


def test_every_resource_has_the_component_that_made_it_as_its_parent(whole: list[Declared]) -> None:
    by_urn = {resource.urn: resource for resource in whole}
    (factory,) = [resource for resource in whole if resource.type in {TOKENS[each] for each in WHOLE}]
    for resource in whole:
        if resource is factory:
            assert "::pulumi:pulumi:Stack::my-factory-" in resource.parent
        elif resource.is_component:
            assert resource.parent == factory.urn
        else:
            assert by_urn[resource.parent].is_component
            assert by_urn[resource.parent] is not factory


def test_everything_that_can_be_tagged_has_its_name_as_a_tag(whole: list[Declared]) -> None:
    taggable = [r for r in whole if not r.is_component and hasattr(_aws_class(r.type), "tags")]
    assert len(taggable) >= 5
    assert {r.urn: r.inputs.get("tags", {}).get("Name") for r in taggable} == {r.urn: r.name for r in taggable}
    assert not hasattr(pulumi_aws.kms.Alias, "tags")


def test_the_same_spec_always_declares_the_same(environment: Environment, declared: list[Declared]) -> None:
    other_order = spec_of(agents={"code-reviewer": {}, "coder": {"secrets": ["signing-key"]}})
    for spec in (spec_of(), other_order):
        other = declare(partial(factory_of, spec, environment), stack=spec.stack(environment))
        assert {r.urn: r.inputs for r in other} == {r.urn: r.inputs for r in declared}


def test_what_an_environment_holds_follows_the_table(environment: Environment, declared: list[Declared]) -> None:
    present = {resource.type.rpartition(":")[2] for resource in declared if resource.is_component}
    contents = CONTENTS[environment]
    expected = {"AppFactory", "AuditTrail", "Budget", "Database", "Keys", "Network", "Queue", "Secrets"}
    expected |= {"AgentIdentity", "AgentRunner"} if contents.agents else set()
    expected |= {"Registry"} if contents.registry else set()
    expected |= {"Ci"} if contents.ci else set()
    expected |= {"Service", "Worker"} if contents.service else set()
    assert present == expected


def test_agents_and_the_service_never_share_an_environment() -> None:
    assert all(contents.agents != contents.service for contents in CONTENTS.values())


def test_the_outputs_of_a_factory_have_the_shape_that_other_rooms_read(
    environment: Environment, declared: list[Declared]
) -> None:
    (factory,) = [resource for resource in declared if resource.type == TOKENS[AppFactory]]
    outputs = AppFactoryOutputs.model_validate(factory.outputs["outputs"])
    contents = CONTENTS[environment]
    assert (outputs.app, outputs.environment, outputs.spec) == ("links", environment, spec_of().digest())
    assert set(outputs.agents) == ({"coder", "code-reviewer"} if contents.agents else set())
    assert (outputs.registry is not None, outputs.service is not None) == (contents.registry, contents.service)
    assert (outputs.ci is not None) == contents.ci


@pytest.mark.parametrize("github", [True, False])
def test_the_same_platform_is_always_declared_the_same_and_told_in_its_outputs(github: bool) -> None:
    declared = declared_platform(github=github)
    assert {r.urn: r.inputs for r in declared_platform(github=github)} == {r.urn: r.inputs for r in declared}
    (platform,) = [resource for resource in declared if resource.type == TOKENS[Platform]]
    outputs = PlatformOutputs.model_validate(platform.outputs["outputs"])
    assert (outputs.audit.store, outputs.state.store) == ("platform-audit-123456789012", "platform-state-123456789012")
    assert (outputs.workflows is not None) is github
    assert any(resource.type == TOKENS[aws.WorkflowIdentity] for resource in declared) is github


def test_nothing_calls_the_network_while_it_is_declared() -> None:
    # `declared` has built everything without an answer to any call; this is what a call would do.
    with pytest.raises(Exception, match="getCallerIdentity"):
        declare(pulumi_aws.get_caller_identity)


def test_what_fails_in_an_apply_fails_the_test_that_declares_it() -> None:
    def program() -> None:
        factory = factory_of(spec_of(), Environment.BUILD)
        pulumi.export("broken", factory.outputs.apply(lambda outputs: outputs["no such output"]))
        aws.Keys("broken", {"account": factory.outputs.apply(lambda known: known["none"]), "region": "eu-central-1"})

    with pytest.raises(KeyError, match=r"none|no such output"):
        declare(program)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_component_modules_evaluate_their_annotations(path: Path) -> None:
    assert "from __future__ import annotations" not in path.read_text()


def _undocumented(node: ast.ClassDef) -> list[str]:
    """Annotated names in the class body that no string follows."""
    pairs = zip(node.body, [*node.body[1:], None], strict=True)
    return [
        ast.unparse(item.target)
        for item, after in pairs
        if isinstance(item, ast.AnnAssign)
        and not (
            isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and isinstance(after.value.value, str)
        )
    ]


def _documented_classes() -> list[ast.ClassDef]:
    bases = {"TypedDict", "pulumi.ComponentResource"}
    classes = [
        node for path in MODULES for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef)
    ]
    return [node for node in classes if bases & {ast.unparse(base) for base in node.bases}]


@pytest.mark.parametrize("node", _documented_classes(), ids=lambda node: node.name)
def test_every_argument_and_output_says_what_it_is(node: ast.ClassDef) -> None:
    assert ast.get_docstring(node)
    assert _undocumented(node) == []


def test_an_argument_without_a_docstring_would_be_noticed() -> None:
    (node,) = ast.parse('class Args(TypedDict):\n    a: int\n    """Said."""\n    b: str\n').body
    assert _undocumented(node) == ["b"]
    assert len(_documented_classes()) >= 2 * len(TOKENS)


def test_an_access_rule_names_what_stands_where_it_is_declared() -> None:
    assert STANDS_IN["services"] == tuple(each for each in Environment if CONTENTS[each].service)
    assert STANDS_IN[REPOSITORY] == tuple(each for each in Environment if CONTENTS[each].agents)
