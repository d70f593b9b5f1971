"""The controls of the pack, in the catalogue's order. To add one: a check in `checks`, a record here, cases in tests.

References name the public rules a control can be compared with: CIS AWS Foundations, Checkov (CKV), Prowler.
"""

from typing import Final

from policies.checks import credentials, iam, isolation
from policies.model import Control, Severity

CONTROLS: Final[tuple[Control, ...]] = (
    Control(
        number=5,
        id="no-world-ingress",
        title="No world ingress",
        severity=Severity.CRITICAL,
        reads={
            isolation.SECURITY_GROUP: ("ingress",),
            isolation.SECURITY_GROUP_RULE: ("type", "cidrBlocks", "ipv6CidrBlocks"),
            isolation.INGRESS_RULE: ("cidrIpv4", "cidrIpv6"),
        },
        why="What the whole internet can reach is scanned within minutes; agents' networks serve known sources only.",
        fix="name the networks or the security group that may connect (cidrBlocks, securityGroups)",
        references=("CIS AWS 5.3", "CIS AWS 5.4", "CKV_AWS_24", "CKV_AWS_25", "CKV_AWS_277"),
        check=isolation.no_world_ingress,
    ),
    Control(
        number=15,
        id="no-admin-wildcard",
        title="No admin `*`",
        severity=Severity.CRITICAL,
        reads={
            iam.POLICY: ("policy",),
            iam.ROLE_POLICY: ("policy",),
            iam.USER_POLICY: ("policy",),
            iam.GROUP_POLICY: ("policy",),
            iam.ROLE: ("inlinePolicies",),
        },
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
        number=33,
        id="no-literal-credentials",
        title="No literal credentials",
        severity=Severity.CRITICAL,
        reads={
            credentials.FUNCTION: ("environment",),
            credentials.TASK_DEFINITION: ("containerDefinitions",),
            credentials.INSTANCE: ("userData", "userDataBase64"),
            credentials.PROJECT: ("environment",),
        },
        why="A credential in a resource's definition is readable by everyone who may describe the resource.",
        fix="keep it in Secrets Manager and refer to it (valueFrom, SECRETS_MANAGER, an ARN read at run time)",
        references=("CKV_AWS_45", "CKV_AWS_46", "Prowler awslambda_function_no_secrets_in_variables"),
        check=credentials.no_literal_credentials,
    ),
)
