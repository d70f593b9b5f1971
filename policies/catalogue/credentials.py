"""Secrets: where they are, and who can read them."""

from typing import Final

from policies.checks import credentials
from policies.model import Control, Severity

CONTROLS: Final[tuple[Control, ...]] = (
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
