"""Database: a private, encrypted PostgreSQL instance, and the secret that holds its address with its password."""

from typing import TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_aws import ec2, rds, secretsmanager

from components.aws.secret_store import RECOVERY_DAYS
from components.interfaces import Reach
from factory.spec import Size

PORT = 5432
ENGINE_VERSION = "16"
# The app's own database and its owner: names that are words of neither PostgreSQL nor RDS.
NAME, OWNER = "app", "app_owner"
# https://aws.amazon.com/rds/instance-types/: 2 cores and 2 GiB, 2 and 8, 4 and 32; ARM is the cheaper one.
CLASSES = {Size.SMALL: "db.t4g.small", Size.MEDIUM: "db.m7g.large", Size.LARGE: "db.r7g.xlarge"}


class DatabaseArgs(TypedDict):
    """What a database is made from."""

    app: str
    """The app; the first part of its secret's name."""
    environment: str
    """The environment; the second part."""
    database: str
    """Its name in the app."""
    network_id: Input[str]
    """Id of the VPC."""
    subnet_ids: Input[list[str]]
    """Private subnets, in two zones at least."""
    key_id: Input[str]
    """ARN of the key that encrypts its disk, its backups and its secret."""
    password: Output[str]
    """The owner's password, marked secret."""
    size: Size
    """Memory and cores of its server."""
    storage: int
    """Size of its disk, in GiB."""
    backups: int
    """Days for which automated backups are kept."""
    guarded: bool
    """Whether it stands in two zones, cannot be deleted until that guard is taken off, and leaves a final snapshot."""


class Database(pulumi.ComponentResource):
    """One PostgreSQL instance that nothing reaches until a workload opens its way to it."""

    database_id: Output[str]
    """ARN of the instance."""
    url_secret: Output[str]
    """ARN of the secret with `postgresql://owner:password@address:port/name`."""
    reach: Reach
    """How it is reached."""

    def __init__(self, name: str, args: DatabaseArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("millwright:aws:Database", name, {}, opts)
        child = ResourceOptions(parent=self)
        firewall = ec2.SecurityGroup(
            name,
            name=name,
            description=f"Reaches the database {name}",
            vpc_id=args["network_id"],
            tags={"Name": name},
            opts=child,
        )
        instance = _instance(name, args, firewall, child)
        secret = secretsmanager.Secret(
            f"{name}-url",
            name=f"{args['app']}/{args['environment']}/{args['database']}-url",
            kms_key_id=args["key_id"],
            recovery_window_in_days=RECOVERY_DAYS if args["guarded"] else 0,
            tags={"Name": f"{name}-url"},
            opts=child,
        )
        # Secret, because the password is.
        url = Output.all(args["password"], instance.address, instance.port).apply(
            lambda known: f"postgresql://{OWNER}:{known[0]}@{known[1]}:{known[2]:.0f}/{NAME}"
        )
        version = secretsmanager.SecretVersion(f"{name}-url", secret_id=secret.id, secret_string=url, opts=child)
        self.database_id = instance.arn
        # Known when the value is there: a copy that starts before finds a secret without one.
        self.url_secret = Output.all(secret.arn, version.version_id).apply(lambda known: str(known[0]))
        self.reach = {"firewall": firewall.id, "port": PORT, "opens": True}
        self.register_outputs(
            {"database_id": self.database_id, "url_secret": self.url_secret, "reach": Output.from_input(self.reach)}
        )


def _instance(name: str, args: DatabaseArgs, firewall: ec2.SecurityGroup, opts: ResourceOptions) -> rds.Instance:
    group = rds.SubnetGroup(
        name,
        name=name,
        description=f"Where {name} stands",
        subnet_ids=args["subnet_ids"],
        tags={"Name": name},
        opts=opts,
    )
    return rds.Instance(
        name,
        identifier=name,
        engine="postgres",
        engine_version=ENGINE_VERSION,
        instance_class=CLASSES[args["size"]],
        allocated_storage=args["storage"],
        storage_type="gp3",
        storage_encrypted=True,
        kms_key_id=args["key_id"],
        db_name=NAME,
        username=OWNER,
        password=args["password"],
        port=PORT,
        db_subnet_group_name=group.name,
        vpc_security_group_ids=[firewall.id],
        publicly_accessible=False,
        multi_az=args["guarded"],
        backup_retention_period=args["backups"],
        copy_tags_to_snapshot=True,
        deletion_protection=args["guarded"],
        # Backups and a last snapshot outlive a guarded instance; what is rebuilt at will leaves neither.
        delete_automated_backups=not args["guarded"],
        skip_final_snapshot=not args["guarded"],
        final_snapshot_identifier=_final_snapshot(name, firewall) if args["guarded"] else None,
        auto_minor_version_upgrade=True,
        enabled_cloudwatch_logs_exports=["postgresql", "upgrade"],
        tags={"Name": name},
        opts=opts,
    )


def _final_snapshot(name: str, firewall: ec2.SecurityGroup) -> Output[str]:
    """What its last snapshot is called, the same at every update.

    By the firewall's id, which no later database of that name has: the snapshot of an earlier life keeps its name, and
    a second destroy would end on it.
    """
    return firewall.id.apply(lambda known: f"{name}-final-{known.removeprefix('sg-')}")
