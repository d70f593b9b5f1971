"""Ci: a pipeline that tests the factory's source, waits for a person, and asks for production; nothing runs it here."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeAlias, TypedDict

import pulumi
from pulumi import Input, Output, Resource, ResourceOptions
from pulumi_aws import cloudwatch, codebuild, codepipeline, iam, s3

from components.aws import ci_roles
from components.aws.documents import ROLE_NAME_LIMIT
from components.interfaces import GitSource
from components.naming import physical_name

COMMANDS: Final = Path(__file__).parent / "ci_commands"
BUILD_IMAGE: Final = "aws/codebuild/amazonlinux-x86_64-standard:5.0"
# Minutes: the tests of one app and a preview take two; what hangs is ended.
BUILD_MINUTES: Final = 30
BRANCH: Final = "main"
Action: TypeAlias = codepipeline.PipelineStageActionArgsDict


class CiArgs(TypedDict):
    """What a pipeline is made from."""

    app: str
    """The app that it tests and asks for."""
    account: Input[str]
    """Id of the account."""
    region: str
    """Region in which it runs."""
    key_id: Input[str]
    """ARN of the key that encrypts logs and what stages hand on."""
    bucket: Input[str]
    """Name of the bucket of build outputs."""
    git: GitSource | None
    """Where the factory's repository is; None: an object in the bucket is the source."""
    log_days: int
    """Days for which its logs are kept."""


class Ci(pulumi.ComponentResource):
    """CodePipeline with one CodeBuild project. Two roles: builds run the app's code, the pipeline ours."""

    pipeline: Output[str]
    """Name of the pipeline."""
    source: Output[str]
    """Where it takes the source from."""

    def __init__(self, name: str, args: CiArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("millwright:aws:Ci", name, {}, opts)
        child = ResourceOptions(parent=self)
        logical = f"{name}-ci"
        logs = cloudwatch.LogGroup(
            logical,
            # Where CodePipeline's own commands write, whatever is declared; builds write there too.
            name=f"/aws/codepipeline/{logical}",
            retention_in_days=args["log_days"],
            kms_key_id=args["key_id"],
            tags={"Name": logical},
            opts=child,
        )
        place = Output.all(args["account"], args["bucket"], args["key_id"], logs.arn).apply(
            lambda known: _place(logical, args, *known)
        )
        project = _tests(logical, args, logs, place, child)
        role = _role(logical, "codepipeline.amazonaws.com", place.pipeline, place, child)
        permissions = place.apply(ci_roles.pipeline_permissions)
        allowed = iam.RolePolicy(logical, name="pipeline", role=role.id, policy=permissions, opts=child)
        after = [allowed, *_source_kept(logical, args, child)]
        pipeline = _pipeline(logical, args, role, _stages(args, project), after, child)
        self.pipeline = pipeline.name
        git = args["git"]
        self.source = (
            Output.from_input(f"{git['repository']}@{BRANCH}")
            if git
            else Output.concat("s3://", args["bucket"], "/", ci_roles.source_object(args["app"]))
        )
        self.register_outputs({"pipeline": self.pipeline, "source": self.source})


def _pipeline(
    logical: str,
    args: CiArgs,
    role: iam.Role,
    actions: Sequence[Action],
    after: Sequence[Resource],
    opts: ResourceOptions,
) -> codepipeline.Pipeline:
    return codepipeline.Pipeline(
        logical,
        name=logical,
        role_arn=role.arn,
        # Commands are for this type only.
        pipeline_type="V2",
        # What waits for a person is not pushed aside by what comes next.
        execution_mode="QUEUED",
        artifact_stores=[
            {"type": "S3", "location": args["bucket"], "encryption_key": {"type": "KMS", "id": args["key_id"]}}
        ],
        stages=[{"name": action["name"], "actions": [action]} for action in actions],
        tags={"Name": logical},
        opts=ResourceOptions.merge(opts, ResourceOptions(depends_on=list(after))),
    )


def _source_kept(logical: str, args: CiArgs, opts: ResourceOptions) -> list[Resource]:
    """CodePipeline takes an object from a versioned bucket only: an execution is of one version of it."""
    if args["git"]:
        return []
    enabled: s3.BucketVersioningVersioningConfigurationArgsDict = {"status": "Enabled"}
    return [s3.BucketVersioning(logical, bucket=args["bucket"], versioning_configuration=enabled, opts=opts)]


def _stages(args: CiArgs, project: codebuild.Project) -> list[Action]:
    return [_source(args), _tested(project), _approved(args["app"]), _asked(args["app"])]


def _place(logical: str, args: CiArgs, account: str, bucket: str, key_id: str, log_group: str) -> ci_roles.Place:
    return ci_roles.Place(
        app=args["app"],
        account=account,
        region=args["region"],
        name=logical,
        bucket=bucket,
        key_id=key_id,
        log_group=log_group,
        project=f"arn:aws:codebuild:{args['region']}:{account}:project/{logical}",
        connection=args["git"]["connection"] if args["git"] else None,
    )


def _role(
    logical: str, service: str, of: Output[str], place: Output[ci_roles.Place], opts: ResourceOptions
) -> iam.Role:
    return iam.Role(
        logical,
        name=physical_name(logical, limit=ROLE_NAME_LIMIT),
        description=f"What {logical} may do",
        assume_role_policy=Output.all(place, of).apply(
            lambda known: ci_roles.trust(service, known[0].account, known[1])
        ),
        tags={"Name": logical},
        opts=opts,
    )


def _tests(
    logical: str, args: CiArgs, logs: cloudwatch.LogGroup, place: Output[ci_roles.Place], opts: ResourceOptions
) -> codebuild.Project:
    """Not in the environment's network, which leads nowhere: it fetches packages. It holds the source and no secret."""
    named = f"{logical}-test"
    role = _role(named, "codebuild.amazonaws.com", place.project, place, opts)
    permissions = place.apply(ci_roles.build_permissions)
    allowed = iam.RolePolicy(named, name="build", role=role.id, policy=permissions, opts=opts)
    return codebuild.Project(
        logical,
        name=logical,
        description=f"Tests {args['app']} and previews its factory under the policy pack",
        service_role=role.arn,
        source={"type": "CODEPIPELINE", "buildspec": (COMMANDS / "buildspec.yml").read_text()},
        artifacts={"type": "CODEPIPELINE"},
        encryption_key=args["key_id"],
        build_timeout=BUILD_MINUTES,
        environment={
            "type": "LINUX_CONTAINER",
            "image": BUILD_IMAGE,
            "compute_type": "BUILD_GENERAL1_SMALL",
            "privileged_mode": False,
            "environment_variables": [{"name": "APP", "value": args["app"]}],
        },
        logs_config={"cloudwatch_logs": {"group_name": logs.name, "stream_name": "test"}},
        tags={"Name": logical},
        opts=ResourceOptions.merge(opts, ResourceOptions(depends_on=[allowed])),
    )


def _source(args: CiArgs) -> Action:
    """Nobody polls: the git host tells of a push, and who puts the object there starts the pipeline."""
    if git := args["git"]:
        provider = "CodeStarSourceConnection"
        configuration: dict[str, Input[str]] = {
            "ConnectionArn": git["connection"],
            "FullRepositoryId": git["repository"],
            "BranchName": BRANCH,
        }
    else:
        provider = "S3"
        configuration = {
            "S3Bucket": args["bucket"],
            "S3ObjectKey": ci_roles.source_object(args["app"]),
            "PollForSourceChanges": "false",
        }
    return {
        "name": "Source",
        "category": "Source",
        "owner": "AWS",
        "version": "1",
        "provider": provider,
        "configuration": configuration,
        "output_artifacts": ["source"],
    }


def _tested(project: codebuild.Project) -> Action:
    return {
        "name": "Test",
        "category": "Test",
        "owner": "AWS",
        "version": "1",
        "provider": "CodeBuild",
        "configuration": {"ProjectName": project.name},
        "input_artifacts": ["source"],
        "output_artifacts": [ci_roles.REPORT],
    }


def _approved(app: str) -> Action:
    return {
        "name": "Approve",
        "category": "Approval",
        "owner": "AWS",
        "version": "1",
        "provider": "Manual",
        "configuration": {"CustomData": f"Is {app} to be asked for in production? The decision is the factory's own."},
    }


def _asked(app: str) -> Action:
    lines = (COMMANDS / "deploy.sh").read_text().splitlines()
    commands = [line for line in lines if line and not line.startswith("#")]
    return {
        "name": "Deploy",
        "category": "Compute",
        "owner": "AWS",
        "version": "1",
        "provider": "Commands",
        "commands": [f"APP={app}", *commands],
        "input_artifacts": ["source"],
    }
