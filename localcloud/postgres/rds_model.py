"""What moto's RDS leaves out for PostgreSQL: an id of each instance's own, an address that leads somewhere, a state.

moto answers "available" at once, gives all instances one resource id, and all managed passwords are the same. What it
would answer without doing anything (snapshots of what runs, replicas), is refused by name. A final snapshot is what
its instance leaves: the data stays for as long as the snapshot is there.
"""

import hashlib
import json
import string
from collections.abc import Callable, Iterable
from typing import Any, Final

from moto.ec2.models import ec2_backends
from moto.moto_api._internal import mock_random
from moto.rds.exceptions import InvalidParameterCombination, InvalidParameterValue
from moto.rds.models import DBInstance, RDSBackend, rds_backends

from localcloud.postgres.declared import (
    AVAILABLE,
    CREATING,
    FAILED,
    MODIFYING,
    STARTING,
    STOPPED,
    Declared,
    Placed,
    Status,
)

Json = Any
ENGINE: Final = "postgres"
ID_CHARACTERS: Final = string.ascii_uppercase + "234567"
ID_LENGTH: Final = 26
MIB_PER_GIB: Final = 1024
PASSWORD_LENGTH: Final = 32
# Every address in 127.0.0.0/8 is this machine; the lower half is left to others.
LOOPBACK: Final = "127.{}.{}.{}"
REFUSED: Final = {
    "restore_db_instance_from_db_snapshot": "restores no snapshots",
    "restore_db_instance_to_point_in_time": "returns to no point in time",
    "create_db_instance_read_replica": "has no read replicas",
}

# What RDS takes for PostgreSQL.
PORTS: Final = range(1150, 65536)

MANUAL: Final = "manual"

_create, _modify, _start, _delete, _modify_subnet_group, _snapshot = (
    RDSBackend.create_db_instance,
    RDSBackend.modify_db_instance,
    RDSBackend.start_db_instance,
    RDSBackend.delete_db_instance,
    RDSBackend.modify_db_subnet_group,
    RDSBackend.create_db_snapshot,
)
_address: Any = DBInstance.address


def teach() -> None:
    """Give moto's RDS in this process what this module knows. Calling it again changes nothing."""
    backend: Any = RDSBackend
    backend.create_db_instance = _created
    backend.modify_db_instance = _modified
    backend.start_db_instance = _started
    backend.delete_db_instance = _deleted
    backend.modify_db_subnet_group = _subnet_group_modified
    backend.create_db_snapshot = _snapshot_taken
    for name, what in REFUSED.items():
        setattr(backend, name, _refusing(what))
    instance: Any = DBInstance
    instance.address = property(lambda self: getattr(self, "local_address", None) or _address.fget(self))


def _refusing(what: str) -> Callable[..., None]:
    def refuse(*_: Json, **__: Json) -> None:
        raise NotImplementedError(f"the embedded PostgreSQL {what}")

    return refuse


def _snapshot_taken(self: RDSBackend, *arguments: Json, **named: Json) -> Json:
    if "automated" not in (*arguments, named.get("snapshot_type")):
        raise NotImplementedError("the embedded PostgreSQL takes no snapshots but the final one of an instance")
    # moto's own, with each instance; it lists them as AWS does.
    return _snapshot(self, *arguments, **named)


def _deleted(
    self: RDSBackend,
    db_instance_identifier: str,
    final_db_snapshot_identifier: str | None = None,
    skip_final_snapshot: bool | None = False,
    delete_automated_backups: bool | None = True,
) -> Json:
    # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBInstance.html
    if bool(skip_final_snapshot) == bool(final_db_snapshot_identifier):
        raise InvalidParameterCombination(
            "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified, and cannot stand beside it"
        )
    instance = self.databases.get(db_instance_identifier)
    # A protected one, or one that is not there, is refused below.
    if final_db_snapshot_identifier and instance is not None and not instance.deletion_protection:
        _snapshot(self, db_instance_identifier, final_db_snapshot_identifier, MANUAL)
    return _delete(
        self, db_instance_identifier, skip_final_snapshot=True, delete_automated_backups=delete_automated_backups
    )


def _checked_port(db_kwargs: dict[str, Json], engine: Json) -> None:
    port = db_kwargs.get("db_port_number") or db_kwargs.get("port")
    if engine == ENGINE and port and int(port) not in PORTS:
        raise InvalidParameterValue(f"Invalid port: {port}; it is one of {PORTS[0]} to {PORTS[-1]}")


def _created(self: RDSBackend, db_kwargs: dict[str, Json]) -> Json:
    _checked_port(db_kwargs, db_kwargs.get("engine"))
    instance: Any = _create(self, db_kwargs)
    instance.dbi_resource_id = "db-" + "".join(mock_random.choice(ID_CHARACTERS) for _ in range(ID_LENGTH))
    if instance.engine == ENGINE and instance.db_cluster_identifier is None:
        instance.status = CREATING
        instance.status_infos = []
        instance.local_address = _free_address(instance)
        if instance.manage_master_user_password:
            _own_password(instance)
    return instance


def _started(self: RDSBackend, db_instance_identifier: str) -> Json:
    instance: Any = _start(self, db_instance_identifier)
    if getattr(instance, "local_address", None):
        instance.status = STARTING
        instance.local_revision = _revision(instance) + 1
    return instance


def _revision(instance: Json) -> int:
    return int(getattr(instance, "local_revision", 0))


def _modified(self: RDSBackend, db_instance_identifier: str, db_kwargs: dict[str, Json]) -> Json:
    _checked_port(db_kwargs, self.describe_db_instances(db_instance_identifier)[0].engine)
    instance: Any = _modify(self, db_instance_identifier, db_kwargs)
    if port := db_kwargs.get("db_port_number"):
        # moto takes no notice of it.
        instance.port = port
    if getattr(instance, "local_address", None):
        instance.local_revision = _revision(instance) + 1
        if instance.status in {AVAILABLE, FAILED}:
            # Until the server is as it is declared now.
            instance.status = MODIFYING
    return instance


def _subnet_group_modified(self: RDSBackend, subnet_name: str, description: str, subnets: list[Json]) -> Json:
    self.describe_db_subnet_groups(subnet_name)
    # moto forgets the group that it modifies.
    group = self.subnet_groups[subnet_name] = _modify_subnet_group(self, subnet_name, description, subnets)
    return group


def _free_address(instance: Json) -> str:
    taken = {getattr(each, "local_address", None) for each in _all()}
    for attempt in range(len(taken) + 1):
        digest = hashlib.sha256(f"{instance.dbi_resource_id}/{attempt}".encode()).digest()
        address = LOOPBACK.format(128 + digest[0] % 127, digest[1], 1 + digest[2] % 254)
        if address not in taken:
            return address
    raise AssertionError("more addresses were taken than there are instances")


def _own_password(instance: Json) -> None:
    password = mock_random.get_random_string(length=PASSWORD_LENGTH)
    secret = instance.master_user_secret
    secret.secretsmanager.put_secret_value(
        secret_id=secret.secret_arn,
        secret_string=json.dumps({"username": instance.master_username, "password": password}),
        secret_binary=None,
        client_request_token=str(mock_random.uuid4()),
        version_stages=["AWSCURRENT"],
    )


def _all() -> Iterable[Json]:
    return [
        instance
        for account in list(rds_backends)
        for backend in rds_backends[account].values()
        for instance in backend.databases.values()
    ]


def declared() -> list[Declared]:
    """Every instance that has a server, under the backends' lock."""
    return [_declared(instance) for instance in _all() if hasattr(instance, "local_address")]


def kept() -> set[str]:
    """Resource ids of the instances whose data a final snapshot keeps, under the backends' lock."""
    return {
        str(snapshot.dbi_resource_id)
        for account in list(rds_backends)
        for backend in rds_backends[account].values()
        for snapshot in backend.database_snapshots.values()
        if snapshot.snapshot_type == MANUAL
    }


def placed() -> list[Placed]:
    """Every instance that takes connections, under the backends' lock. One that is being modified goes on meanwhile."""
    return [
        _placed(instance)
        for instance in _all()
        if hasattr(instance, "local_address") and instance.status in {AVAILABLE, MODIFYING}
    ]


def _placed(instance: Json) -> Placed:
    vpc, subnets = _network(instance)
    return Placed(
        account=instance.account_id,
        region=instance.region,
        key=instance.dbi_resource_id,
        address=instance.local_address,
        port=int(instance.port),
        vpc=vpc,
        ranges=tuple(str(each.cidr_block) for each in subnets),
        groups=tuple(instance.vpc_security_group_ids),
    )


def _network(instance: Json) -> tuple[str, list[Json]]:
    """An instance's VPC and subnets: those of its subnet group, or else the default VPC's."""
    # By name: moto's instance keeps the group as it was when it was made.
    name = getattr(instance, "_db_subnet_group_name", None) or ""
    if group := rds_backends[instance.account_id][instance.region].subnet_groups.get(name):
        return group.vpc_id, list(group._subnets)  # noqa: SLF001  its property tells texts
    backend = ec2_backends[instance.account_id][instance.region]
    vpc = backend.get_default_vpc()
    there = [each for zone in backend.subnets.values() for each in zone.values()]
    return (str(vpc.id), [each for each in there if each.vpc_id == vpc.id]) if vpc else ("", [])


def _declared(instance: Json) -> Declared:
    password, problem = "", ""
    try:
        password = _password(instance)
    except Exception as error:  # noqa: BLE001  the seam: whatever became of one secret, the other servers go on
        problem = f"the secret with its password cannot be read: {type(error).__name__}: {error}"
    return Declared(
        account=instance.account_id,
        region=instance.region,
        key=instance.dbi_resource_id,
        identifier=instance.db_instance_identifier,
        address=instance.local_address,
        port=int(instance.port),
        database=instance.db_name or "",
        owner=instance.master_username or "",
        password=password,
        storage_mib=int(instance.allocated_storage) * MIB_PER_GIB,
        revision=_revision(instance),
        problem=problem,
        runs=instance.status != STOPPED,
        settled=instance.status == AVAILABLE,
    )


def _password(instance: Json) -> str:
    if not instance.manage_master_user_password:
        # Its property refuses to be read: no call may tell it.
        return instance._master_user_password or ""  # noqa: SLF001
    secret = instance.master_user_secret
    value = secret.secretsmanager.get_secret_value(secret.secret_arn, None, None)
    return str(json.loads(value["SecretString"])["password"])


def tell(statuses: Iterable[Status]) -> None:
    """Write down what became of instances, under the backends' lock."""
    for status in statuses:
        for instance in rds_backends[status.account][status.region].databases.values():
            current = status.revision in (None, _revision(instance))
            if instance.dbi_resource_id == status.key and instance.status != STOPPED and current:
                _tell(instance, status)


def _tell(instance: Json, status: Status) -> None:
    instance.status = status.status
    told = {"StatusType": "server", "Normal": False, "Status": "error", "Message": status.reason}
    instance.status_infos = [told] if status.status == FAILED else []


def restarted() -> None:
    """The daemon was started again: no server runs yet."""
    for instance in _all():
        if getattr(instance, "local_address", None) and instance.status != STOPPED:
            instance.status, instance.status_infos = CREATING, []
