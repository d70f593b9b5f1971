"""Secrets: where they are, and who can read them."""

from typing import Final

from policies.checks import credentials, credentials_keys, credentials_readers
from policies.helpers.documents import IDENTITY_POLICIES
from policies.helpers.tasks import TASK_DEFINITION
from policies.model import Control, Severity

CONTROLS: Final[tuple[Control, ...]] = (
    Control(
        number=33,
        id="no-literal-credentials",
        title="No literal credentials",
        severity=Severity.CRITICAL,
        reads={
            credentials.FUNCTION: ("environment",),
            TASK_DEFINITION: ("containerDefinitions",),
            credentials.INSTANCE: ("userData", "userDataBase64"),
            credentials.PROJECT: ("environment",),
        },
        why="A credential in a resource's definition is readable by everyone who may describe the resource.",
        fix="keep it in Secrets Manager and refer to it (valueFrom, SECRETS_MANAGER, an ARN read at run time)",
        references=("CKV_AWS_45", "CKV_AWS_46", "Prowler awslambda_function_no_secrets_in_variables"),
        check=credentials.no_literal_credentials,
    ),
    Control(
        number=34,
        id="ci-secrets-encrypted",
        title="CI secrets encrypted",
        severity=Severity.HIGH,
        reads=credentials_keys.CI_SECRETS,
        why="A secret declared as plain text stands so in the program, in previews and in what the engine keeps.",
        fix="encrypt it with the repository's public key and declare encryptedValue (valueEncrypted)",
        references=("CKV_GIT_4", "GitHub, Encrypting secrets for the REST API"),
        check=credentials_keys.ci_secrets_encrypted,
    ),
    Control(
        number=35,
        id="secrets-rotated",
        title="Rotation",
        severity=Severity.MEDIUM,
        reads={
            credentials_keys.SECRETS: ("name",),
            credentials_keys.VERSIONS: ("secretId",),
            credentials_keys.ROTATION: ("secretId", "rotationEnabled", "rotationRules"),
        },
        why="A credential that never changes serves whoever once saw it for ever.",
        fix="declare a SecretRotation of up to 90 days, or let the program make the value",
        references=("CKV2_AWS_57", "AWS Security Hub SecretsManager.1", "AWS Security Hub SecretsManager.4"),
        stack_check=credentials_keys.rotated,
    ),
    Control(
        number=36,
        id="customer-managed-key",
        title="Customer-managed key",
        severity=Severity.MEDIUM,
        reads={
            credentials_keys.SECRETS: ("kmsKeyId", "replicas"),
            credentials_keys.PARAMETER: ("type", "keyId"),
        },
        why="With AWS's own key whoever may read the secret may decrypt it too, and nobody can revoke that.",
        fix="encrypt it with the environment's key (kmsKeyId, keyId)",
        references=("CKV_AWS_149", "CKV_AWS_337", "Prowler secretsmanager_secret_cmk_encryption"),
        check=credentials_keys.customer_managed_key,
    ),
    Control(
        number=37,
        id="secrets-of-own-app",
        title="Readable only by its own app",
        severity=Severity.CRITICAL,
        reads={
            credentials_readers.POLICY: ("policy",),
            **IDENTITY_POLICIES,
            **credentials_readers.GCP_MEMBERS,
        },
        why="An agent that is talked into it reads whatever its role may read: another app's credentials too.",
        fix="name the app's own roles, and in a role's policy the app's own secrets (secret:APP/*)",
        references=("Prowler secretsmanager_has_restrictive_resource_policy", "AWS, Secrets Manager best practices"),
        check=credentials_readers.own_app_only,
    ),
)
