"""`millwright:index:AppFactory`: an app's factory in one environment, by inputs that any language can write."""

import re
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pulumi import Input, InvokeOptions, Output, ResourceOptions

import components
from components import CONTENTS
from factory.errors import InputError
from factory.settings import LOCAL_ACCOUNT
from factory.spec import AppSpec, Environment
from stacks.package.declared import declared_spec
from stacks.package.inputs import as_input_errors, is_known, refuse_production, the_factory, values_of
from stacks.provider import own_provider

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class AppFactoryArgs(TypedDict):
    """What a program says."""

    environment: str
    """Which of the app's environments: `build` or `staging`. Production is decided on, never declared here."""
    app: NotRequired[str]
    """An app of the factory whose engine runs the program, by the name of its folder."""
    spec: NotRequired[Any]
    """Instead of it, a whole app.yaml as a mapping."""
    account: NotRequired[str]
    """The only account that it may stand in; default: the local cloud's."""
    artefact: NotRequired[str]
    """Digest of the artefact that staging serves (`sha256:...`)."""
    secrets: NotRequired[Input[dict[str, Input[str]]]]
    """The value of each secret that the spec names."""
    passwords: NotRequired[Input[dict[str, Input[str]]]]
    """The password of each database that the spec names."""


class AppFactory(pulumi.ComponentResource):
    """An app's factory in one environment. Its name in the program must be that of the stack, `<app>-<environment>`."""

    outputs: Output[dict[str, Any]]
    """The factory's identifiers: network, key, secrets, agents, databases, queues, service, workers, budget."""

    def __init__(self, name: str, args: AppFactoryArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("millwright:index:AppFactory", name, {}, opts)
        child = ResourceOptions(parent=self)
        with as_input_errors():
            spec, environment = _declared(name, args)
            artefact = _artefact(name, args, environment)
            account = args.get("account") or LOCAL_ACCOUNT
            _require_images(name, environment, account)
            secrets = values_of(name, "secrets", args.get("secrets"), list(spec.secrets))
            passwords = values_of(name, "passwords", args.get("passwords"), list(spec.databases))
        provider = own_provider(spec, environment, account, child, name)
        zones = aws.get_availability_zones_output(state="available", opts=InvokeOptions(provider=provider)).names
        made = components.AppFactory(
            name,
            {
                "spec": spec,
                "environment": environment,
                "account": account,
                "zones": zones,
                "artefact": artefact,
                "secrets": secrets,
                "passwords": passwords,
            },
            ResourceOptions(parent=self, providers=[provider]),
        )
        self.outputs = made.outputs
        self.register_outputs({"outputs": self.outputs})


def _declared(name: str, args: AppFactoryArgs) -> tuple[AppSpec, Environment]:
    for key in ("environment", "app", "spec", "account", "artefact"):
        if not is_known(args.get(key)):
            raise InputError(f"{name}: {key} is not known before the update", hint="write it out in the program")
    if args["environment"] not in set(Environment):
        known = ", ".join(Environment)
        raise InputError(f"{name}: no environment {args['environment']!r}; an app has: {known}")
    environment = Environment(args["environment"])
    spec = declared_spec(the_factory(), Path.cwd(), name, args.get("app"), args.get("spec"))
    if environment not in spec.environments:
        raise InputError(
            f"{name}: {spec.name} declares no environment {environment.value!r}", hint="list it in the spec"
        )
    refuse_production(name, spec.name, environment)
    if name != (stack := spec.stack(environment)):
        raise InputError(
            f"{name}: what it makes has names that begin with {stack}, and so has this resource",
            hint=f"set its name: {stack}",
        )
    return spec, environment


def _artefact(name: str, args: AppFactoryArgs, environment: Environment) -> str:
    given = args.get("artefact") or ""
    if CONTENTS[environment].service and not DIGEST.fullmatch(given):
        raise InputError(
            f"{name}: artefact must be the digest of what {environment.value} serves: sha256:<64 hex digits>"
        )
    return given


def _require_images(name: str, environment: Environment, account: str) -> None:
    if CONTENTS[environment].service and account != LOCAL_ACCOUNT:
        raise InputError(
            f"{name}: nothing builds images yet: its service could not start on a real account", hint="use build there"
        )
