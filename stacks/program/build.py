"""Declares one app's factory in one environment, or what all apps share."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pulumi
import pulumi_aws as aws
from pulumi import InvokeOptions, ResourceOptions

from components import CONTENTS, AppFactory, Platform
from components.interfaces import GitSource
from factory import db
from factory.errors import InputError, MillwrightError
from factory.paths import FactoryRoot, find_root
from factory.settings import LOCAL_ACCOUNT, Settings, load
from factory.spec import AppSpec, Environment
from stacks import places, production
from stacks.infra_code import keep_infra
from stacks.names import resolve
from stacks.program.extension import extension
from stacks.program.keys import password_key, secret_key
from stacks.provider import own_provider
from stacks.shared_platform import PLATFORM, PlatformSpec, Shared, Spec, Which


def main() -> None:
    """The program behind `pulumi up`: the stack's name says which app and environment.

    Raises pulumi.RunError, which the engine shows as one line, for whatever the user has to mend.
    """
    with as_run_errors():
        root = find_root(Path(pulumi.runtime.get_root_directory() or "."))
        spec, environment = resolve(root, pulumi.get_stack())
        build_stack(root, load(root), spec, environment)


@contextmanager
def as_run_errors() -> Iterator[None]:
    """Turn our errors into pulumi.RunError, which the engine shows as one message, without a traceback."""
    try:
        yield
    except MillwrightError as error:
        raise pulumi.RunError(error.rendered()) from None


def build_stack(root: FactoryRoot, settings: Settings, spec: Spec, which: Which, release: int | None = None) -> None:
    """Declare what a stack is: an app's factory in one environment, or the platform. Raises what `build` raises."""
    if isinstance(spec, AppSpec) and isinstance(which, Environment):
        build(root, settings, spec, which, release)
    elif isinstance(spec, PlatformSpec):
        build_platform(settings, spec)


def build_platform(settings: Settings, spec: PlatformSpec) -> Platform:
    """Declare what all apps share: provider, components, and the stack's outputs."""
    provider = own_provider(spec, Shared.SHARED, settings.aws_account or LOCAL_ACCOUNT)
    platform = Platform(
        PLATFORM,
        {
            "account": aws.get_caller_identity_output(opts=InvokeOptions(provider=provider)).account_id,
            "region": spec.region,
            "spec": spec.digest(),
            "github": spec.github,
        },
        ResourceOptions(providers=[provider]),
    )
    pulumi.export(PLATFORM, platform.outputs)
    return platform


def build(
    root: FactoryRoot, settings: Settings, spec: AppSpec, environment: Environment, release: int | None = None
) -> AppFactory:
    """Declare the app's factory: provider, components, the app's own `infra.py`, and the stack's outputs.

    Production is what a person decided, whoever runs this. Raises DecisionRequired where nobody did, InputError for a
    broken infra.py or a service on a real account.
    """
    name = spec.stack(environment)
    _require_images(settings, name, environment)
    artefact, spec, infra, note = _to_serve(root, settings, spec, environment, release)
    if note:
        pulumi.log.warn(note)
    provider = own_provider(spec, environment, settings.aws_account or LOCAL_ACCOUNT)
    invoke = InvokeOptions(provider=provider)
    config = pulumi.Config()
    factory = AppFactory(
        name,
        {
            "spec": spec,
            "environment": environment,
            "account": aws.get_caller_identity_output(opts=invoke).account_id,
            "zones": aws.get_availability_zones_output(state="available", opts=invoke).names,
            "artefact": artefact,
            "secrets": {secret: config.require_secret(secret_key(secret)) for secret in spec.secrets},
            "git": _git(settings),
            "passwords": {name: config.require_secret(password_key(name)) for name in spec.databases},
        },
        # Inherited by everything in it: a plain destroy fails even where nothing of ours is asked.
        ResourceOptions(providers=[provider], protect=environment is Environment.PRODUCTION),
    )
    if infra:
        # The app's own addition, under the same policy pack as everything else.
        with extension(root, spec.name, infra) as extend:
            extend(factory)
    pulumi.export("factory", factory.outputs)
    return factory


def _git(settings: Settings) -> GitSource | None:
    if not (settings.github_repository and settings.github_connection):
        return None
    return {"connection": settings.github_connection, "repository": settings.github_repository}


def _to_serve(
    root: FactoryRoot, settings: Settings, spec: AppSpec, environment: Environment, release: int | None
) -> production.Served:
    if not CONTENTS[environment].service:
        return production.Served("", spec, keep_infra(root, spec.name))
    place = places.Place(root, settings, db.connect(root, settings), spec, environment)
    return production.to_serve(place, release, dry_run=pulumi.runtime.is_dry_run())


def _require_images(settings: Settings, stack: str, environment: Environment) -> None:
    """Nothing builds images yet, so on a real account a service would be created and never come up: refused."""
    if settings.aws == "account" and CONTENTS[environment].service:
        raise InputError(
            f"{stack} declares a service, and nothing builds its image yet: it could not start on a real account",
            hint="use the build environment there, or `aws: local`",
        )
