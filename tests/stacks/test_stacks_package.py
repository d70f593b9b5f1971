"""The component package: a program in any language declares what the factory's own program does, or is refused."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest
from component_mocks import ACCOUNT, ARTEFACT, Declared, declare, declared_factory
from pulumi.errors import InputPropertiesError
from pulumi.provider.experimental.component import ComponentProvider
from spec_strategies import GOOD, factory_in

from factory.document import load_document
from factory.spec import Environment
from factory.spec.loading import spec_from
from stacks.package import inputs
from stacks.package.app_factory import AppFactory
from stacks.package.inputs import factory_at

ZONES = {"aws:index/getAvailabilityZones:getAvailabilityZones": {"names": ["eu-central-1a", "eu-central-1b"]}}
SECRETS = {"signing-key": "only-in-the-vault"}
STAGING = {"app": "links", "environment": "staging", "artefact": ARTEFACT, "secrets": SECRETS}
SHOP = GOOD.replace("name: links", "name: shop").replace("10.20.0.0", "10.77.0.0")


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a program, beside a factory that has the app links."""
    factory_at(str(factory_in(tmp_path / "factory").path))
    folder = tmp_path / "program"
    folder.mkdir()
    monkeypatch.chdir(folder)
    yield folder
    inputs._roots.clear()


def made(name: str, args: dict[str, Any]) -> list[Declared]:
    return declare(lambda: AppFactory(name, args), stack="dev", answers=ZONES)


def refused(name: str, args: dict[str, Any]) -> str:
    with pytest.raises(InputPropertiesError) as caught:
        made(name, args)
    return caught.value.message


def kinds(declared: list[Declared]) -> set[tuple[str, str]]:
    return {(each.type, each.name) for each in declared if not each.type.startswith("pulumi:providers:")}


@pytest.mark.parametrize("environment", [Environment.BUILD, Environment.STAGING])
def test_it_declares_what_the_factorys_own_program_declares(program: Path, environment: Environment) -> None:
    found = made(f"links-{environment}", STAGING | {"environment": environment.value})
    path = program.parent / "factory" / "apps" / "links" / "app.yaml"
    own = declared_factory(spec_from(load_document(path)), environment)
    assert kinds(found) == kinds(own)
    (provider,) = [each for each in found if each.type == "pulumi:providers:aws"]
    assert ACCOUNT in str(provider.inputs["allowedAccountIds"])
    assert '"owner"' in str(provider.inputs["defaultTags"])


def test_a_spec_in_the_programs_own_text_is_an_app_as_well(program: Path) -> None:
    spec = load_document(_file(program, SHOP)).data
    found = made("shop-build", {"environment": "build", "spec": spec, "secrets": SECRETS})
    assert ("aws:ec2/vpc:Vpc", "shop-build") in kinds(found)


def _file(folder: Path, text: str) -> Path:
    path = folder / "spec.yaml"
    path.write_text(text)
    return path


def test_production_is_decided_on_and_never_declared_by_a_program(program: Path) -> None:
    said = refused("links-production", STAGING | {"environment": "production"})
    assert "production changes only by a person's recorded decision" in said
    assert "millwright promote links" in said


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "an app nobody has": ("links-staging", STAGING | {"app": "lynks"}, "no app named 'lynks'"),
    "neither": ("links-staging", {"environment": "build"}, "give either app"),
    "both": ("links-staging", STAGING | {"spec": {}}, "give either app"),
    "another environment": ("links-staging", STAGING | {"environment": "test"}, "build, staging, production"),
    "another name": ("links", STAGING, "set its name: links-staging"),
    "no artefact": ("links-staging", STAGING | {"artefact": "latest"}, "artefact must be the digest"),
    "no secret": ("links-staging", STAGING | {"secrets": {}}, "signing-key is missing"),
    "a strange secret": ("links-staging", STAGING | {"secrets": SECRETS | {"x": "y"}}, "x is not declared"),
    "a real account": ("links-staging", STAGING | {"account": "210987654321"}, "nothing builds images yet"),
    "no mapping": ("shop-build", {"environment": "build", "spec": "shop"}, "spec must be a mapping"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_declared_is_told(program: Path, case: str) -> None:
    name, args, words = REFUSED[case]
    assert words in refused(name, args)


def test_what_is_known_only_after_other_resources_is_told(program: Path) -> None:
    def late() -> None:
        AppFactory("links-staging", STAGING | {"app": pulumi.Output.from_input("links")})

    with pytest.raises(InputPropertiesError, match="app is not known before the update"):
        declare(late, stack="dev", answers=ZONES)


def _as_program(program: Path, change: Callable[[str], str]) -> dict[str, Any]:
    """Puts the spec into a program in YAML; the inputs as they arrive, with every number as a fraction."""
    indented = "".join(f"        {line}\n" for line in change(SHOP).splitlines())
    text = f"name: p\nruntime: yaml\nresources:\n  shop:\n    properties:\n      spec:\n{indented}"
    (program / "Pulumi.yaml").write_text(text)
    spec = load_document(program / "Pulumi.yaml").data["resources"]["shop"]["properties"]["spec"]
    spec["services"]["web"] = {key: float(value) for key, value in spec["services"]["web"].items()}
    return {"environment": "build", "spec": spec, "secrets": SECRETS}


def test_mistakes_of_a_spec_in_a_program_are_told_at_their_places_in_it(program: Path) -> None:
    args = _as_program(program, lambda text: text.replace("8080", "80").replace("10.77.0.0/16", "10.77.0.0/24"))
    said = refused("shop-build", args)
    assert "Pulumi.yaml:12:17: network.cidr: must be a private range" in said
    assert "Pulumi.yaml:15:19: services.web.port" in said
    made("shop-build", _as_program(program, lambda text: text))


def test_a_spec_in_a_program_takes_no_name_and_no_network_of_the_factorys_apps(program: Path) -> None:
    taken = _as_program(program, lambda text: text.replace("10.77", "10.20"))
    assert "network.cidr: overlaps 10.20.0.0/16, the network of links" in refused("shop-build", taken)
    twin = _as_program(program, lambda text: text.replace("shop", "links"))
    assert "write `app: links` instead" in refused("links-build", twin)


def test_its_schema_can_be_read_and_asks_for_plain_values() -> None:
    schema = json.loads(ComponentProvider([AppFactory], "millwright").schema)
    told = schema["resources"]["millwright:index:AppFactory"]
    assert told["requiredInputs"] == ["environment"]
    assert all(told["inputProperties"][name]["plain"] for name in ("environment", "app", "account", "artefact"))
