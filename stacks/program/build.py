"""Declares one app's factory in one environment."""

import runpy
from pathlib import Path

import pulumi
import pulumi_aws as aws
from pulumi import InvokeOptions, ResourceOptions

from components import AppFactory
from factory.errors import InputError, MillwrightError
from factory.paths import FactoryRoot, find_root
from factory.settings import Settings, load
from factory.spec import AppSpec, Environment, source_digest
from stacks.names import require_decision, resolve
from stacks.program.keys import secret_key


def main() -> None:
    """The program behind `pulumi up`: the stack's name says which app and environment.

    Raises pulumi.RunError, which the engine shows as one line, for whatever the user has to mend.
    """
    try:
        root = find_root(Path(pulumi.runtime.get_root_directory() or "."))
        spec, environment = resolve(root, pulumi.get_stack())
        build(root, load(root), spec, environment)
    except MillwrightError as error:
        raise pulumi.RunError(_one_message(error)) from None


def build(root: FactoryRoot, settings: Settings, spec: AppSpec, environment: Environment) -> AppFactory:
    """Declare the app's factory: provider, components, the app's own `infra.py`, and the stack's outputs.

    Raises DecisionRequired for production, InputError for a broken infra.py.
    """
    name = spec.stack(environment)
    require_decision(name, environment)
    provider = _provider(settings, spec, environment)
    invoke = InvokeOptions(provider=provider)
    config = pulumi.Config()
    factory = AppFactory(
        name,
        {
            "spec": spec,
            "environment": environment,
            "account": aws.get_caller_identity_output(opts=invoke).account_id,
            "zones": aws.get_availability_zones_output(state="available", opts=invoke).names,
            "artefact": source_digest(root.apps / spec.name / "source"),
            "secrets": {secret: config.require_secret(secret_key(secret)) for secret in spec.secrets},
        },
        ResourceOptions(providers=[provider]),
    )
    _extend(root.apps / spec.name / "infra.py", factory)
    pulumi.export("factory", factory.outputs)
    return factory


def _provider(settings: Settings, spec: AppSpec, environment: Environment) -> aws.Provider:
    return aws.Provider(
        "aws",
        region=spec.region,
        allowed_account_ids=[settings.aws_account] if settings.aws_account else None,
        default_tags={
            "tags": {
                "app": spec.name,
                "environment": environment.value,
                "owner": spec.owner,
                "managed-by": "millwright",
            }
        },
    )


def _extend(infra: Path, factory: AppFactory) -> None:
    """Run the app's own addition, `extend(factory)`, under the same policy pack as everything else."""
    if not infra.is_file():
        return
    extend = runpy.run_path(str(infra)).get("extend")
    if not callable(extend):
        raise InputError(f"{infra} defines no function `extend(factory)`", hint="define it, or remove the file")
    extend(factory)


def _one_message(error: MillwrightError) -> str:
    problems = [str(problem) for problem in getattr(error, "problems", ())]
    return "\n".join([str(error), *problems, *([f"hint: {error.hint}"] if error.hint else [])])
