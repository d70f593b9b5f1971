"""One operation on one stack in a process of its own, for tests of many at once; forked from a server with the SDK."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_aws as aws
from pulumi import automation

REGIONS = ("eu-central-1", "us-west-2", "ap-southeast-2")
# The SDK loads its parts when they are first used; the server is to have done it.
USED = (aws.ec2, aws.iam, aws.s3, aws.cloudwatch, aws.secretsmanager)


def home(number: int) -> tuple[str, str]:
    """Account and region of stack `number`'s own provider."""
    return f"{number:012d}", REGIONS[number % len(REGIONS)]


@dataclass(frozen=True)
class Job:
    """`verb` is `up`, `preview`, `refresh` or `destroy`."""

    number: int
    verb: str
    folder: Path
    cli: Path
    provider_port: str


def declare(number: int) -> None:
    """Two stacks share no account, but all share the region and account of the common provider, and all names."""
    account, region = home(number)
    providers = {
        "own": aws.Provider("own", region=region, access_key=account, secret_key="x", default_tags=tagged(number)),
        "far": aws.Provider("far", region="eu-west-3", access_key=account, secret_key="x", default_tags=tagged(number)),
        "common": aws.Provider("common", region="us-east-1", default_tags=tagged(number)),
    }
    for name, provider in providers.items():
        options = pulumi.ResourceOptions(provider=provider)
        vpc = aws.ec2.Vpc(name, cidr_block=f"10.{number}.0.0/16", opts=options)
        aws.ec2.Subnet(name, vpc_id=vpc.id, cidr_block=f"10.{number}.1.0/24", opts=options)
        aws.ec2.SecurityGroup(name, vpc_id=vpc.id, opts=options)
        aws.cloudwatch.LogGroup(name, retention_in_days=7, opts=options)
        aws.s3.Bucket(name, opts=options)
        aws.secretsmanager.Secret(name, recovery_window_in_days=0, opts=options)
        pulumi.export(f"{name}-vpc", vpc.id)


def tagged(number: int) -> aws.ProviderDefaultTagsArgs:
    """The default tags of a stack."""
    return aws.ProviderDefaultTagsArgs(tags={"stack": str(number)})


def environment(job: Job) -> Mapping[str, str]:
    """One backend, home and passphrase for all: only the stacks differ."""
    return {
        "PULUMI_BACKEND_URL": f"file://{job.folder / 'backend'}",
        "PULUMI_HOME": str(job.folder / "home"),
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_DEBUG_PROVIDERS": f"aws:{job.provider_port}",
    }


def run(job: Job) -> dict[str, int]:
    """Do it; how many resources were created, the same, deleted and so on."""
    os.environ.update(environment(job))
    work = job.folder / f"work-{job.number}"
    work.mkdir(exist_ok=True)
    stack = automation.create_or_select_stack(
        stack_name=f"s{job.number}",
        project_name="many",
        program=lambda: declare(job.number),
        opts=automation.LocalWorkspaceOptions(
            work_dir=str(work), pulumi_command=automation.PulumiCommand(root=str(job.cli))
        ),
    )
    match job.verb:
        case "preview":
            return {str(kind): count for kind, count in stack.preview().change_summary.items()}
        case "up":
            summary = stack.up().summary
        case "refresh":
            summary = stack.refresh().summary
        case _:
            summary = stack.destroy().summary
    return {str(kind): count for kind, count in (summary.resource_changes or {}).items()}
