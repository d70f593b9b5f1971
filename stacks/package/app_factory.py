"""`millwright:index:AppFactory`: an app's factory in one environment, by inputs that any language can write."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pulumi import Input, InvokeOptions, Output, ResourceOptions
from pulumi.errors import InputPropertiesError

import components
from components import CONTENTS
from factory.errors import DecisionRequired, InputError, MillwrightError
from factory.paths import FactoryRoot
from factory.settings import LOCAL_ACCOUNT
from factory.spec import AppSpec, Environment
from stacks.package.declared import declared_spec
from stacks.provider import own_provider

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_roots: list[FactoryRoot] = []


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
        with _as_input_errors():
            spec, environment = _declared(name, args)
            artefact = _artefact(name, args, environment)
            account = args.get("account") or LOCAL_ACCOUNT
            _require_images(name, environment, account)
            secrets = _values(name, "secrets", args.get("secrets"), list(spec.secrets))
            passwords = _values(name, "passwords", args.get("passwords"), list(spec.databases))
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


def factory_at(folder: str) -> None:
    """Say which factory's apps are meant; the process serves no other."""
    _roots[:] = [FactoryRoot(Path(folder))]


@contextmanager
def _as_input_errors() -> Iterator[None]:
    """Turn our errors into the one that a package's caller is shown without a traceback."""
    try:
        yield
    except MillwrightError as error:
        raise InputPropertiesError(error.rendered(), []) from None


def _declared(name: str, args: AppFactoryArgs) -> tuple[AppSpec, Environment]:
    for key in ("environment", "app", "spec", "account", "artefact"):
        if not _is_known(args.get(key)):
            raise InputError(f"{name}: {key} is not known before the update", hint="write it out in the program")
    if args["environment"] not in set(Environment):
        known = ", ".join(Environment)
        raise InputError(f"{name}: no environment {args['environment']!r}; an app has: {known}")
    environment = Environment(args["environment"])
    spec = declared_spec(_roots[0], Path.cwd(), name, args.get("app"), args.get("spec"))
    if environment not in spec.environments:
        raise InputError(
            f"{name}: {spec.name} declares no environment {environment.value!r}", hint="list it in the spec"
        )
    if environment is Environment.PRODUCTION:
        raise DecisionRequired(
            f"{name}: production changes only by a person's recorded decision, and a program holds none",
            hint=f"millwright promote {spec.name} asks for one, and puts the release where it was decided for",
        )
    if name != (stack := spec.stack(environment)):
        raise InputError(
            f"{name}: what it makes has names that begin with {stack}, and so has this resource",
            hint=f"set its name: {stack}",
        )
    return spec, environment


def _is_known(value: object) -> bool:
    if isinstance(value, Output):
        return False
    if isinstance(value, Mapping):
        return all(_is_known(each) for each in value.values())
    return all(_is_known(each) for each in value) if isinstance(value, list) else True


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


def _values(name: str, key: str, given: Any, named: list[str]) -> dict[str, Output[str]]:
    """A value for each name, marked secret. Names are checked where the mapping itself is known, else by its use."""
    if isinstance(given, Mapping) or given is None:
        missing, strange = set(named) - set(given or {}), set(given or {}) - set(named)
        if missing or strange:
            wrong = [
                *(f"{each} is missing" for each in sorted(missing)),
                *(f"{each} is not declared" for each in strange),
            ]
            raise InputError(
                f"{name}: {key}: {', '.join(wrong)}", hint=f"the spec declares: {', '.join(named) or 'none'}"
            )
    values = Output.secret(given)
    return {each: values.apply(lambda known, each=each: str(known[each])) for each in named}  # type: ignore[misc]
