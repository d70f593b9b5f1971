"""A Pulumi state as the Terraform configuration that declares the same: for `tests.bench.driver`, pure.

Generated and not written by hand, so that it stays the equivalent when the components change. Which names a type has
comes from Terraform's own schema (`terraform providers schema -json`); what has no counterpart there is an error.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
# How a state marks a secret (sdk/go/common/resource/sig), and what it is then written with.
SIGNATURE, PLAINTEXT = "4dabf18193072939515e22adb298388d", "plaintext"
PROVIDER_TYPE = "pulumi:providers:aws"
# Where the name is not `aws_`, the service and the kind.
IRREGULAR: Mapping[str, str] = {
    "codepipeline/pipeline": "aws_codepipeline",
    "rds/instance": "aws_db_instance",
    "rds/subnetGroup": "aws_db_subnet_group",
}
# What Terraform calls a service in `endpoints`, where that is not the first word of its types.
ENDPOINTS: Mapping[str, str] = {"cloudwatch": "logs", "vpc": "ec2"}
ALWAYS_CALLED = ("sts", "iam", "ec2")
# The provider's own doing on both sides: tags of the resource and of the provider together.
COMPUTED = ("tagsAll",)


class NoCounterpart(ValueError):
    """What a state declares, this AWS provider of Terraform cannot."""


@dataclass(frozen=True)
class Address:
    """What Terraform calls a resource."""

    type: str
    name: str

    def __str__(self) -> str:
        return f"{self.type}.{self.name}"


def cloud_resources(state: Json) -> list[Json]:
    """The resources of a deployment that a cloud holds; components, stack and provider are Pulumi's own."""
    return [each for each in state["resources"] if each["type"].startswith("aws:")]


def addresses(state: Json) -> dict[str, Address]:
    """What Terraform calls each cloud resource, by URN."""
    found: dict[str, Address] = {}
    for each in cloud_resources(state):
        base = re.sub(r"\W", "_", each["urn"].rpartition("::")[2])
        taken = {address.name for address in found.values() if address.type == terraform_type(each["type"])}
        number = next(n for n in range(1, len(found) + 2) if _numbered(base, n) not in taken)
        found[each["urn"]] = Address(terraform_type(each["type"]), _numbered(base, number))
    return found


def _numbered(base: str, number: int) -> str:
    return base if number == 1 else f"{base}_{number}"


def terraform_type(token: str) -> str:
    """`aws:kms/key:Key` as `aws_kms_key`."""
    kind = token.split(":")[1]
    if kind in IRREGULAR:
        return IRREGULAR[kind]
    service, _, name = kind.partition("/")
    # Alone of all services, EC2 has no prefix.
    return f"aws_{snake(name)}" if service == "ec2" else f"aws_{service}_{snake(name)}"


def snake(name: str) -> str:
    """`kmsKeyId` as `kms_key_id`."""
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


@dataclass(frozen=True)
class Generated:
    """The `main.tf.json`, and the properties that this version of the provider does not have: they are not in it."""

    document: Json
    left_out: tuple[str, ...]


def configuration(state: Json, schemas: Mapping[str, Json], endpoint: str) -> Generated:
    """The configuration that declares what `state` holds, against the cloud at `endpoint`.

    `state` is a deployment with secrets in plain text; `schemas` are the provider's `resource_schemas`. Raises
    NoCounterpart for a type that the provider does not have.
    """
    named = addresses(state)
    by_urn = {each["urn"]: each for each in cloud_resources(state)}
    resources: dict[str, Json] = {}
    left_out: list[str] = []
    for urn, address in named.items():
        if address.type not in schemas:
            raise NoCounterpart(f"{by_urn[urn]['type']}: this provider has no {address.type}")
        schema = _Schema(schemas[address.type]["block"], str(address), left_out)
        resources.setdefault(address.type, {})[address.name] = _resource(by_urn[urn], by_urn, named, schema)
    services = sorted({ENDPOINTS.get(service, service) for service in _services(by_urn.values())})
    document = {
        "terraform": {"required_providers": {"aws": {"source": "hashicorp/aws"}}},
        "provider": {"aws": _provider(state, services, endpoint)},
        "resource": resources,
    }
    return Generated(document, tuple(left_out))


def _services(resources: Iterable[Json]) -> set[str]:
    return {*ALWAYS_CALLED, *(each["type"].split(":")[1].partition("/")[0] for each in resources)}


def _provider(state: Json, services: Sequence[str], endpoint: str) -> Json:
    inputs = next(each["inputs"] for each in state["resources"] if each["type"] == PROVIDER_TYPE)
    account = json.loads(inputs["allowedAccountIds"])[0]
    return {
        "region": inputs["region"],
        "allowed_account_ids": [account],
        "access_key": account,
        "secret_key": "local",
        "s3_use_path_style": True,
        "skip_credentials_validation": True,
        "skip_metadata_api_check": True,
        "skip_region_validation": True,
        "default_tags": [json.loads(inputs["defaultTags"])],
        "endpoints": [dict.fromkeys(services, endpoint)],
    }


def _resource(resource: Json, by_urn: Mapping[str, Json], named: Mapping[str, Address], schema: "_Schema") -> Json:
    # A default was nobody's decision, and the other side has its own.
    dropped = {*COMPUTED, "__defaults", *resource["inputs"].get("__defaults", ())}
    given, referred = {}, set()
    for key, value in resource["inputs"].items():
        if key in dropped:
            continue
        targets = [urn for urn in resource.get("propertyDependencies", {}).get(key, ()) if urn in named]
        references = _References({urn: (by_urn[urn], named[urn]) for urn in targets})
        given[key] = references.put(plain(value))
        referred |= references.used
    body = schema.body(given)
    others = sorted(str(named[urn]) for urn in resource.get("dependencies", ()) if urn in named and urn not in referred)
    return body | ({"depends_on": others} if others else {})


def plain(value: Any) -> Any:
    """A value of a state with its secrets as they are."""
    if isinstance(value, dict):
        if SIGNATURE in value:
            return json.loads(value[PLAINTEXT])
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


class _References:
    """Puts references where a property holds what another resource is known by; `used` are their URNs."""

    def __init__(self, targets: Mapping[str, tuple[Json, Address]]) -> None:
        self.used: set[str] = set()
        self._known: dict[str, tuple[str, str]] = {}
        for urn, (resource, address) in targets.items():
            outputs = {key: resource["outputs"].get(key) for key in ("name", "address", "endpoint", "arn")}
            for attribute, value in {**outputs, "id": resource["id"]}.items():
                if isinstance(value, str) and value:
                    self._known[escaped(value)] = (urn, f"${{{address}.{attribute}}}")
        # The longest first: an ARN holds a name.
        words = "|".join(re.escape(word) for word in sorted(self._known, key=len, reverse=True))
        self._pattern = re.compile(rf"(?<![\w-])(?:{words})(?![\w-])") if words else None

    def put(self, value: Any) -> Any:
        match value:
            case dict():
                return {key: self.put(each) for key, each in value.items()}
            case list():
                return [self.put(each) for each in value]
            case str():
                return self._pattern.sub(self._reference, escaped(value)) if self._pattern else escaped(value)
        return value

    def _reference(self, found: re.Match[str]) -> str:
        urn, expression = self._known[found.group()]
        self.used.add(urn)
        return expression


def escaped(text: str) -> str:
    """Text that Terraform takes as it stands."""
    return text.replace("${", "$${").replace("%{", "%%{")


@dataclass(frozen=True)
class _Schema:
    """One block of a provider's schema, at `path`; what it does not name goes to `left_out`."""

    block: Json
    path: str
    left_out: list[str]

    def body(self, values: Json) -> Json:
        """The block that says `values`, in the schema's names."""
        found: Json = {}
        for key, value in values.items():
            name = self._named(key)
            if name is None:
                self.left_out.append(f"{self.path}: {snake(key)}")
            elif nested := self.block.get("block_types", {}).get(name):
                # A block that stands once is an object in Pulumi.
                entries = value if isinstance(value, list) else [value]
                found[name] = [self._within(name, nested["block"]).body(entry) for entry in entries]
            else:
                found[name] = self._attribute(name, value, self.block["attributes"][name]["type"])
        return found

    def _named(self, key: str) -> str | None:
        """Pulumi has `kmsKeyId` for `kms_key_id`, and the plural for a block that may be repeated."""
        name = snake(key)
        singular = name.removesuffix("ies") + "y" if name.endswith("ies") else name.removesuffix("s")
        known = {*self.block.get("attributes", {}), *self.block.get("block_types", {})}
        return next((each for each in (name, singular) if each in known), None)

    def _within(self, name: str, block: Json) -> "_Schema":
        return _Schema(block, f"{self.path}.{name}", self.left_out)

    def _attribute(self, name: str, value: Any, kind: Any) -> Any:
        match kind:
            case ["list" | "set", ["object", fields]]:
                entries = value if isinstance(value, list) else [value]
                inner = self._within(name, {"attributes": {field: {"type": each} for field, each in fields.items()}})
                # Of an object as a value, every field must be given.
                return [dict.fromkeys(fields) | inner.body(entry) for entry in entries]
            case ["list" | "set", _] if not isinstance(value, list):
                return [value]
        return value
