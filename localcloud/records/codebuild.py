"""CodeBuild: project. It is kept, and nothing builds it."""

from collections.abc import Mapping
from typing import Any, Final

from localcloud.records.record import (
    REGION,
    TAGS,
    Call,
    Kind,
    Name,
    Prop,
    Record,
    View,
    flag,
    integer,
    list_of,
    one,
    set_of,
    tags_from,
    tags_to,
    text,
    texts,
)

Json = Any
# Named alike by the SDK and the service.
ALIKE: Final = (
    "serviceRole",
    "artifacts",
    "source",
    "environment",
    "cache",
    "vpcConfig",
    "secondaryArtifacts",
    "secondarySources",
    "secondarySourceVersions",
    "fileSystemLocations",
    "description",
    "sourceVersion",
    "encryptionKey",
    "badgeEnabled",
    "concurrentBuildLimit",
    "autoRetryLimit",
)
# What an update says for what is declared no more: the service leaves alone what it is not told.
NONE: Final[Mapping[str, Json]] = {
    "vpcConfig": {},
    "secondaryArtifacts": [],
    "secondarySources": [],
    "secondarySourceVersions": [],
    "fileSystemLocations": [],
    "description": "",
    "sourceVersion": "",
    "concurrentBuildLimit": -1,
}
# The SDK's name of a kind of log, the service's, and whether it is kept when nothing is said.
LOGS: Final = (("cloudwatchLogs", "cloudWatchLogs", "ENABLED"), ("s3Logs", "s3Logs", "DISABLED"))


def _project(call: Call) -> dict[str, Json]:
    inputs = call.inputs
    return {
        "name": inputs["name"],
        "timeoutInMinutes": inputs["buildTimeout"],
        "queuedTimeoutInMinutes": inputs["queuedTimeout"],
        "logsConfig": {
            told: {"status": status, **inputs["logsConfig"][name]}
            for name, told, status in LOGS
            if inputs["logsConfig"].get(name)
        },
        "tags": tags_to(call.tags, "key", "value"),
        **{name: inputs[name] for name in ALIKE if inputs.get(name) is not None},
    }


def create_project(call: Call) -> str:
    """Make a project; its ARN."""
    return str(call.aws("codebuild").create_project(**_project(call))["project"]["arn"])


def update_project(call: Call) -> None:
    """Change a project, with all that is declared of it."""
    call.aws("codebuild").update_project(**{**NONE, **_project(call)})


def read_project(call: Call) -> View | None:
    """A project, by its ARN or its name."""
    found = call.aws("codebuild").batch_get_projects(names=[call.id])["projects"]
    if not found:
        return None
    (project,) = found
    logs = project.get("logsConfig") or {}
    return {
        "name": project["name"],
        "arn": project["arn"],
        "buildTimeout": project["timeoutInMinutes"],
        "queuedTimeout": project["queuedTimeoutInMinutes"],
        "logsConfig": {name: logs[told] for name, told, _ in LOGS if logs.get(told)},
        "tagsAll": tags_from(project.get("tags"), "key", "value"),
        **{name: project.get(name) for name in ALIKE},
        "badgeEnabled": project["badge"]["badgeEnabled"],
    }


def delete_project(call: Call) -> None:
    """Remove a project."""
    call.aws("codebuild").delete_project(name=call.id.rpartition("/")[2])


def check_project(inputs: Mapping[str, Json]) -> list[tuple[str, str]]:
    """A source has a place, unless the pipeline brings it or there is none; a place belongs to artifacts in S3."""
    source, artifacts = inputs.get("source"), inputs.get("artifacts")
    problems = []
    if isinstance(source, Mapping):
        kind, placed = source.get("type"), bool(source.get("location"))
        if placed and kind in PLACELESS:
            problems.append(("source.location", f"a source of type {kind} has none: drop it"))
        if not placed and "location" not in source and kind not in PLACELESS:
            problems.append(("source.location", f"say where the source of type {kind} is"))
        if kind == "NO_SOURCE" and not source.get("buildspec"):
            problems.append(("source.buildspec", "without a source the build specification has to be here"))
    if isinstance(artifacts, Mapping) and artifacts.get("type") == "S3" and not artifacts.get("location"):
        problems.append(("artifacts.location", "say which bucket takes the artifacts"))
    return problems


PLACELESS: Final = ("CODEPIPELINE", "NO_SOURCE")
SOURCES: Final = (
    "BITBUCKET",
    "CODECOMMIT",
    "CODEPIPELINE",
    "GITHUB",
    "GITHUB_ENTERPRISE",
    "GITLAB",
    "GITLAB_SELF_MANAGED",
    "NO_SOURCE",
    "S3",
)
SOURCE: Final[Mapping[str, Prop]] = {
    "type": text(required=True, one_of=SOURCES),
    "location": text(),
    "buildspec": text(),
    "gitCloneDepth": integer(),
    "gitSubmodulesConfig": one({"fetchSubmodules": flag(required=True)}),
    "insecureSsl": flag(),
    "reportBuildStatus": flag(),
    "buildStatusConfig": one({"context": text(), "targetUrl": text()}),
    "auth": one({"type": text(required=True), "resource": text(required=True)}),
}
OWNER_ACCESS: Final = text(one_of=("NONE", "READ_ONLY", "FULL"))
ARTIFACTS: Final[Mapping[str, Prop]] = {
    "type": text(required=True, one_of=("CODEPIPELINE", "NO_ARTIFACTS", "S3")),
    "location": text(),
    "name": text(),
    "namespaceType": text(one_of=("NONE", "BUILD_ID")),
    "packaging": text(one_of=("NONE", "ZIP")),
    "path": text(),
    "encryptionDisabled": flag(default=False),
    "overrideArtifactName": flag(default=False),
    "bucketOwnerAccess": OWNER_ACCESS,
}
ENVIRONMENT: Final[Mapping[str, Prop]] = {
    "type": text(required=True),
    "image": text(required=True),
    "computeType": text(required=True),
    "certificate": text(),
    # They have an order: the later one of two with the same name counts.
    "environmentVariables": list_of(
        {
            "name": text(required=True),
            "value": text(required=True),
            "type": text(default="PLAINTEXT", one_of=("PLAINTEXT", "PARAMETER_STORE", "SECRETS_MANAGER")),
        }
    ),
    "imagePullCredentialsType": text(default="CODEBUILD", one_of=("CODEBUILD", "SERVICE_ROLE")),
    "privilegedMode": flag(default=False),
    "registryCredential": one(
        {"credential": text(required=True), "credentialProvider": text(required=True, one_of=("SECRETS_MANAGER",))}
    ),
}
SWITCH: Final = ("ENABLED", "DISABLED")
RECORDS = (
    Record(
        type="aws:codebuild/project:Project",
        service="codebuild",
        properties={
            "name": text(replaces=True),
            "serviceRole": text(required=True),
            "source": one(SOURCE, required=True),
            "sourceVersion": text(),
            "secondarySources": set_of({**SOURCE, "sourceIdentifier": text(required=True)}),
            "secondarySourceVersions": set_of(
                {"sourceIdentifier": text(required=True), "sourceVersion": text(required=True)}
            ),
            "artifacts": one({**ARTIFACTS, "artifactIdentifier": text()}, required=True),
            "secondaryArtifacts": set_of({**ARTIFACTS, "artifactIdentifier": text(required=True)}),
            "environment": one(ENVIRONMENT, required=True),
            "cache": one(
                {
                    "type": text(default="NO_CACHE", one_of=("NO_CACHE", "S3", "LOCAL")),
                    "location": text(),
                    "modes": Prop(kind=Kind.LIST, items=text()),
                    "cacheNamespace": text(),
                },
                default={"type": "NO_CACHE"},
            ),
            "logsConfig": one(
                {
                    "cloudwatchLogs": one(
                        {"status": text(default=LOGS[0][2], one_of=SWITCH), "groupName": text(), "streamName": text()}
                    ),
                    "s3Logs": one(
                        {
                            "status": text(default=LOGS[1][2], one_of=SWITCH),
                            "location": text(),
                            "encryptionDisabled": flag(default=False),
                            "bucketOwnerAccess": OWNER_ACCESS,
                        }
                    ),
                },
                default={"cloudwatchLogs": {"status": "ENABLED"}},
            ),
            "vpcConfig": one(
                {
                    "vpcId": text(required=True),
                    "subnets": texts(required=True),
                    "securityGroupIds": texts(required=True),
                }
            ),
            "fileSystemLocations": set_of(
                {
                    "identifier": text(),
                    "location": text(),
                    "mountOptions": text(),
                    "mountPoint": text(),
                    "type": text(default="EFS", one_of=("EFS",)),
                }
            ),
            "description": text(),
            "encryptionKey": text(cloud_decides=True),
            "buildTimeout": integer(default=60),
            "queuedTimeout": integer(default=480),
            "concurrentBuildLimit": integer(),
            "autoRetryLimit": integer(default=0),
            "badgeEnabled": flag(default=False),
            **TAGS,
            **REGION,
        },
        name=Name(limit=150, allowed=r"A-Za-z0-9_\-"),
        create=create_project,
        read=read_project,
        update=update_project,
        delete=delete_project,
        check=check_project,
        refused={
            "buildBatchConfig": "nothing builds here, in batches neither",
            "projectVisibility": "builds are private here",
            "resourceAccessRole": "builds are private here",
        },
    ),
)
