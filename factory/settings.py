"""`millwright.yaml`: the factory's settings, read once per command. `MILLWRIGHT_<KEY>` overrides a key.

No other module reads the process environment for configuration. Secrets never stand here: the passphrase of the
default backend is a file made on this machine, cloud credentials come from the cloud SDK's own chain.
"""

import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from factory.errors import InputError, Problem
from factory.located import load_model, nearest
from factory.paths import MARKER, FactoryRoot

# The local cloud's own account, as moto names it; no real account has this id.
LOCAL_ACCOUNT = "123456789012"
PREFIX = "MILLWRIGHT_"
# A variable that says so would let a copy of a factory be the factory, on any machine and without a trace.
FILE_ONLY = frozenset({"factory_id"})
# Told by one of our processes to another (engine.environment), or for benchmarks: no settings.
PROTOCOL_VARIABLES = frozenset({"MILLWRIGHT_PYTHON", "MILLWRIGHT_BENCH_TERRAFORM_MIRROR"})
UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
AccountId = Annotated[str, Field(pattern=r"^\d{12}$")]


class Settings(BaseSettings):
    """Every key of `millwright.yaml`, with its embedded default."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    factory_id: str | None = Field(
        default=None,
        pattern=UUID,
        description="What tells this factory from every other one, for good: a random UUID, which `millwright init` "
        "writes. What people sign in exceptions.yaml names it; without one nothing can be accepted.",
    )
    aws: Literal["local", "account"] = Field(
        default="local",
        description="Where aws environments live: the embedded local cloud, or a real AWS account.",
    )
    aws_account: AccountId | None = Field(
        default=None,
        description="The only account id that `aws: account` may touch; needed there, refused with `aws: local`.",
    )
    access_profile: str | None = Field(
        default=None,
        pattern=r"^[\w.@+-]+$",
        description="With `aws: account`: the profile of AWS's own configuration files (~/.aws) by which the daemon "
        "`access` reads roles and takes sessions of them; it inherits no variable. Default: what the files and the "
        "machine give to everybody.",
    )
    backend: str | None = Field(
        default=None,
        description="Pulumi backend URL (file://, s3://, postgres://, https://api.pulumi.com). "
        "Default: .millwright/backend.",
    )
    passphrase_file: Path | None = Field(
        default=None,
        description="File with the passphrase of the stacks' secrets. Default: one made in .millwright on first use.",
    )
    secrets_provider: str = Field(
        default="passphrase",
        pattern=r"^(passphrase|awskms://\S+)$",
        description="What encrypts the stacks' secrets: `passphrase`, or a key of AWS KMS "
        "(awskms://alias/NAME?region=REGION). `millwright secrets rotate` changes it for stacks that are there.",
    )
    database: str | None = Field(
        default=None,
        description="SQLAlchemy URL of the factory's database. Default: SQLite in .millwright.",
    )
    engine_cache: Path | None = Field(
        default=None,
        description="Where built Pulumi CLIs are kept, by version. Default: the user's cache folder.",
    )

    engine_version: str | None = Field(
        default=None,
        pattern=r"^v?3\.\d+\.\d+$",
        description="The only Pulumi CLI to use, at least 3.208.0. Default: PATH's, else the newest that can be had.",
    )

    model: Literal["scripted", "live"] = Field(
        default="scripted",
        description="What answers the agents: authored scripts played offline (stand-in), or Anthropic's API with the "
        "key in ANTHROPIC_API_KEY.",
    )
    model_name: str = Field(
        default="claude-sonnet-5-5",
        pattern=r"^[a-z0-9][a-z0-9.-]{1,63}$",
        description="The model that agents ask for.",
    )

    github_repository: str | None = Field(
        default=None,
        pattern=r"^[\w.-]+/[\w.-]+$",
        description="GitHub repository (owner/name) of this factory, from whose main branch CI takes the source; needs "
        "github_connection. Default: an object among the app's artefacts.",
    )
    github_connection: str | None = Field(
        default=None,
        pattern=r"^arn:aws:(codeconnections|codestar-connections):[a-z0-9-]+:\d{12}:connection/[\w-]+$",
        description="ARN of the AWS connection to GitHub by which CI reaches github_repository; a person makes it.",
    )
    platform_region: str = Field(
        default="eu-central-1",
        pattern=r"^[a-z]{2}(-[a-z]+)+-\d$",
        description="Region of what all apps share (the stack `platform`): audit trail, state bucket, registry rules.",
    )
    platform_owner: str = Field(
        default="platform",
        pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
        max_length=24,
        description="The team that answers and pays for it; becomes its tags `owner` and `cost-center`.",
    )
    platform_github: bool = Field(
        default=False,
        description="Whether the platform believes GitHub which workflow asks (an OpenID Connect provider), so that "
        "roles may trust one.",
    )

    @property
    def identity(self) -> str | None:
        """Which factory this is, in what people sign: `ID@ACCOUNT`, or `ID@local`; None without an id.

        The account is a part of it: clones of one repository have one id, and may each have a cloud of their own.
        """
        return self.factory_id and f"{self.factory_id}@{self.aws_account or self.aws}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Values given to the constructor stand alone: `load` has already merged file and environment."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


def load(root: FactoryRoot) -> Settings:
    """The settings of `root`: defaults, then `millwright.yaml`, then `MILLWRIGHT_*`.

    Raises InputError that names file, line, column and key of every mistake (or the variable).
    """
    from_file = load_model(Settings, root.settings_file)
    _refuse_unknown_overrides(os.environ)
    overrides = EnvSettingsSource(Settings)()
    try:
        settings = Settings(**(from_file.model_dump(exclude_unset=True) | overrides))
    except ValidationError as error:
        problems = tuple(
            Problem(
                file=f"MILLWRIGHT_{str(e['loc'][0]).upper()}",
                line=0,
                column=0,
                field="",
                message=e["msg"],
                found=repr(e["input"]),
            )
            for e in error.errors()
        )
        raise InputError("an environment override is wrong", problems=problems) from None
    return _cross_checked(settings, root)


def new_factory_id() -> str:
    """An id that no other factory has."""
    return str(uuid.uuid4())


def variable_of(key: str) -> str:
    """The variable that overrides this key of the file."""
    return f"{PREFIX}{key.upper()}"


def model_key() -> str | None:
    """The key of Anthropic's API, for `model: live`: from the environment only, never from a file of ours."""
    return os.environ.get("ANTHROPIC_API_KEY") or None


def _refuse_unknown_overrides(environment: Mapping[str, str]) -> None:
    known = {variable_of(key) for key in Settings.model_fields.keys() - FILE_ONLY} | PROTOCOL_VARIABLES
    problems = tuple(
        _not_by_variable(name) if name in map(variable_of, FILE_ONLY) else _unknown_override(name, known)
        for name in sorted(environment)
        if name.startswith(PREFIX) and name not in known
    )
    if problems:
        raise InputError("an environment override is wrong", problems=problems)


def _unknown_override(name: str, known: set[str]) -> Problem:
    return Problem(
        file=name,
        line=0,
        column=0,
        field="",
        message="no setting has this name",
        allowed=", ".join(sorted(known - PROTOCOL_VARIABLES)),
        fix=f"did you mean {guess}?" if (guess := nearest(name, known)) else "unset it",
    )


def _not_by_variable(name: str) -> Problem:
    return Problem(
        file=name, line=0, column=0, field="", message=f"this setting stands in {MARKER} only", fix="unset it"
    )


def _cross_checked(settings: Settings, root: FactoryRoot) -> Settings:
    if (settings.github_repository is None) != (settings.github_connection is None):
        missing = "github_repository" if settings.github_repository is None else "github_connection"
        problem = Problem(
            file=str(root.settings_file),
            line=0,
            column=0,
            field=missing,
            message="the other of the two keys for GitHub is there, and this one is missing",
            fix="give both, or none",
        )
        raise InputError("the settings do not fit together", problems=(problem,))
    if (settings.aws == "account") == (settings.aws_account is not None):
        return settings
    problem = Problem(
        file=str(root.settings_file),
        line=0,
        column=0,
        field="aws_account",
        message="needed with `aws: account`" if settings.aws == "account" else "has no meaning with `aws: local`",
        fix="name the twelve digits of the account" if settings.aws == "account" else "remove it",
    )
    raise InputError("the settings do not fit together", problems=(problem,))
