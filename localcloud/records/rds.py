"""RDS: database instance, which is a server of the embedded PostgreSQL."""

import contextlib
import re
import time
from collections.abc import Mapping
from typing import Any, Final

from factory.errors import UpdateFailed
from localcloud.records.rds_groups import retag
from localcloud.records.record import (
    REGION,
    TAGS,
    Call,
    Name,
    Prop,
    Record,
    View,
    flag,
    integer,
    tags_from,
    text,
    texts,
)

Json = Any
# A server is made in a second or two; on a machine that others use as well it may take long.
AVAILABLE_SECONDS: Final = 90.0
POLL_SECONDS: Final = 0.1
# RDS keeps these for itself (its user guide, "Master user account privileges").
RESERVED_USERS: Final = frozenset({"rdsadmin", "rds_superuser", "rdsrepladmin", "pg_signal_backend"})
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSnapshot.html
SNAPSHOT_NAME: Final = re.compile(r"(?=.{1,255}\Z)[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*")
# Name of the SDK, and of the API, where only the first letter would not do.
SENT: Final[Mapping[str, str]] = {
    "allocatedStorage": "AllocatedStorage",
    "autoMinorVersionUpgrade": "AutoMinorVersionUpgrade",
    "availabilityZone": "AvailabilityZone",
    "backupRetentionPeriod": "BackupRetentionPeriod",
    "backupWindow": "PreferredBackupWindow",
    "caCertIdentifier": "CACertificateIdentifier",
    "copyTagsToSnapshot": "CopyTagsToSnapshot",
    "dbName": "DBName",
    "dbSubnetGroupName": "DBSubnetGroupName",
    "deletionProtection": "DeletionProtection",
    "engine": "Engine",
    "engineVersion": "EngineVersion",
    "instanceClass": "DBInstanceClass",
    "kmsKeyId": "KmsKeyId",
    "maintenanceWindow": "PreferredMaintenanceWindow",
    "manageMasterUserPassword": "ManageMasterUserPassword",
    "masterUserSecretKmsKeyId": "MasterUserSecretKmsKeyId",
    "maxAllocatedStorage": "MaxAllocatedStorage",
    "multiAz": "MultiAZ",
    "parameterGroupName": "DBParameterGroupName",
    "password": "MasterUserPassword",
    "port": "Port",
    "publiclyAccessible": "PubliclyAccessible",
    "storageEncrypted": "StorageEncrypted",
    "storageType": "StorageType",
    "username": "MasterUsername",
    "vpcSecurityGroupIds": "VpcSecurityGroupIds",
}
CHANGED_AS: Final = {**SENT, "port": "DBPortNumber"}


def create_instance(call: Call) -> str:
    """Declare an instance; its resource id."""
    inputs = call.inputs
    sent = {SENT[name]: value for name, value in inputs.items() if name in SENT and value is not None}
    made = call.aws("rds").create_db_instance(DBInstanceIdentifier=inputs["identifier"], Tags=call.tag_list, **sent)[
        "DBInstance"
    ]
    return str(made["DbiResourceId"])


def await_instance(call: Call) -> None:
    """Wait until the server takes connections. Raises UpdateFailed with its reason when it cannot."""
    deadline = time.monotonic() + AVAILABLE_SECONDS
    while (found := _instance(call))["DBInstanceStatus"] != "available":
        reasons = [each.get("Message", "") for each in found.get("StatusInfos") or []]
        if found["DBInstanceStatus"] == "failed" or time.monotonic() > deadline:
            said = "; ".join(reasons) or f"it is still {found['DBInstanceStatus']}"
            raise UpdateFailed(f"the embedded PostgreSQL does not run for {call.inputs['identifier']}: {said}")
        time.sleep(POLL_SECONDS)


def update_instance(call: Call) -> None:
    """Change an instance, at once."""
    rds = call.aws("rds")
    changed = {
        CHANGED_AS[name]: call.inputs.get(name)
        for name in SENT
        if call.changed(name) and call.inputs.get(name) is not None and name not in {"engine", "dbName", "username"}
    }
    identifier = _identifier(call)
    if call.changed("identifier"):
        changed["NewDBInstanceIdentifier"] = call.inputs["identifier"]
    if changed:
        rds.modify_db_instance(DBInstanceIdentifier=identifier, ApplyImmediately=True, **changed)
    retag(call, str(_instance(call)["DBInstanceArn"]))
    await_instance(call)


def _find(call: Call) -> dict[str, Json] | None:
    """The instance, by its resource id or, when it is imported, by its identifier."""
    rds = call.aws("rds")
    with contextlib.suppress(rds.exceptions.DBInstanceNotFoundFault):
        # Asked for one: to tell of all takes the longer the more there are.
        found = rds.describe_db_instances(Filters=[{"Name": "dbi-resource-id", "Values": [call.id]}])["DBInstances"]
        found = found or rds.describe_db_instances(DBInstanceIdentifier=call.id)["DBInstances"]
        return dict(found[0]) if found else None
    return None


def _instance(call: Call) -> dict[str, Json]:
    found = _find(call)
    if found is None:
        raise UpdateFailed(f"the instance {call.id} is gone")
    return found


def _identifier(call: Call) -> str:
    return str(_instance(call)["DBInstanceIdentifier"])


def read_instance(call: Call) -> View | None:
    """An instance, with where it is reached."""
    found = _find(call)
    if found is None:
        return None
    view = {name: found.get(key) for name, key in SENT.items() if name not in READ_OTHERWISE}
    endpoint = found.get("Endpoint") or {}
    secret = found.get("MasterUserSecret")
    told = {"kmsKeyId": secret.get("KmsKeyId"), "secretArn": secret["SecretArn"]} if secret else None
    return view | {
        "id": found["DbiResourceId"],
        "identifier": found["DBInstanceIdentifier"],
        "resourceId": found["DbiResourceId"],
        "port": endpoint.get("Port"),
        "address": endpoint.get("Address"),
        "endpoint": f"{endpoint.get('Address')}:{endpoint.get('Port')}",
        "status": found["DBInstanceStatus"],
        "arn": found["DBInstanceArn"],
        "engineVersionActual": found.get("EngineVersion"),
        "dbSubnetGroupName": (found.get("DBSubnetGroup") or {}).get("DBSubnetGroupName"),
        "parameterGroupName": next(
            (each["DBParameterGroupName"] for each in found.get("DBParameterGroups") or []), None
        ),
        "vpcSecurityGroupIds": [each["VpcSecurityGroupId"] for each in found.get("VpcSecurityGroups") or []],
        "manageMasterUserPassword": True if secret else None,
        "masterUserSecrets": [told | {"secretStatus": secret["SecretStatus"]}] if secret and told else [],
        "tagsAll": tags_from(found.get("TagList")),
    }


READ_OTHERWISE: Final = frozenset(
    {
        "dbSubnetGroupName",
        "manageMasterUserPassword",
        "masterUserSecretKmsKeyId",
        "parameterGroupName",
        "password",
        "port",
        "vpcSecurityGroupIds",
    }
)


def delete_instance(call: Call) -> None:
    """Remove an instance; its data too, unless it is to leave a final snapshot, which keeps that."""
    if call.inputs.get("skipFinalSnapshot"):
        undo_instance(call)
    elif found := _find(call):
        final = call.given(FinalDBSnapshotIdentifier=call.inputs.get("finalSnapshotIdentifier"))
        call.aws("rds").delete_db_instance(DBInstanceIdentifier=found["DBInstanceIdentifier"], **final)


def undo_instance(call: Call) -> None:
    """Remove an instance with its data."""
    if found := _find(call):
        call.aws("rds").delete_db_instance(DBInstanceIdentifier=found["DBInstanceIdentifier"], SkipFinalSnapshot=True)


def check_instance(inputs: Mapping[str, Json]) -> list[tuple[str, str]]:
    """What RDS, and the embedded PostgreSQL, demand of several properties together."""
    found = []
    if bool(inputs.get("password")) == bool(inputs.get("manageMasterUserPassword")):
        found.append(("password", "exactly one of password and manageMasterUserPassword must be given"))
    final = inputs.get("finalSnapshotIdentifier")
    if not final and not inputs.get("skipFinalSnapshot"):
        found.append(("finalSnapshotIdentifier", "it must be given unless skipFinalSnapshot is true"))
    elif final and not SNAPSHOT_NAME.fullmatch(final):
        found.append(("finalSnapshotIdentifier", "it is letters, digits and single hyphens, a letter first"))
    if inputs["username"] in RESERVED_USERS:
        found.append(("username", f"RDS keeps {inputs['username']} for itself"))
    return found


NO_SNAPSHOTS: Final = "the embedded PostgreSQL restores no snapshots"
ONE_SERVER: Final = "the embedded PostgreSQL is one server on this machine"
INSTANCE: Final[Mapping[str, Prop]] = {
    "identifier": text(),
    "identifierPrefix": text(replaces=True, unread=True),
    "instanceClass": text(required=True),
    "engine": text(required=True, replaces=True, one_of=("postgres",)),
    "engineVersion": text(cloud_decides=True, no_effect="the embedded server is PostgreSQL 16, whatever is declared"),
    "username": text(required=True, replaces=True),
    "password": text(secret=True, unread=True),
    "manageMasterUserPassword": flag(),
    "masterUserSecretKmsKeyId": text(unread=True),
    "dbName": text(replaces=True),
    "port": integer(cloud_decides=True),
    "allocatedStorage": integer(cloud_decides=True),
    "maxAllocatedStorage": integer(if_declared=True),
    "storageType": text(cloud_decides=True),
    "storageEncrypted": flag(default=False, replaces=True),
    "kmsKeyId": text(cloud_decides=True, replaces=True),
    "dbSubnetGroupName": text(cloud_decides=True, replaces=True),
    "vpcSecurityGroupIds": texts(cloud_decides=True),
    "parameterGroupName": text(cloud_decides=True),
    "availabilityZone": text(cloud_decides=True, replaces=True),
    "caCertIdentifier": text(cloud_decides=True),
    "multiAz": flag(default=False),
    "publiclyAccessible": flag(default=False),
    "deletionProtection": flag(default=False),
    "backupRetentionPeriod": integer(default=0),
    "backupWindow": text(cloud_decides=True),
    "maintenanceWindow": text(cloud_decides=True),
    "autoMinorVersionUpgrade": flag(default=True),
    "copyTagsToSnapshot": flag(default=False),
    "skipFinalSnapshot": flag(default=False, unread=True),
    "finalSnapshotIdentifier": text(unread=True),
    "deleteAutomatedBackups": flag(default=True, no_effect="the embedded PostgreSQL makes no backups"),
    "applyImmediately": flag(no_effect="every change is made at once"),
    "allowMajorVersionUpgrade": flag(no_effect=ONE_SERVER),
    "enabledCloudwatchLogsExports": texts(no_effect="the server writes its log to a file of its own"),
    "performanceInsightsEnabled": flag(default=False, no_effect=ONE_SERVER),
    "monitoringInterval": integer(default=0, no_effect=ONE_SERVER),
    **TAGS,
    **REGION,
}

RECORDS = (
    Record(
        type="aws:rds/instance:Instance",
        service="rds",
        properties=INSTANCE,
        outputs=(
            "address",
            "arn",
            "endpoint",
            "engineVersionActual",
            "masterUserSecrets",
            "resourceId",
            "status",
        ),
        recomputed=("address", "endpoint", "masterUserSecrets", "status"),
        name=Name(prop="identifier", prefix_prop="identifierPrefix", limit=63, lower=True, allowed=r"a-z0-9\-"),
        unique=("identifier",),
        create=create_instance,
        settle=await_instance,
        read=read_instance,
        update=update_instance,
        delete=delete_instance,
        undo=undo_instance,
        gone=("DBInstanceNotFound", "DBInstanceNotFoundFault"),
        check=check_instance,
        refused={
            "snapshotIdentifier": NO_SNAPSHOTS,
            "restoreToPointInTime": NO_SNAPSHOTS,
            "s3Import": NO_SNAPSHOTS,
            "replicateSourceDb": "the embedded PostgreSQL has no replicas",
            "iamDatabaseAuthenticationEnabled": "the embedded PostgreSQL knows passwords only",
            "passwordWo": "give password: it is kept as a secret",
            "passwordWoVersion": "give password: it is kept as a secret",
            "domain": "the embedded PostgreSQL joins no directory",
        },
    ),
)
