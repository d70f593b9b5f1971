"""What a case is, and how to write down the resources in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from policies.context import Context, context_of
from policies.model import Properties
from policies.resources import Options, Provider, Resource, Stack
from policies.settings import PolicySettings

OWN_ACCOUNT: Final = "123456789012"
SETTINGS: Final = PolicySettings(
    accounts=(OWN_ACCOUNT,),
    trusted_accounts=("210987654321",),
    registries=("registry.example/acme",),
    repositories=("acme/links",),
    gcp_projects=("acme-links-build",),
    egress=("api.example.com", "203.0.113.0/24"),
)
"""What a factory has in its policies.yaml, unless a case says something else."""
NONE: Final = Options()


def thing(  # noqa: PLR0913 -- as many as a resource has
    type_: str,
    properties: Properties,
    name: str = "other",
    *,
    parent: str = "",
    options: Options = NONE,
    provider: Provider | None = None,
    property_dependencies: Mapping[str, tuple[str, ...]] | None = None,
    answered: Properties | None = None,
    stack: str = "links-build",
) -> Resource:
    """One resource of a case. `answered` is what the provider said of it."""
    return Resource(
        type=type_,
        properties=properties,
        urn=urn(type_, name, stack),
        name=name,
        parent=parent,
        options=options,
        provider=provider,
        property_dependencies=property_dependencies or {},
        answered=answered or {},
    )


def urn(type_: str, name: str, stack: str = "links-build") -> str:
    """The URN that `thing` gives."""
    return f"urn:pulumi:{stack}::millwright::{type_}::{name}"


@dataclass(frozen=True)
class Case:
    """A resource (and what else is in its stack), and the verdict that it must get.

    `path` is where a failure or an undecided value must be reported, `at` of which resource (by name; of any when "").
    `source` says where the case is from.
    """

    control: str
    name: str
    verdict: Literal["fail", "pass", "unknown"]
    type: str
    properties: Properties
    source: str = ""
    path: str = ""
    at: str = ""
    resource: str = "test"
    parent: str = ""
    options: Options = NONE
    provider: Provider | None = None
    property_dependencies: Mapping[str, tuple[str, ...]] | None = None
    answered: Properties | None = None
    others: tuple[Resource, ...] = ()
    stack: str = "links-build"
    settings: PolicySettings = SETTINGS

    @property
    def resources(self) -> tuple[Resource, ...]:
        """The resource itself first, then the others."""
        own = thing(
            self.type,
            self.properties,
            self.resource,
            parent=self.parent,
            options=self.options,
            provider=self.provider,
            property_dependencies=self.property_dependencies,
            answered=self.answered,
            stack=self.stack,
        )
        return (own, *self.others)

    @property
    def whole(self) -> Stack:
        """The stack that it is in."""
        return Stack(self.resources)

    @property
    def context(self) -> Context:
        """Where it is declared."""
        return context_of(self.stack, project="millwright", settings=self.settings)
