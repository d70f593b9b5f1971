"""IAM: what agents must never change, whatever their task is: what watches them, and what decides about them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from policies.checks.iam_agents import FUNCTION_TAG, is_agents
from policies.context import Context
from policies.helpers.documents import ROLE
from policies.helpers.grants import BOUNDARY, Grants, grants_of
from policies.helpers.roles import ROLE_UNION
from policies.model import UNKNOWN, Fail, Finding, Path, Unknown
from policies.reading import members
from policies.resources import Resource, Stack

FACTORY_READS: Final[dict[str, tuple[str, ...]]] = {
    **ROLE_UNION,
    ROLE: (*ROLE_UNION[ROLE], BOUNDARY, "tags"),
}
# Names of `components.aws.shared_names`, which this room may not import; a test holds them together.
AUDIT_STORE: Final = "arn:aws:s3:::platform-audit-*"
STATE_STORE: Final = "arn:aws:s3:::platform-state-*"
_BUCKET_WRITES: Final = ("s3:Put*", "s3:Delete*", "s3:BypassGovernanceRetention", "s3:RestoreObject", "s3:Replicate*")


@dataclass(frozen=True)
class Guarded:
    """Something that agents must not change, and the actions that change it. They may hold wildcards."""

    what: str
    actions: tuple[str, ...]
    resource: str = "*"


GUARDED: Final = (
    Guarded("the audit store", _BUCKET_WRITES, AUDIT_STORE),
    Guarded(
        "the audit trail",
        (
            "cloudtrail:StopLogging",
            "cloudtrail:DeleteTrail",
            "cloudtrail:UpdateTrail",
            "cloudtrail:Put*",
            "config:StopConfigurationRecorder",
            "config:Delete*",
            "guardduty:Delete*",
            "guardduty:UpdateDetector",
            "logs:DeleteLogGroup",
            "logs:DeleteLogStream",
            "logs:DeleteRetentionPolicy",
            "logs:PutRetentionPolicy",
            "ec2:DeleteFlowLogs",
        ),
    ),
    Guarded("the states of the stacks", _BUCKET_WRITES, STATE_STORE),
    Guarded(
        "policies",
        (
            *(f"iam:{verb}*" for verb in ("Add", "Attach", "Create", "Delete", "Detach", "Put", "Set", "Update")),
            "organizations:Attach*",
            "organizations:Detach*",
            "organizations:Update*",
        ),
    ),
    Guarded(
        # Exceptions, the factory's policies and its CI are files of a repository: a push or a merge changes them.
        "exceptions and the files of the policies",
        ("codecommit:GitPush", "codecommit:Put*", "codecommit:CreateCommit", "codecommit:Merge*"),
    ),
    Guarded(
        "what people decide at the gates",
        (
            "codepipeline:PutApprovalResult",
            "codepipeline:OverrideStageCondition",
            "codepipeline:UpdatePipeline",
            "codepipeline:DeletePipeline",
        ),
    ),
)


def agents_write_no_guard(stack: Stack, context: Context) -> Iterator[Finding]:
    """Control 24: no role of an agent may change audit, state, policies, exceptions or gates."""
    del context
    for role in stack.of(ROLE):
        unsure = tuple(_unsure(role))
        if not is_agents(role) and not unsure:
            continue
        grants = grants_of(stack, role)
        found = list(_changed(grants))
        yield from grants.judged([Unknown(path, role.urn) for path in unsure] if unsure and found else found)


def _unsure(role: Resource) -> Iterator[Path]:
    """What would have to be known to say whether a role is an agent's."""
    tags = role.properties.get("tags")
    if any(value is UNKNOWN for _, value in members(tags, FUNCTION_TAG, ())):
        yield ("tags",)
    elif not is_agents(role):
        yield from ((name,) for name in ("name", "tags") if role.properties.get(name) is UNKNOWN)


def _changed(grants: Grants) -> Iterator[Finding]:
    for guarded in GUARDED:
        for grant in grants.all:
            if any(grant.may(action, guarded.resource) for action in guarded.actions):
                held = grant.held
                yield Fail(held.path, f"lets an agent change {guarded.what}", urn=held.owner.urn)
