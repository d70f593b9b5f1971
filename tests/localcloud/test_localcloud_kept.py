"""What is declared to run and nothing runs here: functions, build projects, pipelines, jobs."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError
from localcloud_cases_serverless import code
from localcloud_door import Door
from localcloud_world import TRUST

PROJECT: Final = "aws:codebuild/project:Project"
LEAST: Final[dict[str, Any]] = {
    "source": {"type": "NO_SOURCE", "buildspec": "version: 0.2"},
    "artifacts": {"type": "NO_ARTIFACTS"},
    "environment": {"type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL"},
}


@pytest.fixture
def role(door: Door) -> Iterator[str]:
    made = door.create("aws:iam/role:Role", "runner", {"assumeRolePolicy": TRUST})
    yield str(made.outputs["arn"])
    door.delete(made)


def test_running_a_function_is_refused_by_name(door: Door, aws: Any, role: str) -> None:
    inputs = {"role": role, "runtime": "python3.12", "handler": "main.handle", "code": code("1")}
    made = door.create("aws:lambda/function:Function", "kept", inputs)
    with pytest.raises(ClientError, match="nothing runs it here") as refused:
        aws("lambda").invoke(FunctionName=made.id)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_starting_a_build_is_refused_by_name(door: Door, aws: Any, role: str) -> None:
    made = door.create(PROJECT, "kept", LEAST | {"serviceRole": role})
    with pytest.raises(ClientError, match="nothing builds it here") as refused:
        aws("codebuild").start_build(projectName=made.outputs["name"])
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert not aws("codebuild").list_builds()["ids"]


def test_starting_a_pipeline_is_refused_by_name(door: Door, aws: Any) -> None:
    trust = TRUST.replace("ecs-tasks", "codepipeline")
    role = door.create("aws:iam/role:Role", "starter", {"assumeRolePolicy": trust})
    step = {"owner": "AWS", "version": "1", "category": "Approval", "provider": "Manual", "name": "wait"}
    stages = [{"name": name, "actions": [step]} for name in ("One", "Two")]
    store = {"location": "somewhere", "type": "S3"}
    inputs = {"roleArn": role.outputs["arn"], "artifactStores": [store], "stages": stages}
    made = door.create("aws:codepipeline/pipeline:Pipeline", "kept", inputs)
    with pytest.raises(ClientError, match="nothing runs it here") as refused:
        aws("codepipeline").start_pipeline_execution(name=made.id)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_submitting_a_job_is_refused_by_name(aws: Any) -> None:
    assert aws("batch").describe_job_queues()["jobQueues"] == []
    with pytest.raises(ClientError, match="nothing runs a Batch job here") as refused:
        aws("batch").submit_job(jobName="j", jobQueue="q", jobDefinition="d")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_what_a_build_project_declares_no_more_is_taken_away(door: Door, aws: Any, role: str) -> None:
    least = LEAST | {"serviceRole": role}
    more = {
        "description": "d",
        "sourceVersion": "main",
        "concurrentBuildLimit": 2,
        "secondaryArtifacts": [{"type": "S3", "location": "b", "artifactIdentifier": "a"}],
        "cache": {"type": "LOCAL", "modes": ["LOCAL_SOURCE_CACHE"]},
        "logsConfig": {"s3Logs": {"status": "ENABLED", "location": "b/logs"}},
    }
    project = door.create(PROJECT, "less", least | more)
    assert not door.diff(project, least | more).diffs
    updated = door.update(project, least)
    assert not door.diff(updated, least).diffs
    assert door.read(updated) == updated
    (there,) = aws("codebuild").batch_get_projects(names=[project.id])["projects"]
    assert not {"description", "sourceVersion", "concurrentBuildLimit", "secondaryArtifacts"} & set(there)
    assert there["cache"] == {"type": "NO_CACHE"}
    assert there["logsConfig"] == {"cloudWatchLogs": {"status": "ENABLED"}}


@pytest.mark.parametrize(
    ("declared", "wrong", "said"),
    [
        ({"source": {"type": "GITHUB"}}, "source.location", "say where the source of type GITHUB is"),
        ({"source": {"type": "CODEPIPELINE", "location": "x"}}, "source.location", "drop it"),
        ({"source": {"type": "NO_SOURCE"}}, "source.buildspec", "build specification"),
        ({"artifacts": {"type": "S3"}}, "artifacts.location", "which bucket"),
    ],
)
def test_a_build_projects_source_and_artifacts_say_where_they_are(
    door: Door, declared: dict[str, Any], wrong: str, said: str
) -> None:
    inputs = LEAST | {"serviceRole": "arn:aws:iam::123456789012:role/r"}
    assert not door.check(PROJECT, "p", inputs).failures
    failures = door.check(PROJECT, "p", inputs | declared).failures
    assert list(failures) == [wrong]
    assert said in failures[wrong]
