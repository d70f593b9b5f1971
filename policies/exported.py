"""A stack from a file, without an engine: an exported state, or the plan that `pulumi preview --json` prints.

Secrets in such a file are encrypted or masked: what they are is not known here, and so neither is what depends on it.
"""

import json
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from factory.errors import InputError
from policies.decode import CONFIDENTIAL_SIGNATURE, SIGNATURE_KEY, told
from policies.model import UNKNOWN, Plain, Properties
from policies.model import Path as PropertyPath
from policies.resources import Options, Provider, Resource, Stack

PROVIDERS: Final = "pulumi:providers:"
GONE: Final = frozenset(
    {"delete", "delete-replaced", "discard", "discard-replaced", "read-discard", "remove-pending-replace"}
)
# What `pulumi preview --json` writes in place of a secret.
MASK: Final = "[secret]"
HINT: Final = "write it with `millwright stack export`, `pulumi stack export`, or `pulumi preview --json --show-sames`"


class _Loose(BaseModel):
    """Part of a document of the engine's, which has more keys than are read here, and may leave any of them null."""

    model_config = ConfigDict(extra="ignore", frozen=True)


def _or(default: Any) -> BeforeValidator:
    return BeforeValidator(lambda value: default if value is None else value)


Text = Annotated[str, _or("")]
Texts = Annotated[tuple[str, ...], _or(())]
Bag = Annotated[dict[str, Any], _or({})]


class _Resource(_Loose):
    urn: str
    type: str
    inputs: Bag = {}
    outputs: Bag = {}
    parent: Text = ""
    provider: Text = ""
    protect: bool = False
    delete: bool = False
    external: bool = False
    dependencies: Texts = ()
    ignoreChanges: Texts = ()  # noqa: N815 -- the engine's names
    aliases: Texts = ()
    additionalSecretOutputs: Texts = ()  # noqa: N815
    propertyDependencies: Annotated[dict[str, Texts], _or({})] = {}  # noqa: N815
    id: Text = ""


class _Deployment(_Loose):
    resources: Annotated[tuple[_Resource, ...], _or(())] = ()


class _State(_Loose):
    version: int
    deployment: _Deployment


class _Step(_Loose):
    op: str
    urn: str
    newState: _Resource | None = None  # noqa: N815


class _Plan(_Loose):
    steps: Annotated[tuple[_Step, ...], _or(())]
    changeSummary: Annotated[dict[str, int], _or({})] = {}  # noqa: N815


def load_stack(file: Path) -> tuple[str, Stack]:
    """The name of the stack in `file`, and what it declares. Raises InputError when it holds none."""
    try:
        document = json.loads(file.read_text())
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}", hint=HINT) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file} is no JSON: {error}", hint=HINT) from None
    return read_stack(document, str(file))


def read_stack(document: Any, name: str) -> tuple[str, Stack]:
    """The stack that `document` (of the file `name`) describes, with its name. Raises InputError when it is none."""
    try:
        if isinstance(document, dict) and "steps" in document:
            found = _planned(_Plan.model_validate(document), name)
        else:
            found = _State.model_validate(document).deployment.resources
    except (ValidationError, RecursionError) as error:
        # The document may hold secrets: pydantic's own message would quote them.
        place = ".".join(map(str, error.errors()[0]["loc"])) if isinstance(error, ValidationError) else "its depth"
        raise InputError(f"{name} is neither a state nor a plan: {place or 'it is no object'}", hint=HINT) from None
    standing = [resource for resource in found if not resource.delete]
    if not standing:
        raise InputError(f"{name} holds no resources, so there is nothing to judge", hint=HINT)
    stacks = {resource.urn.split("::")[0].rpartition(":")[2] for resource in standing}
    if len(stacks) > 1:
        raise InputError(f"{name} holds resources of more than one stack: {', '.join(sorted(stacks))}", hint=HINT)
    return stacks.pop(), _stack(standing)


def _planned(plan: _Plan, name: str) -> tuple[_Resource, ...]:
    shown = {step.urn: step.newState for step in plan.steps if step.newState and step.op not in GONE}
    if plan.changeSummary.get("same") and not any(step.op == "same" for step in plan.steps):
        raise InputError(
            f"{name} leaves out what does not change, so it does not show the whole stack",
            hint="make it with `pulumi preview --json --show-sames`",
        )
    return tuple(shown.values())


def _stack(found: list[_Resource]) -> Stack:
    providers = {each.urn: each for each in found if each.type.startswith(PROVIDERS)}
    return Stack(tuple(_resource(each, providers.get(each.provider.rpartition("::")[0])) for each in found))


def _resource(found: _Resource, provider: _Resource | None) -> Resource:
    secrets: set[PropertyPath] = set()
    inputs = _bag(found.inputs, secrets)
    answered = _bag(found.outputs, set())
    if found.id:
        answered["id"] = found.id
    return Resource(
        type=found.type,
        urn=found.urn,
        name=found.urn.rpartition("::")[2],
        parent=found.parent,
        properties={} if found.external else inputs,
        declared=not found.external,
        answered=answered,
        secrets=frozenset(secrets),
        options=Options(
            protect=found.protect,
            ignore_changes=found.ignoreChanges,
            aliases=found.aliases,
            additional_secret_outputs=found.additionalSecretOutputs,
        ),
        provider=_provider(provider) if provider else None,
        dependencies=found.dependencies,
        property_dependencies=dict(found.propertyDependencies),
    )


def _provider(found: _Resource) -> Provider:
    name = found.urn.rpartition("::")[2]
    return Provider(type=found.type, urn=found.urn, name=name, properties=_bag(found.inputs, set()))


def _bag(values: dict[str, Any], secrets: set[PropertyPath]) -> Properties:
    # The engine's own keys, which the analyzer protocol leaves out too.
    return {name: _plain(value, (name,), secrets) for name, value in values.items() if not name.startswith("__")}


def _plain(value: Any, path: PropertyPath, secrets: set[PropertyPath]) -> Plain:
    if isinstance(value, str):
        if value == MASK:
            secrets.add(path)
            return UNKNOWN
        return told(value)
    if isinstance(value, list):
        return [_plain(element, (*path, place), secrets) for place, element in enumerate(value)]
    if isinstance(value, dict):
        if value.get(SIGNATURE_KEY) == CONFIDENTIAL_SIGNATURE:
            secrets.add(path)
            return _plain(_revealed(value), path, secrets)
        return {name: _plain(member, (*path, name), secrets) for name, member in value.items()}
    return value if isinstance(value, bool | int | float) else None


def _revealed(secret: dict[str, Any]) -> Any:
    """What a secret says: where it is encrypted, nobody here knows."""
    try:
        return json.loads(secret["plaintext"]) if "plaintext" in secret else MASK
    except (ValueError, TypeError, RecursionError):
        return MASK
