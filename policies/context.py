"""Where a resource is declared: what a check may know beside the resource itself."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from policies.settings import PolicySettings

if TYPE_CHECKING:
    from policies.model import Control

PLATFORM: Final = "platform"
ENVIRONMENTS: Final = ("build", "staging", "production")


@dataclass(frozen=True, kw_only=True)
class Context:
    """The stack that is being declared, and what the factory's policies take for its own.

    `app` and `environment` follow from the stack's name (`links-staging`); both are "" where it is none of an app's.
    `environment` is one of build, staging, production. `own` are the rules of the factory's own that are asked beside
    the pack's.
    """

    stack: str = ""
    project: str = ""
    app: str = ""
    environment: str = ""
    settings: PolicySettings = field(default_factory=PolicySettings)
    own: tuple["Control", ...] = ()


def context_of(
    stack: str, *, project: str = "", settings: PolicySettings | None = None, own: tuple["Control", ...] = ()
) -> Context:
    """The context of the stack of this name."""
    app, dash, environment = stack.rpartition("-")
    known = bool(dash and app) and environment in ENVIRONMENTS
    return Context(
        stack=stack,
        project=project,
        app=app if known else PLATFORM if stack == PLATFORM else "",
        environment=environment if known else "",
        settings=settings or PolicySettings(),
        own=own,
    )
