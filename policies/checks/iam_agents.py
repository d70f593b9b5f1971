"""IAM: the roles of agents."""

from collections.abc import Iterator
from typing import Final

from policies.context import Context
from policies.model import UNKNOWN, Fail, Finding, Unknown
from policies.reading import members
from policies.resources import Resource

FUNCTIONS: Final = ("planner", "coder", "tester", "security-reviewer", "code-reviewer")
"""What agents are there for, as app.yaml names it (a test holds it against `factory.spec`)."""
FUNCTION_TAG: Final = "function"
COMPONENT: Final = "millwright:aws:AgentIdentity"
# Managed by AWS for everyone: whatever it says is no limit that this factory has set.
AWS_MANAGED: Final = ":iam::aws:policy/"


def is_agents(role: Resource) -> bool:
    """Whether a role is known to be an agent's: by its tag, by the component that made it, or by its name."""
    tagged = any(value not in (None, "") for _, value in members(role.properties.get("tags"), FUNCTION_TAG, ()))
    names = [name for name in (role.name, role.properties.get("name")) if isinstance(name, str)]
    named = any(name == function or name.endswith(f"-{function}") for name in names for function in FUNCTIONS)
    return tagged or COMPONENT in role.parent or named


def agents_are_bounded(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 22: the role of an agent has a permissions boundary of this factory's own."""
    del context
    path = ("permissionsBoundary",)
    boundary = resource.properties.get("permissionsBoundary")
    if isinstance(boundary, str) and boundary and AWS_MANAGED not in boundary:
        return
    if not is_agents(resource):
        # Its name or tags may still make it one.
        yield from (Unknown((name,)) for name in ("name", "tags") if resource.properties.get(name) is UNKNOWN)
    elif boundary is UNKNOWN:
        yield Unknown(path)
    elif not isinstance(boundary, str) or not boundary:
        yield Fail(path, "is missing: nothing limits what is attached to this agent's role later")
    else:
        yield Fail(path, "is a policy of AWS's own, which limits nothing of this factory", found=boundary)
