"""Registry: the app's image repository (immutable, scanned) and its bucket of build outputs.

The bucket is closed to the public, and to whoever does not speak TLS.
"""

from typing import TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_aws import ecr, s3

from components.aws.documents import document, tls_only
from components.aws.shared_names import BUCKET_NAME_LIMIT
from components.naming import physical_name


class RegistryArgs(TypedDict):
    """What a registry is made from."""

    repository: str
    """Name of the repository."""
    account: Input[str]
    """Id of the account: bucket names are shared by everyone, so it is part of them."""
    key_id: Input[str]
    """ARN of the key that encrypts the images."""


class Registry(pulumi.ComponentResource):
    """An ECR repository in which a tag never moves, and an S3 bucket; neither goes while it holds anything."""

    images: Output[str]
    """URL of the image repository."""
    artefacts: Output[str]
    """Name of the bucket."""

    def __init__(self, name: str, args: RegistryArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("millwright:aws:Registry", name, {}, opts)
        child = ResourceOptions(parent=self)
        repository = ecr.Repository(
            name,
            name=args["repository"],
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration={"scan_on_push": True},
            encryption_configurations=[{"encryption_type": "KMS", "kms_key": args["key_id"]}],
            tags={"Name": name},
            opts=child,
        )
        bucket = s3.Bucket(
            name,
            bucket=Output.from_input(args["account"]).apply(
                lambda account: physical_name(name, "artefacts", account, limit=BUCKET_NAME_LIMIT)
            ),
            tags={"Name": name},
            opts=child,
        )
        s3.BucketPublicAccessBlock(
            name,
            bucket=bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=child,
        )
        s3.BucketPolicy(
            name,
            bucket=bucket.id,
            policy=bucket.arn.apply(lambda arn: document(tls_only(arn))),
            opts=child,
        )
        self.images = repository.repository_url
        self.artefacts = bucket.bucket
        self.register_outputs({"images": self.images, "artefacts": self.artefacts})
