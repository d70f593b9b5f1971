"""`policies.yaml`: what a factory's policies take for its own. Without it the lists are empty, which allows least."""

import textwrap
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from factory.located import load_model
from factory.paths import FactoryRoot
from factory.settings import LOCAL_ACCOUNT, AccountId, load

FILE: Final = "policies.yaml"
REQUIRED_TAGS: Final = ("app", "environment", "owner", "cost-center")

# Source: the grammar of image references of the OCI distribution reference implementation (host, then a path).
Registry = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*(:\d+)?(/[a-z0-9][a-z0-9._/-]*)?$")]
Repository = Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
# Source: Google Cloud, "Creating and managing projects".
GcpProject = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{4,28}[a-z0-9]$")]
# A host name (a wildcard for one or more leading labels), an address, or a range of addresses.
Destination = Annotated[str, Field(pattern=r"^((\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+|[0-9a-fA-F:.]+(/\d{1,3})?)$")]
# Below the factory's root, and in no hidden folder: agents work in `.millwright`.
RuleFile = Annotated[str, Field(pattern=r"^\w[\w.-]*(/\w[\w.-]*)*\.py$")]
TagKey = Annotated[str, Field(pattern=r"^[\w .:/=+@-]{1,128}$")]


class PolicySettings(BaseModel):
    """Every key of `policies.yaml`, with its default."""

    # Many processes import this, and few ask for it: they need not wait for its validator.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    accounts: tuple[AccountId, ...] = Field(
        default=(),
        description="AWS accounts, beside the factory's own, that a provider may work on (control 3).",
    )
    trusted_accounts: tuple[AccountId, ...] = Field(
        default=(),
        description="Other AWS accounts whose principals a role may trust, with an external id (control 19).",
    )
    registries: tuple[Registry, ...] = Field(
        default=(),
        description="Image registries, or paths in them, beside the factory's own: `ghcr.io/acme` (control 52).",
    )
    repositories: tuple[Repository, ...] = Field(
        default=(),
        description="Git repositories (owner/name) whose workflows a role may trust by OpenID Connect (control 21), "
        "and whose Actions may run (control 58).",
    )
    gcp_projects: tuple[GcpProject, ...] = Field(
        default=(),
        description="Google Cloud projects that a provider may work on (control 3).",
    )
    egress: tuple[Destination, ...] = Field(
        default=(),
        description="Where agents may connect to outside of their network: host names, addresses, ranges (control 6).",
    )
    required_tags: tuple[TagKey, ...] = Field(
        default=REQUIRED_TAGS,
        description="Tags that everything taggable carries (control 61); app and environment must be the stack's.",
    )
    rules: tuple[RuleFile, ...] = Field(
        default=(),
        description="Files with rules of the factory's own, each with its cases, relative to the factory's root: "
        "`rules/queues.py` (`millwright policy test`).",
    )

    def may_be_own(self, account: object) -> bool:
        """Whether a provider may work on the account.

        Outside of any factory nobody has listed one: which one is right cannot be told there, only that one is named.
        In a factory its own account is always listed. A rule that asks whose a resource is, or whom a role trusts
        (controls 8, 19, 37), takes `accounts` as it is: there everybody is a stranger outside of a factory.
        """
        return account in self.accounts or not self.accounts

    def may_be_own_project(self, project: object) -> bool:
        """The same for a project of Google Cloud."""
        return project in self.gcp_projects or not self.accounts

    def may_be_source(self, account: object) -> bool:
        """Whether a service may act for the account: one of the factory's, or one that it trusts. As `may_be_own`."""
        known = (*self.accounts, *self.trusted_accounts)
        return account in known or not known


def settings_file(root: FactoryRoot) -> Path:
    """Where the factory's policies.yaml stands, whether it is there or not."""
    return root.path / FILE


def load_policies(root: FactoryRoot) -> PolicySettings:
    """The policy settings of `root`, the factory's own account among `accounts`.

    Raises InputError that names file, line and column of every mistake, in policies.yaml and in millwright.yaml.
    """
    path = settings_file(root)
    settings = read_policies(path) if path.exists() else PolicySettings()
    return with_account(settings, load(root).aws_account or LOCAL_ACCOUNT)


def read_policies(path: Path) -> PolicySettings:
    """The policy settings in the file `path` alone. Raises InputError that names every mistake with its place."""
    return load_model(PolicySettings, path)


def with_account(settings: PolicySettings, account: str) -> PolicySettings:
    """The same with one more account that is the factory's own."""
    return settings.model_copy(update={"accounts": tuple(dict.fromkeys((account, *settings.accounts)))})


def template() -> str:
    """A policies.yaml that says the defaults, with every key explained."""
    lines = ["# What this factory's policies take for its own. What is not listed here is somebody else's."]
    for name, field in PolicySettings.model_fields.items():
        lines += ["", *textwrap.wrap(field.description or "", 110, initial_indent="# ", subsequent_indent="# ")]
        lines.append(f"{name}: [{', '.join(field.default)}]")
    return "\n".join([*lines, ""])
