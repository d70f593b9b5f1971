"""Who reaches the bucket of an app's build outputs, by its policy as it is declared."""

import json

from component_mocks import ACCOUNT, declared_factory, spec_of

from factory.iam import Policies, Principal, Request, evaluate, parse
from factory.spec import Environment

BUCKET = f"arn:aws:s3:::links-build-artefacts-{ACCOUNT}"
ADMINISTRATOR = parse({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})


def test_build_outputs_are_read_and_written_by_tls_only() -> None:
    found = declared_factory(spec_of(), Environment.BUILD)
    (bucket,) = [each for each in found if each.type == "aws:s3/bucket:Bucket"]
    (said,) = [each for each in found if each.type == "aws:s3/bucketPolicy:BucketPolicy"]
    # The mocks make an ARN of their own.
    policy = parse(json.loads(said.inputs["policy"].replace(bucket.answered["arn"], BUCKET)))

    def allowed(action: str, resource: str, tls: str) -> bool:
        asking = Principal.of(f"arn:aws:sts::{ACCOUNT}:assumed-role/operators/ann")
        request = Request(
            principal=asking,
            action=action,
            resource=resource,
            resource_account=ACCOUNT,
            context={"aws:SecureTransport": tls},
        )
        return evaluate(request, Policies(identity=[ADMINISTRATOR], resource=policy)).allowed

    for action, resource in (
        ("s3:GetObject", f"{BUCKET}/source/links.zip"),
        ("s3:PutObject", f"{BUCKET}/source/links.zip"),
        ("s3:ListBucket", BUCKET),
    ):
        assert allowed(action, resource, "true")
        assert not allowed(action, resource, "false")
