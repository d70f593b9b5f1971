"""The stack `platform`: what all apps share, as the settings declare it."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import ClassVar

from factory.fingerprints import fingerprint
from factory.settings import Settings
from factory.spec import AppSpec, Environment

PLATFORM = "platform"


class Shared(StrEnum):
    """Where an app has environments, the platform has one place."""

    SHARED = "shared"


@dataclass(frozen=True, kw_only=True)
class PlatformSpec:
    """What the platform is declared as: to the driver, an app without secrets."""

    name: ClassVar[str] = PLATFORM

    region: str
    owner: str
    github: bool

    @property
    def payer(self) -> str:
        """Who pays for it."""
        return self.owner

    def digest(self) -> str:
        """SHA-256 of what is declared."""
        return fingerprint(asdict(self))


# What a stack is of, and where.
Spec = AppSpec | PlatformSpec
Which = Environment | Shared


def platform_spec(settings: Settings) -> PlatformSpec:
    """What the settings declare."""
    return PlatformSpec(
        region=settings.platform_region,
        owner=settings.platform_owner,
        github=settings.platform_github,
    )


def stack_of(spec: Spec, which: Which) -> str:
    """The name of the stack that `spec` declares there."""
    if isinstance(spec, AppSpec) and isinstance(which, Environment):
        return spec.stack(which)
    return PLATFORM
