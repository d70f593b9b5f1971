"""IAM: who may do what."""

from typing import Final

from policies.checks import iam, iam_agents
from policies.helpers.documents import IDENTITY_POLICIES, ROLE
from policies.model import Control, Severity

CONTROLS: Final[tuple[Control, ...]] = (
    Control(
        number=15,
        id="no-admin-wildcard",
        title="No admin `*`",
        severity=Severity.CRITICAL,
        reads=IDENTITY_POLICIES,
        why="A statement that allows every action makes its holder an administrator, however narrow the task was.",
        fix="list the actions that the task needs, by service and name",
        references=(
            "CIS AWS 1.16",
            "CKV_AWS_62",
            "CKV_AWS_63",
            "Prowler iam_inline_policy_no_administrative_privileges",
        ),
        check=iam.no_admin_wildcard,
    ),
    Control(
        number=22,
        id="agents-bounded",
        title="Agent role has a permissions boundary",
        severity=Severity.CRITICAL,
        reads={ROLE: ("name", "tags", "permissionsBoundary")},
        why="Whatever somebody attaches to an agent's role later, the boundary is what it can never exceed.",
        fix="name a policy of this factory as permissionsBoundary (the component AgentIdentity makes one)",
        references=(
            "IAM User Guide: Permissions boundaries for IAM entities",
            "Prowler bedrock_agent_role_least_privilege",
        ),
        check=iam_agents.agents_are_bounded,
    ),
)
