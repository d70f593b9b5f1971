"""What the cloud itself puts before a deletion, taken off for a destroy that a person decided.

Pulumi's own protection is in the state (`cli.unprotect`); this is the cloud's, which would refuse the engine's call.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from factory.cloud_clients import client
from factory.errors import CloudUnavailable
from factory.paths import FactoryRoot
from factory.settings import Settings

INSTANCE: Final = "aws:rds/instance:Instance"
GONE: Final = "DBInstanceNotFound"


def guarded_databases(resources: list[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Region and identifier of each database instance in a stack's state that the cloud guards."""
    for resource in resources:
        outputs = resource.get("outputs") or {}
        if resource.get("type") == INSTANCE and outputs.get("deletionProtection"):
            yield str(outputs["arn"]).split(":")[3], str(outputs["identifier"])


def lift(root: FactoryRoot, settings: Settings, resources: list[Mapping[str, Any]]) -> None:
    """Take the deletion guard off the databases of a stack. Done twice, it is the same; `up` puts it on again.

    Raises CloudUnavailable when the cloud does not take it.
    """
    # Imported late, as boto3 is.
    from botocore.exceptions import BotoCoreError, ClientError

    for region, identifier in guarded_databases(resources):
        try:
            client(root, settings, "rds", region).modify_db_instance(
                DBInstanceIdentifier=identifier, DeletionProtection=False, ApplyImmediately=True
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code", "").startswith(GONE):
                continue
            raise CloudUnavailable(f"the guard of {identifier} cannot be taken off: {error}") from None
        except BotoCoreError as error:
            raise CloudUnavailable(f"the guard of {identifier} cannot be taken off: {error}") from None
