"""Single components of the package: each declares what the factory's own does, in its place, or is refused."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest
from component_mocks import ACCOUNT, Declared, declare, declared_factory, spec_of
from declared_policies import findings_on, told
from pulumi.errors import InputPropertiesError
from pulumi.provider.experimental.component import ComponentProvider
from spec_strategies import factory_in

from factory.spec import Environment
from stacks.package import inputs, parts
from stacks.package.inputs import factory_at

ZONES = {"aws:index/getAvailabilityZones:getAvailabilityZones": {"names": ["eu-central-1a", "eu-central-1b"]}}
PLACE = {"app": "links", "environment": "build"}
OWN_PLACE = {"app": "shop", "environment": "staging", "owner": "shop-team", "region": "eu-west-1"}
KEY = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/k"
NETWORK = {"network_id": "vpc-0a1b2c3d", "subnet_ids": ["subnet-0a1b2c3d", "subnet-1a1b2c3d"]}
# Each with the least that it takes, and the type that the factory's own program has of it.
LEAST: dict[type[pulumi.ComponentResource], dict[str, Any]] = {
    parts.Keys: {},
    parts.Network: {"cidr": "10.77.0.0/18", "key": KEY},
    parts.Secrets: {"names": ["signing-key"], "values": {"signing-key": "only-in-the-vault"}, "key": KEY},
    parts.Database: {"key": KEY, "password": "only-in-the-vault", **NETWORK},
    parts.Queue: {"key": KEY},
    parts.Registry: {"key": KEY},
    parts.Budget: {"dollars": 100.0},
    parts.AuditTrail: {"key": KEY},
}


@pytest.fixture(autouse=True)
def _factory(tmp_path: Path) -> Iterator[None]:
    factory_at(str(factory_in(tmp_path / "factory").path))
    yield
    inputs._roots.clear()


def made(
    component: type[pulumi.ComponentResource], place: dict[str, Any] | None = None, name: str = "", **more: Any
) -> list[Declared]:
    where = PLACE if place is None else place
    called = name or f"{where['app']}-{where['environment']}-part"
    args = {"place": where, **LEAST[component], **more}
    return declare(lambda: component(called, args), stack="dev", answers=ZONES)


def refused(component: type[pulumi.ComponentResource], *args: Any, **more: Any) -> str:
    with pytest.raises(InputPropertiesError) as caught:
        made(component, *args, **more)
    return caught.value.message


def of_type(declared: list[Declared], kind: str) -> Declared:
    (found,) = [each for each in declared if each.type == kind]
    return found


def test_every_part_that_can_stand_alone_is_in_the_package() -> None:
    assert set(LEAST) == set(parts.PARTS)


@pytest.mark.parametrize("component", LEAST, ids=lambda each: each.__name__)
def test_a_part_makes_what_the_factory_makes_and_the_policies_have_nothing_to_say(
    component: type[pulumi.ComponentResource],
) -> None:
    found = made(component)
    inner = of_type(found, f"millwright:aws:{component.__name__}")
    assert inner.parent.endswith(f"millwright:index:{component.__name__}::links-build-part")
    own = declared_factory(spec_of(databases={"part": {}}, queues={"part": {}}), Environment.BUILD)
    below = {each.urn: each for each in own if f"millwright:aws:{component.__name__}" in each.urn}
    expected = {each.type for each in below.values() if not each.is_component}
    assert {each.type for each in found if each.parent == inner.urn} == expected
    whole = of_type(found, f"millwright:index:{component.__name__}")
    assert set(whole.outputs or {}) == {name for name in component.__annotations__ if not name.startswith("_")}
    # What costs while it idles needs a budget beside it, which is a part of its own.
    needs = [("budgeted", "links-build-part")] if component.__name__ == "Database" else []
    assert told(findings_on(found, "links-build")) == needs


@pytest.mark.parametrize("component", LEAST, ids=lambda each: each.__name__)
def test_what_a_part_makes_has_the_houses_tags_one_account_and_the_parts_name(
    component: type[pulumi.ComponentResource],
) -> None:
    provider = of_type(made(component, OWN_PLACE), "pulumi:providers:aws")
    tags = json.loads(provider.inputs["defaultTags"])["tags"]
    assert tags == {
        "app": "shop",
        "environment": "staging",
        "owner": "shop-team",
        "cost-center": "shop-team",
        "managed-by": "millwright",
    }
    assert (provider.inputs["region"], json.loads(provider.inputs["allowedAccountIds"])) == ("eu-west-1", [ACCOUNT])
    # An app of the factory has its owner, payer and region in its app.yaml.
    found = made(component)
    provider = of_type(found, "pulumi:providers:aws")
    assert provider.inputs["region"] == "eu-central-1"
    assert all(each.name.startswith("links-build-part") for each in found if each.type != "pulumi:pulumi:Stack")


@pytest.mark.parametrize("component", LEAST, ids=lambda each: each.__name__)
def test_production_is_refused_for_every_part(component: type[pulumi.ComponentResource]) -> None:
    for app in (PLACE, OWN_PLACE):
        said = refused(component, app | {"environment": "production"})
        assert "production changes only by a person's recorded decision" in said
        assert f"millwright promote {app['app']}" in said


PLACES: dict[str, tuple[dict[str, Any], str, str]] = {
    "another environment": (PLACE | {"environment": "test"}, "", "environment: not one of the values it can have"),
    "a bad app": (PLACE | {"app": "Links"}, "", "app: a name is 1 to 16 lower-case letters"),
    "an owner of an app of the factory": (PLACE | {"owner": "me"}, "", "its app.yaml says owner"),
    "no owner": ({"app": "shop", "environment": "build"}, "", "place.owner and place.region are missing"),
    "no region": (OWN_PLACE | {"region": "europe"}, "", "region: String should match pattern"),
    "no account": (OWN_PLACE | {"account": "me"}, "", "allowed: 12 digits"),
    "a strange key": (PLACE | {"envrionment": "build"}, "", "unknown key"),
    "the name of the stack": (PLACE, "links-build", "set its name: links-build-<part>"),
    "the name of another app": (PLACE, "shop-build-part", "set its name: links-build-<part>"),
    "no name for a cloud": (PLACE, "links-build-Part", "set its name: links-build-<part>"),
    "a long name": (PLACE, "links-build-" + "p" * 25, "set its name: links-build-<part>"),
}


@pytest.mark.parametrize("case", PLACES)
def test_a_place_that_is_none_is_told(case: str) -> None:
    place, name, words = PLACES[case]
    assert words in refused(parts.Queue, place, name)


WRONG: dict[str, tuple[type[pulumi.ComponentResource], dict[str, Any], str]] = {
    "another app's network": (parts.Network, {"place": OWN_PLACE, "cidr": "10.20.64.0/18"}, "the network of links"),
    "a public network": (parts.Network, {"cidr": "8.8.0.0/16"}, "must be a private range of /16 to /28"),
    "a size that is none": (parts.Database, {"size": "huge"}, "size: not one of the values it can have"),
    "a disk that is too small": (parts.Database, {"storage": 5.0}, "storage: Input should be greater than"),
    "no backups": (parts.Database, {"backups": 0}, "backups: Input should be greater than"),
    "too many attempts": (parts.Queue, {"attempts": 1000.0}, "attempts: Input should be less than"),
    "too short an audit": (parts.AuditTrail, {"days": 30.0}, "audit: Input should be greater than"),
    "a budget of nothing": (parts.Budget, {"dollars": 0}, "dollars: Input should be greater than"),
    "a secret without a value": (parts.Secrets, {"values": {}}, "signing-key is missing"),
    "a value without a name": (parts.Secrets, {"values": {"signing-key": "a", "x": "b"}}, "x is not declared"),
    "no secret": (parts.Secrets, {"names": [], "values": {}}, "names: List should have at least 1 item"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_app_yaml_would_not_take_is_told_by_its_name(case: str) -> None:
    component, given, words = WRONG[case]
    place = given.get("place")
    made(component, place)
    assert words in refused(component, place, **{key: value for key, value in given.items() if key != "place"})


def test_what_is_known_only_after_other_resources_is_told() -> None:
    def late() -> None:
        place = {"app": pulumi.Output.from_input("links"), "environment": "build"}
        parts.Queue("links-build-part", {"place": place, "key": KEY})

    with pytest.raises(InputPropertiesError, match="app is not known before the update"):
        declare(late, stack="dev", answers=ZONES)


def test_a_password_and_the_value_of_a_secret_are_marked_wherever_they_come_from() -> None:
    instance = of_type(made(parts.Database), "aws:rds/instance:Instance")
    assert ("password",) in instance.secrets
    version = of_type(made(parts.Secrets), "aws:secretsmanager/secretVersion:SecretVersion")
    assert ("secretString",) in version.secrets


def test_the_schema_describes_every_component_input_and_output() -> None:
    schema = json.loads(ComponentProvider(parts.PARTS, "millwright").schema)
    described = [*schema["resources"].values(), *schema["types"].values()]
    assert len(described) == len(parts.PARTS) + 1
    for each in described:
        assert each["description"].endswith(".")
        for properties in (each.get("inputProperties") or {}) | each["properties"], each["properties"]:
            assert all(one.get("description", "").endswith(".") for one in properties.values()), properties
