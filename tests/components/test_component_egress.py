"""The egress proxy's component: only on need, beside what stands already, and each function behind its own door."""

import ipaddress
import json
import logging
from pathlib import Path

import pytest
from component_mocks import Declared, declared_factory, letting_out, spec_of
from standing_network import EXISTING, STANDING

from access.egress import service
from components import CONTENTS
from factory.egress_lists import Lists, port_of
from factory.egress_service import ENTRY_POINT, is_proxy
from factory.outputs import AppFactoryOutputs
from factory.paths import find_root
from factory.spec import AppSpec, Environment, Function, app_names, load_app

NAME = "letout-build"
PROXY = f"{NAME}-egress"
ANYWHERE = "0.0.0.0/0"


@pytest.fixture(scope="module")
def declared() -> list[Declared]:
    return declared_factory(letting_out(), Environment.BUILD)


def without_lists(spec: AppSpec) -> AppSpec:
    agents = {function: agent.model_copy(update={"egress": []}) for function, agent in spec.agents.items()}
    return spec.model_copy(update={"agents": agents})


def told(declared: list[Declared]) -> dict[str, dict[str, object]]:
    return {each.urn: each.inputs for each in declared}


def of(declared: list[Declared], kind: str) -> dict[str, Declared]:
    return {each.name: each for each in declared if each.type.endswith(f"/{kind}")}


def made_by(declared: list[Declared]) -> set[str]:
    return {each.urn for each in declared if "millwright:aws:EgressProxy" in each.urn}


@pytest.mark.parametrize("environment", Environment)
def test_a_way_out_is_declared_where_agents_work_and_only_on_need(environment: Environment) -> None:
    with_lists = made_by(declared_factory(letting_out(), environment))
    assert bool(with_lists) is CONTENTS[environment].agents
    assert made_by(declared_factory(without_lists(letting_out()), environment)) == set()


def test_no_app_of_this_factory_has_a_list_so_none_gets_a_way_out() -> None:
    root = find_root(Path(__file__).parent)
    specs = [load_app(root, name) for name in app_names(root)]
    assert len(specs) >= 3
    assert [spec.name for spec in specs if spec.egress] == []


def test_a_list_that_comes_later_changes_no_network_and_replaces_nothing(declared: list[Declared]) -> None:
    before = told(declared_factory(without_lists(letting_out()), Environment.BUILD))
    after = told(declared)
    added = after.keys() - before.keys()
    assert added == made_by(declared)
    changed = {urn.rpartition("::")[2] for urn in before if before[urn] != after[urn] and "AppFactory::" not in urn}
    # A task definition is a new revision whatever changes in it.
    assert changed == {f"{NAME}-agents-coder", f"{NAME}-agents-tester"}


def test_the_way_out_lies_where_no_environment_is(declared: list[Declared]) -> None:
    spec = letting_out()
    (added,) = of(declared, "vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation").values()
    block = ipaddress.IPv4Network(added.inputs["cidrBlock"])
    assert block.subnet_of(ipaddress.IPv4Network(spec.network.cidr))
    assert not any(block.overlaps(spec.network_of(each)) for each in Environment)
    inside = [ipaddress.IPv4Network(each.inputs["cidrBlock"]) for each in of(declared, "subnet:Subnet").values()]
    assert sum(each.subnet_of(block) for each in inside) == 2
    assert len(inside) == 4


def test_no_route_leads_out_but_the_proxys(declared: list[Declared]) -> None:
    tables = of(declared, "routeTable:RouteTable")
    assert {name: each.inputs.get("routes") for name, each in tables.items()} == {
        NAME: None,
        PROXY: [{"cidrBlock": ANYWHERE, "natGatewayId": f"NatGateway/{PROXY}"}],
        f"{PROXY}-edge": [{"cidrBlock": ANYWHERE, "gatewayId": f"InternetGateway/{PROXY}"}],
    }
    joined = of(declared, "routeTableAssociation:RouteTableAssociation")
    assert joined[PROXY].inputs["subnetId"] == f"Subnet/{PROXY}"
    (service_,) = of(declared, "service:Service").keys() & {PROXY}
    configured = next(each for each in declared if each.type == "aws:ecs/service:Service" and each.name == service_)
    assert configured.inputs["networkConfiguration"]["subnets"] == [f"Subnet/{PROXY}"]


def test_a_function_reaches_its_own_port_and_nobody_reaches_anything_else(declared: list[Declared]) -> None:
    ingress = of(declared, "securityGroupIngressRule:SecurityGroupIngressRule")
    doors = {
        name: (each.inputs["fromPort"], each.inputs["toPort"], each.inputs["referencedSecurityGroupId"])
        for name, each in ingress.items()
        if each.inputs["securityGroupId"] == f"SecurityGroup/{PROXY}"
    }
    assert doors == {
        f"{NAME}-agents-{function}-egress": (port_of(function),) * 2 + (f"SecurityGroup/{NAME}-agents-{function}",)
        for function in (Function.CODER, Function.TESTER)
    }
    assert len({port_of(function) for function in Function}) == len(Function)
    out = of(declared, "securityGroupEgressRule:SecurityGroupEgressRule").values()
    anywhere = {(each.inputs["securityGroupId"], each.inputs["toPort"]) for each in out if "cidrIpv4" in each.inputs}
    assert anywhere == {(f"SecurityGroup/{PROXY}", 443), (f"SecurityGroup/{PROXY}", 8443)}


def test_a_task_is_told_its_proxy_and_one_without_a_list_is_told_nothing(declared: list[Declared]) -> None:
    variables = {}
    for name, task in of(declared, "taskDefinition:TaskDefinition").items():
        (container,) = json.loads(task.inputs["containerDefinitions"])
        variables[name] = {each["name"]: each["value"] for each in container.get("environment", [])}
    assert variables[f"{NAME}-agents-coder"] == {
        "HTTPS_PROXY": f"http://egress.{NAME}.internal:{port_of(Function.CODER)}",
        "NO_PROXY": ".eu-central-1.amazonaws.com",
    }
    assert variables[f"{NAME}-agents-tester"]["HTTPS_PROXY"].endswith(f":{port_of(Function.TESTER)}")
    assert variables[f"{NAME}-agents-code-reviewer"] == {}
    (factory,) = [each for each in declared if each.type == "millwright:index:AppFactory"]
    agents = AppFactoryOutputs.model_validate((factory.outputs or {})["outputs"]).agents
    assert {function: agent.firewall for function, agent in agents.items()} == {
        "coder": f"SecurityGroup/{NAME}-agents-coder",
        "tester": f"SecurityGroup/{NAME}-agents-tester",
        "code-reviewer": None,
    }


def test_what_is_started_is_the_proxy_and_what_it_is_told_is_the_lists(declared: list[Declared]) -> None:
    (container,) = json.loads(of(declared, "taskDefinition:TaskDefinition")[PROXY].inputs["containerDefinitions"])
    assert is_proxy(container)
    assert not is_proxy(container | {"entryPoint": ["python", "-m", "agents"]})
    assert ENTRY_POINT[-1] == service.__name__
    (text,) = container["command"]
    lists = Lists.model_validate_json(text)
    assert {function: door.hosts for function, door in lists.functions.items()} == {
        Function.CODER: ("packages.example.com", "api.example.com:8443"),
        Function.TESTER: ("*.files.example.com",),
    }
    assert container["logConfiguration"]["options"]["mode"] == "blocking"
    (role,) = [each for name, each in of(declared, "role:Role").items() if name == PROXY]
    assert "managedPolicyArns" not in role.inputs
    assert PROXY not in of(declared, "rolePolicy:RolePolicy")


def test_an_adopted_network_gets_no_way_out_and_that_is_said(caplog: pytest.LogCaptureFixture) -> None:
    adopting = spec_of(
        name="letout",
        agents={"coder": {"egress": ["packages.example.com"]}},
        environments={"build": {"network": {"existing": EXISTING}}, "staging": {}, "production": {}},
    )
    with caplog.at_level(logging.WARNING):
        declared = declared_factory(adopting, Environment.BUILD, answers=STANDING)
    assert made_by(declared) == set()
    assert "egress lists of coder hold for agents on the worker's own host only" in caplog.text
    caplog.clear()
    assert made_by(declared_factory(letting_out(), Environment.BUILD)) != set()
    assert caplog.text == ""
