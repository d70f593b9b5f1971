"""What the policy pack says of what a program declares under mocks."""

import json
from collections.abc import Iterable

from component_mocks import ACCOUNT, Declared

from policies import CONTROLS, Context, Control, Options, PolicySettings, Provider, Resource, Stack, context_of
from policies.evaluation import Verdict, judge

PROVIDER = "pulumi:providers:aws"


def findings_on(declared: Iterable[Declared], stack: str, settings: PolicySettings | None = None) -> list[Verdict]:
    """Every verdict that is no pass."""
    return list(judge(CONTROLS, as_stack(declared, stack), context(stack, settings)))


def told(verdicts: Iterable[Verdict]) -> list[tuple[str, str]]:
    """The verdicts as control and resource."""
    return [(each.control.id, each.resource.name if each.resource else "") for each in verdicts]


def reading(declared: Iterable[Declared]) -> list[tuple[Control, Declared]]:
    """Which control reads which resource."""
    return [(control, each) for each in declared for control in CONTROLS if control.concerns(each.type)]


def context(stack: str, settings: PolicySettings | None = None) -> Context:
    """The context of a factory's own stack."""
    return context_of(stack, project="millwright", settings=settings or PolicySettings(accounts=(ACCOUNT,)))


def as_stack(declared: Iterable[Declared], stack: str) -> Stack:
    """What is declared as the pack sees it; what names no provider has the house's own."""
    everything = list(declared)
    providers = {each.urn: _provider(each) for each in everything if each.type == PROVIDER}
    house = _house(stack)
    return Stack(tuple(_resource(each, providers.get(each.provider, house)) for each in everything))


def _resource(each: Declared, provider: Provider) -> Resource:
    return Resource(
        type=each.type,
        properties=each.inputs,
        urn=each.urn,
        name=each.name,
        parent=each.parent,
        options=Options(protect=each.protect, ignore_changes=each.ignore_changes),
        provider=None if each.is_component or each.type == PROVIDER else provider,
        property_dependencies=each.property_dependencies,
        secrets=frozenset(each.secrets),
        answered=each.answered,
    )


def _provider(each: Declared) -> Provider:
    return Provider(type=each.type, urn=each.urn, name=each.name, properties=each.inputs)


def _house(stack: str) -> Provider:
    """As `stacks.provider` declares it."""
    found = context(stack)
    tags = {
        "app": found.app,
        "environment": found.environment or "shared",
        "owner": "web-team",
        "cost-center": "web-team",
        "managed-by": "millwright",
    }
    properties = {"defaultTags": json.dumps({"tags": tags}), "allowedAccountIds": json.dumps([ACCOUNT])}
    return Provider(type=PROVIDER, urn="urn:house", name="aws", properties={**properties, "region": "eu-central-1"})
