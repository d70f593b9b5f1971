"""Pipelines are told as every SDK reads them, not boto3 alone."""

import json
from typing import Any

from localcloud_door import ACCOUNT, REGION
from moto.codepipeline.models import codepipeline_backends
from moto.iam.models import iam_backends

from localcloud.taught import codepipeline_model

TRUST = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "codepipeline.amazonaws.com"}}]}


def stage(name: str, category: str) -> dict[str, Any]:
    action = {"category": category, "owner": "AWS", "provider": "S3", "version": "1"}
    return {"name": name, "actions": [{"name": name, "actionTypeId": action}]}


def test_a_pipelines_times_are_numbers() -> None:
    codepipeline_model.teach()
    iam_backends[ACCOUNT]["aws"].create_role("delivers", json.dumps(TRUST), "/", None, "", [], 3600)
    declared = {
        "name": "delivery",
        "roleArn": f"arn:aws:iam::{ACCOUNT}:role/delivers",
        "artifactStore": {"type": "S3", "location": "a-bucket"},
        "stages": [stage("Source", "Source"), stage("Deploy", "Deploy")],
    }
    backend: Any = codepipeline_backends[ACCOUNT][REGION]
    backend.create_pipeline(declared, [])
    _, metadata = backend.get_pipeline("delivery")
    assert isinstance(metadata["created"], float)
    assert metadata["updated"] >= metadata["created"] > 1_600_000_000
    assert metadata["pipelineArn"].endswith(":delivery")
