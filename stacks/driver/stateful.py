"""Which resources hold what the program cannot make again, and which steps of a plan would lose it.

A table of data, by type token: databases, files, messages, logs, images, keys and what they encrypt, people's accounts.
Not in it: caches, and what the program itself says in full (parameters, objects, table items).
"""

from collections.abc import Iterable
from enum import StrEnum

from stacks.driver.model import UNCHANGED, Step

STATEFUL = frozenset(
    {
        "aws:acmpca/certificateAuthority:CertificateAuthority",
        "aws:backup/logicallyAirGappedVault:LogicallyAirGappedVault",
        "aws:backup/vault:Vault",
        "aws:cloudtrail/eventDataStore:EventDataStore",
        "aws:cloudwatch/eventArchive:EventArchive",
        "aws:cloudwatch/logGroup:LogGroup",
        "aws:cloudwatch/logStream:LogStream",
        "aws:codecommit/repository:Repository",
        "aws:cognito/userPool:UserPool",
        "aws:docdb/cluster:Cluster",
        "aws:docdb/clusterSnapshot:ClusterSnapshot",
        "aws:docdb/elasticCluster:ElasticCluster",
        "aws:dsql/cluster:Cluster",
        "aws:dynamodb/globalTable:GlobalTable",
        "aws:dynamodb/table:Table",
        "aws:ebs/snapshot:Snapshot",
        "aws:ebs/volume:Volume",
        "aws:ecr/repository:Repository",
        "aws:ecrpublic/repository:Repository",
        "aws:efs/fileSystem:FileSystem",
        "aws:elasticsearch/domain:Domain",
        "aws:fsx/backup:Backup",
        "aws:fsx/lustreFileSystem:LustreFileSystem",
        "aws:fsx/ontapFileSystem:OntapFileSystem",
        "aws:fsx/ontapVolume:OntapVolume",
        "aws:fsx/openZfsFileSystem:OpenZfsFileSystem",
        "aws:fsx/openZfsVolume:OpenZfsVolume",
        "aws:fsx/windowsFileSystem:WindowsFileSystem",
        "aws:glacier/vault:Vault",
        "aws:keyspaces/keyspace:Keyspace",
        "aws:keyspaces/table:Table",
        "aws:kinesis/stream:Stream",
        "aws:kinesis/videoStream:VideoStream",
        "aws:kms/externalKey:ExternalKey",
        "aws:kms/key:Key",
        "aws:lightsail/bucket:Bucket",
        "aws:lightsail/database:Database",
        "aws:lightsail/disk:Disk",
        "aws:memorydb/cluster:Cluster",
        "aws:memorydb/snapshot:Snapshot",
        "aws:mq/broker:Broker",
        "aws:msk/cluster:Cluster",
        "aws:msk/serverlessCluster:ServerlessCluster",
        "aws:msk/topic:Topic",
        "aws:neptune/cluster:Cluster",
        "aws:neptune/clusterSnapshot:ClusterSnapshot",
        "aws:opensearch/domain:Domain",
        "aws:opensearch/serverlessCollection:ServerlessCollection",
        "aws:qldb/ledger:Ledger",
        "aws:rds/cluster:Cluster",
        "aws:rds/clusterSnapshot:ClusterSnapshot",
        "aws:rds/instance:Instance",
        "aws:rds/snapshot:Snapshot",
        "aws:redshift/cluster:Cluster",
        "aws:redshift/clusterSnapshot:ClusterSnapshot",
        "aws:redshiftserverless/namespace:Namespace",
        "aws:s3/bucket:Bucket",
        "aws:s3/bucketV2:BucketV2",
        "aws:s3/directoryBucket:DirectoryBucket",
        "aws:s3/vectorsIndex:VectorsIndex",
        "aws:s3/vectorsVectorBucket:VectorsVectorBucket",
        "aws:s3control/bucket:Bucket",
        "aws:s3tables/table:Table",
        "aws:s3tables/tableBucket:TableBucket",
        "aws:secretsmanager/secret:Secret",
        "aws:sqs/queue:Queue",
        "aws:timestreaminfluxdb/dbCluster:DbCluster",
        "aws:timestreaminfluxdb/dbInstance:DbInstance",
        "aws:timestreamwrite/database:Database",
        "aws:timestreamwrite/table:Table",
    }
)


class Effect(StrEnum):
    """What a step does to a resource, in the words of a summary."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"


# Every word of the engine for a step that changes something (its `deploy.StepOp`); an import creates nothing in the
# cloud, but it is new to the state.
_EFFECTS = {
    "create": Effect.CREATE,
    "import": Effect.CREATE,
    "update": Effect.UPDATE,
    "replace": Effect.REPLACE,
    "create-replacement": Effect.REPLACE,
    "import-replacement": Effect.REPLACE,
    "delete-replaced": Effect.REPLACE,
    "discard-replaced": Effect.REPLACE,
    "read-replacement": Effect.REPLACE,
    "delete": Effect.DELETE,
    "discard": Effect.DELETE,
}


def effect_of(action: str) -> Effect | None:
    """What an engine's action does; None for one that changes nothing. A word nobody knows counts as a replacement."""
    return None if action in UNCHANGED or action == "remove-pending-replace" else _EFFECTS.get(action, Effect.REPLACE)


def counts(steps: Iterable[Step]) -> dict[Effect, int]:
    """How many steps have each effect; every effect is there."""
    found = [effect_of(step.action) for step in steps]
    return {effect: found.count(effect) for effect in Effect}


def at_risk(steps: Iterable[Step]) -> tuple[Step, ...]:
    """The steps that would replace or delete something stateful: its data would be gone."""
    lost = (Effect.REPLACE, Effect.DELETE)
    return tuple(step for step in steps if step.type in STATEFUL and effect_of(step.action) in lost)
