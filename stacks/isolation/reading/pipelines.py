"""What tests and watches an app: build projects, pipelines, alarms, audit trails; certificates that listeners show."""

from collections.abc import Iterator, Mapping
from typing import Any

from stacks.isolation.reading.reader import Reader, references, tags_of
from stacks.isolation.records import Kind, Reference, Resource

# What of an action's configuration names another resource of the account.
_BUCKET, _PROJECT = "S3Bucket", "ProjectName"
_SECRET = "SECRETS_MANAGER"  # noqa: S105 -- a type of variable


def read_pipelines(reader: Reader) -> Iterator[Resource]:
    """Every build project and pipeline, with its role and what it uses."""
    for name in reader.pages("codebuild", "list_projects", "projects"):
        for project in reader.pages("codebuild", "batch_get_projects", "projects", names=[name]):
            yield _project(reader, project)
    for summary in reader.pages("codepipeline", "list_pipelines", "pipelines"):
        answer = reader.call("codepipeline", "get_pipeline", name=summary["name"])
        if answer is not None:
            yield _pipeline(reader, answer["pipeline"])


def read_alarms(reader: Reader) -> Iterator[Resource]:
    """Every alarm, with whom it tells."""
    for alarm in reader.pages("cloudwatch", "describe_alarms", "MetricAlarms"):
        arn = alarm["AlarmArn"]
        tags = reader.call("cloudwatch", "list_tags_for_resource", ResourceARN=arn)
        told = [alarm.get(f"{state}Actions", ()) for state in ("Alarm", "OK", "InsufficientData")]
        yield Resource(
            kind=Kind.ALARM,
            id=arn,
            arns=(arn,),
            tags=tags_of((tags or {}).get("Tags")),
            refers=references("tells", dict.fromkeys(action for actions in told for action in actions)),
        )


def read_trails(reader: Reader) -> Iterator[Resource]:
    """Every audit trail of this region, with where it writes."""
    for trail in reader.pages("cloudtrail", "describe_trails", "trailList"):
        # A trail of every region is told in each: it is read where it is at home.
        if trail["HomeRegion"] != reader.region:
            continue
        arn = trail["TrailARN"]
        tags = reader.call("cloudtrail", "list_tags", ResourceIdList=[arn])
        logs = trail.get("CloudWatchLogsLogGroupArn")
        refers = (
            *references("writes to", [trail.get("S3BucketName"), logs]),
            *references("writes as role", [trail.get("CloudWatchLogsRoleArn")]),
            *references("tells", [trail.get("SnsTopicARN")]),
            *reader.key("encrypted by", trail.get("KmsKeyId")),
        )
        listed = (tags or {}).get("ResourceTagList") or [{}]
        yield Resource(kind=Kind.TRAIL, id=arn, arns=(arn,), tags=tags_of(listed[0].get("TagsList")), refers=refers)


def read_certificates(reader: Reader) -> Iterator[Resource]:
    """Every certificate."""
    for summary in reader.pages("acm", "list_certificates", "CertificateSummaryList"):
        arn = summary["CertificateArn"]
        tags = reader.call("acm", "list_tags_for_certificate", CertificateArn=arn)
        yield Resource(kind=Kind.CERTIFICATE, id=arn, arns=(arn,), tags=tags_of((tags or {}).get("Tags")))


def _project(reader: Reader, project: Mapping[str, Any]) -> Resource:
    logs = project.get("logsConfig", {}).get("cloudWatchLogs", {}).get("groupName")
    inside = project.get("vpcConfig", {})
    variables = project.get("environment", {}).get("environmentVariables", ())
    refers = (
        *references("runs as role", [project.get("serviceRole")]),
        *reader.key("encrypted by", project.get("encryptionKey")),
        *references("logs to", [reader.arn("logs", f"log-group:{logs}") if logs else None]),
        *references("in network", [inside.get("vpcId")]),
        *references("in subnet", inside.get("subnets", ())),
        *references("behind security group", inside.get("securityGroupIds", ())),
        *references("reads", [each["value"] for each in variables if each.get("type") == _SECRET]),
    )
    return Resource(
        kind=Kind.BUILD_PROJECT,
        id=project["arn"],
        names=(f"codebuild {project['name']}",),
        arns=(project["arn"],),
        tags=tags_of(project.get("tags"), "key", "value"),
        refers=refers,
    )


def _pipeline(reader: Reader, pipeline: Mapping[str, Any]) -> Resource:
    arn = reader.arn("codepipeline", pipeline["name"])
    tags = reader.call("codepipeline", "list_tags_for_resource", resourceArn=arn)
    stores = [pipeline["artifactStore"]] if "artifactStore" in pipeline else pipeline["artifactStores"].values()
    actions = [action for stage in pipeline["stages"] for action in stage["actions"]]
    refers = [
        *references("runs as role", [pipeline["roleArn"], *(action.get("roleArn") for action in actions)]),
        *references("hands on in", [store["location"] for store in stores]),
    ]
    for store in stores:
        refers += reader.key("encrypted by", store.get("encryptionKey", {}).get("id"))
    for action in actions:
        refers += _used(action.get("configuration", {}))
    return Resource(
        kind=Kind.PIPELINE,
        id=arn,
        arns=(arn, f"{arn}/*"),
        tags=tags_of((tags or {}).get("tags"), "key", "value"),
        refers=tuple(dict.fromkeys(refers)),
    )


def _used(configuration: Mapping[str, str]) -> Iterator[Reference]:
    yield from references("takes its source from", [configuration.get(_BUCKET)])
    if project := configuration.get(_PROJECT):
        yield Reference("builds with", f"codebuild {project}")
    yield from references("uses the connection", [configuration.get("ConnectionArn")])
