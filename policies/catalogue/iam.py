"""IAM: who may do what."""

from typing import Final

from policies.checks import iam, iam_agents, iam_attachments, iam_statements, iam_trust
from policies.helpers.documents import IDENTITY_POLICIES, ROLE
from policies.helpers.statements import TRUST
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
        number=16,
        id="no-allow-with-negation",
        title="No Allow with NotAction/NotResource/NotPrincipal",
        severity=Severity.HIGH,
        reads=iam_statements.NEGATION_READS,
        why="What a negation leaves open grows with every action, resource and principal that comes to exist.",
        fix="name what is allowed; say what is not in a statement with Effect Deny",
        references=(
            "Guard iam_policy no_allow_plus_not_action, no_allow_plus_not_resource, no_allow_plus_not_principal",
            "IAM User Guide: NotAction with Allow, NotPrincipal with Allow",
            "CKV_AWS_356",
        ),
        check=iam_statements.no_allow_with_negation,
    ),
    Control(
        number=18,
        id="pass-role-narrow",
        title="PassRole: named role + PassedToService",
        severity=Severity.CRITICAL,
        reads=IDENTITY_POLICIES,
        why="Who passes any role to a service acts through that service with the rights of any role.",
        fix="name the role by its whole ARN, and the service in a condition StringEquals on iam:PassedToService",
        references=(
            "Guard iam_policy no_wildcard_resource_on_passrole",
            "IAM User Guide: Grant a user permissions to pass a role to an AWS service",
            "Prowler iam_policy_allows_privilege_escalation",
        ),
        check=iam_statements.pass_role_is_narrow,
    ),
    Control(
        number=19,
        id="trust-narrow",
        title="Trust: no `*`; foreign accounts listed + ExternalId",
        severity=Severity.CRITICAL,
        reads={ROLE: (TRUST,)},
        why="A role is as safe as who may take it; an external id keeps others from taking it through an account.",
        fix="name principals of this account, or of one in trusted_accounts of policies.yaml with sts:ExternalId",
        references=(
            "CKV_AWS_60",
            "CKV_AWS_61",
            "IAM User Guide: Access to AWS accounts owned by third parties",
            "Prowler iam_role_cross_account_readonlyaccess_policy",
        ),
        check=iam_trust.trust_is_narrow,
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
    Control(
        number=25,
        id="no-admin-attachment",
        title="No AdministratorAccess/IAMFullAccess attachment",
        severity=Severity.CRITICAL,
        reads=iam_attachments.ATTACHMENTS,
        why="One attachment of such a policy undoes every narrow policy beside it.",
        fix="attach a policy of this factory that lists what the task needs",
        references=("CIS AWS 1.16", "CKV_AWS_274", "Prowler iam_aws_attached_policy_no_administrative_privileges"),
        check=iam_attachments.no_administrator_attached,
    ),
)
