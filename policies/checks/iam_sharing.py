"""IAM: roles that several agents, or several apps, act under: what one of them did cannot be told from the other."""

from collections.abc import Iterator
from typing import Final

from policies.checks.iam_agents import FUNCTION_TAG, FUNCTIONS, is_agents
from policies.context import Context
from policies.helpers.documents import ROLE
from policies.helpers.references import Reference, naming, references
from policies.model import UNKNOWN, Fail, Finding, Path, Plain, Unknown
from policies.reading import members
from policies.resources import Resource, Stack

USERS: Final[dict[str, str]] = {
    "aws:ecs/taskDefinition:TaskDefinition": "taskRoleArn",
    "aws:lambda/function:Function": "role",
    "aws:codebuild/project:Project": "serviceRole",
    "aws:codepipeline/pipeline:Pipeline": "roleArn",
    "aws:iam/instanceProfile:InstanceProfile": "role",
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": "roleArn",
    "aws:bedrock/agentAgent:AgentAgent": "agentResourceRoleArn",
    "aws:bedrock/agentcoreAgentRuntime:AgentcoreAgentRuntime": "roleArn",
}
"""What acts under a role, and the property that names it. What only starts others (executionRoleArn) is none."""

SHARING_READS: Final[dict[str, tuple[str, ...]]] = {
    ROLE: ("name", "tags"),
    **{token: (name, "tags") for token, name in USERS.items()},
}
_ALWAYS_AGENTS: Final = "aws:bedrock/"
_SERVICE_LINKED: Final = ":role/aws-service-role/"


def roles_are_not_shared(stack: Stack, context: Context) -> Iterator[Finding]:
    """Control 23: an agent's role is no other's, and no app acts under a role of another."""
    for role in stack.of(ROLE):
        users: list[tuple[Resource, Reference]] = []
        for token, name in USERS.items():
            for user, reference in naming(stack, role, (token,), name):
                # A value that is not known yet and comes from several roles is one of them.
                if reference.unknown or (reference.value is UNKNOWN and len(reference.found) > 1):
                    yield Unknown(reference.path, user.urn)
                else:
                    users.append((user, reference))
        yield from _across_agents(role, users)
        yield from _across_apps(role, users)
    # A role that is not declared yet may still come.
    if context.app and context.environment and stack.complete:
        yield from _of_elsewhere(stack, context.app)


def _across_agents(role: Resource, users: list[tuple[Resource, Reference]]) -> Iterator[Finding]:
    known = [(user, reference) for user, reference in users if function_of(user) is not None]
    if is_agents(role) or any(_is_agent(user) for user, _ in known):
        # The one Bedrock agent under a role may be called otherwise than the role's function.
        taken = "" if len(users) == 1 and _is_bedrock(users[0][0]) else function_of(role)
        for user, reference in known:
            own = function_of(user) or user.name
            if taken and own != taken:
                yield Fail(reference.path, "is the role of another agent too", urn=user.urn)
            taken = taken or own
    # What one of two is there for decides it; so does what the role is there for, if that is not known.
    if len(users) > 1 or (users and (_may_be_agents(role) or _is_agent(users[0][0]) or not known)):
        unsure = [one for one in (role, *(user for user, _ in users)) if function_of(one) is None]
        yield from (Unknown(_unsaid(one), one.urn) for one in unsure)


def _across_apps(role: Resource, users: list[tuple[Resource, Reference]]) -> Iterator[Finding]:
    first = _tag(role, "app")
    for user, reference in users:
        own = _tag(user, "app")
        if UNKNOWN in (first, own) and (first and own):
            yield Unknown(("tags",), user.urn if own is UNKNOWN else role.urn)
        elif first and own and own != first:
            yield Fail(reference.path, "is the role of another app", urn=user.urn)
        first = first or own


def _of_elsewhere(stack: Stack, app: str) -> Iterator[Finding]:
    """Roles that this stack does not declare: by name, they must be the app's."""
    for token, name in USERS.items():
        for user in stack.of(token):
            for reference in references(stack, user, name, (ROLE,)):
                value = reference.value
                if reference.unknown:
                    yield Unknown(reference.path, user.urn)
                if not reference.outside or not isinstance(value, str) or _SERVICE_LINKED in value:
                    continue
                called = value.rpartition("/")[2]
                if called != app and not called.startswith(f"{app}-"):
                    yield Fail(reference.path, "is a role that is not this app's", urn=user.urn)


def function_of(resource: Resource) -> str | None:
    """The function of the agent that a resource is for: "" when it is for none, None when that is not known."""
    tagged = _tag(resource, FUNCTION_TAG)
    if tagged is UNKNOWN:
        return None
    if isinstance(tagged, str) and tagged:
        return tagged
    names = (resource.name, resource.properties.get("name"), resource.properties.get("family"))
    for name in names:
        for function in FUNCTIONS:
            if isinstance(name, str) and (name == function or name.endswith(f"-{function}")):
                return function
    return None if UNKNOWN in names else ""


def _unsaid(resource: Resource) -> Path:
    """Why it is not known."""
    if _tag(resource, FUNCTION_TAG) is UNKNOWN:
        return ("tags",)
    return ("name",) if resource.properties.get("name") is UNKNOWN else ("family",)


def _tag(resource: Resource, key: str) -> Plain:
    tags = resource.properties.get("tags")
    return UNKNOWN if tags is UNKNOWN else next((value for _, value in members(tags, key, ())), None)


def _may_be_agents(role: Resource) -> bool:
    return is_agents(role) or function_of(role) is None


def _is_agent(user: Resource) -> bool:
    return _is_bedrock(user) or bool(function_of(user))


def _is_bedrock(user: Resource) -> bool:
    return user.type.startswith(_ALWAYS_AGENTS)
