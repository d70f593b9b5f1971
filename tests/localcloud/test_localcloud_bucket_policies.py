"""A bucket's policy refuses what it refuses without a condition; one that asks for TLS keeps nobody out here."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from localcloud_door import REGION, boto

from factory.daemons import RunFile

pytestmark = pytest.mark.engine
TLS_ONLY = {"Bool": {"aws:SecureTransport": "false"}}


def bucket(cloud: RunFile, name: str, **more: Any) -> Any:
    """A client, and a bucket in which everything is denied, `more` allowing for less."""
    s3 = boto(cloud, "s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    resources = [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]
    denied = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": resources, **more}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [denied]}))
    return s3


def test_what_is_denied_without_tls_is_taken_and_given(cloud: RunFile) -> None:
    s3 = bucket(cloud, "by-tls-only", Condition=TLS_ONLY)
    s3.put_object(Bucket="by-tls-only", Key="a/b", Body=b"kept")
    assert s3.get_object(Bucket="by-tls-only", Key="a/b")["Body"].read() == b"kept"
    assert json.loads(s3.get_bucket_policy(Bucket="by-tls-only")["Policy"])["Statement"][0]["Condition"] == TLS_ONLY


def test_what_is_denied_to_everybody_is_refused(cloud: RunFile) -> None:
    s3 = bucket(cloud, "to-nobody")
    with pytest.raises(ClientError, match="403"):
        s3.put_object(Bucket="to-nobody", Key="a/b", Body=b"never")
