"""What a Pulumi program declares, as plain data: the program runs to its end against a monitor that only writes down.

Nothing is asserted inside an `apply`: everything is awaited first, so that a failure in one cannot pass unnoticed.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks
from spec_strategies import GOOD

from components import AppFactory, Platform
from components.interfaces import GitSource
from factory.spec import AppSpec, Environment
from policies.decode import decode

ACCOUNT = "123456789012"
REGION = "eu-central-1"
ARTEFACT = "sha256:" + "ab" * 32
WHOLE = {"databases": {"database": {}}, "queues": {"jobs": {}}, "workers": {"adder": {}}}
SECRET = "only-in-the-vault"


@dataclass
class Declared:
    """One resource as the engine sees it: wire names, plain values, and the paths that are secret."""

    urn: str
    type: str
    name: str
    parent: str
    inputs: dict[str, Any]
    secrets: set[tuple[str | int, ...]]
    outputs: dict[str, Any] | None = None
    provider: str = ""
    protect: bool = False
    ignore_changes: tuple[str, ...] = ()
    property_dependencies: dict[str, tuple[str, ...]] = field(default_factory=dict)
    answered: dict[str, Any] = field(default_factory=dict)

    @property
    def is_component(self) -> bool:
        return self.type.startswith("millwright:")


class _Answers(Mocks):
    """Every resource is created at once, with an id and an ARN made of its type and name; calls may be refused."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self._answers = answers

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        made = f"{args.typ.rpartition(':')[2]}/{args.name}"
        known = {
            "arn",
            "keyId",
            "dnsName",
            "repositoryUrl",
            "address",
            "url",
            "prefixListId",
            "arnSuffix",
            "registryId",
        }
        return made, {**dict.fromkeys(known, f"arn:aws:made:{REGION}:{ACCOUNT}:{made}"), **args.inputs}

    def call(self, args: MockCallArgs) -> Any:
        if args.token not in self._answers:
            raise AssertionError(f"a network call during construction: {args.token}")
        answer = self._answers[args.token]
        return answer(args.args) if callable(answer) else answer


@dataclass
class _Monitor(MockMonitor):
    mocks: Mocks
    found: dict[str, Declared] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(self.mocks)

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 -- gRPC's name
        answer = super().RegisterResource(request)
        if request.type != "pulumi:pulumi:Stack":
            assert answer.urn not in self.found, f"declared twice: {answer.urn}"
            plain = decode(request.object)
            self.found[answer.urn] = Declared(
                answer.urn,
                request.type,
                request.name,
                request.parent,
                plain.properties,
                plain.secrets,
                # The engine's reference is the provider's URN with its id.
                provider=request.provider.rpartition("::")[0],
                protect=request.protect,
                ignore_changes=tuple(request.ignoreChanges),
                property_dependencies={name: tuple(d.urns) for name, d in request.propertyDependencies.items()},
                answered={**decode(answer.object).properties, "id": answer.id},
            )
        return answer

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 -- gRPC's name
        if request.urn in self.found:
            self.found[request.urn].outputs = decode(request.outputs).properties
        return super().RegisterResourceOutputs(request)


def declare(
    program: Callable[[], object],
    *,
    stack: str = "links-build",
    config: Mapping[str, str] | None = None,
    answers: Mapping[str, Any] | None = None,
) -> list[Declared]:
    """Every resource that `program` declares, in the order of registration."""
    monitor = _Monitor(_Answers(answers or {}))
    pulumi.runtime.set_mocks(monitor.mocks, "my-factory", stack, preview=False, monitor=monitor)
    pulumi.runtime.set_all_config(dict(config or {}), list(config or {}))

    def run() -> None:
        program()

    pulumi.runtime.test(run)()
    return list(monitor.found.values())


def spec_of(**changes: Any) -> AppSpec:
    """The spec of the good app.yaml with one of everything, and with some keys changed."""
    from ruamel.yaml import YAML

    return AppSpec.model_validate(YAML(typ="safe").load(GOOD) | WHOLE | changes)


def letting_out() -> AppSpec:
    """The same as another app, whose coder and tester may reach a few hosts."""
    agents = {
        "coder": {"secrets": ["signing-key"], "egress": ["packages.example.com", "api.example.com:8443"]},
        "tester": {"egress": ["*.files.example.com"]},
        "code-reviewer": {},
    }
    return spec_of(name="letout", agents=agents)


def factory_of(spec: AppSpec, environment: Environment, git: GitSource | None = None) -> AppFactory:
    """Declare an AppFactory in the running program, everything it is made from being known."""
    return AppFactory(
        spec.stack(environment),
        {
            "spec": spec,
            "environment": environment,
            "account": ACCOUNT,
            "zones": [f"{spec.region}a", f"{spec.region}b"],
            "artefact": ARTEFACT,
            "secrets": {name: pulumi.Output.secret(f"{SECRET}-{name}") for name in spec.secrets},
            "git": git,
            "passwords": {name: pulumi.Output.secret(f"{SECRET}-{name}") for name in spec.databases},
        },
        # As the program does.
        pulumi.ResourceOptions(protect=environment is Environment.PRODUCTION),
    )


def declared_factory(
    spec: AppSpec,
    environment: Environment,
    git: GitSource | None = None,
    answers: Mapping[str, Any] | None = None,
) -> list[Declared]:
    """What an AppFactory declares. Kept: the SDK takes a third of a second for it."""
    if git is not None or answers is not None:
        return declare(lambda: factory_of(spec, environment, git), stack=spec.stack(environment), answers=answers)
    key = (spec.model_dump_json(by_alias=True), environment)
    if key not in _TOLD:
        _TOLD[key] = declare(lambda: factory_of(spec, environment), stack=spec.stack(environment))
    # Some tests change what they are told.
    return copy.deepcopy(_TOLD[key])


_TOLD: dict[tuple[str, Environment], list[Declared]] = {}


def declared_platform(*, github: bool = True) -> list[Declared]:
    """What the platform declares: all that it can, unless told otherwise."""

    def program() -> None:
        Platform(
            "platform",
            {"account": ACCOUNT, "region": REGION, "spec": ARTEFACT, "github": github},
        )

    return declare(program, stack="platform")
