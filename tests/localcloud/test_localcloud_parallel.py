"""Eight stacks at once on one daemon and one warm provider, each in several accounts and regions: nothing is mixed."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from localcloud_stacks import Job, home, run

from factory.daemons import RunFile

# CI's: it takes both cores for half a minute.
pytestmark = [pytest.mark.engine, pytest.mark.long]
STACKS = range(1, 9)
# Account and region of the provider that every stack has.
COMMON = ("123456789012", "us-east-1")
KINDS = 6
PROVIDERS = 3


def told(aws: Callable[..., Any], account: str, region: str) -> dict[str, list[str]]:
    """The stacks, by default tag, of what boto3 finds in one place; what has no tag is not the stacks'."""
    ec2, secrets, logs = (aws(service, account, region) for service in ("ec2", "secretsmanager", "logs"))
    groups = [logs.list_tags_for_resource(resourceArn=each["arn"])["tags"] for each in logs_of(logs)]
    found = {
        "vpc": [each.get("Tags", []) for each in ec2.describe_vpcs()["Vpcs"]],
        "subnet": [each.get("Tags", []) for each in ec2.describe_subnets()["Subnets"]],
        "group": [each.get("Tags", []) for each in ec2.describe_security_groups()["SecurityGroups"]],
        "secret": [each.get("Tags", []) for each in secrets.list_secrets()["SecretList"]],
    }
    by_kind = {
        kind: sorted(tag["Value"] for tags in lists for tag in tags if tag["Key"] == "stack")
        for kind, lists in found.items()
    }
    return by_kind | {"log group": sorted(tags["stack"] for tags in groups if "stack" in tags)}


def logs_of(logs: Any) -> list[dict[str, str]]:
    return [
        {"arn": each["arn"].removesuffix(":*")}
        for page in logs.get_paginator("describe_log_groups").paginate()
        for each in page["logGroups"]
    ]


def buckets(aws: Callable[..., Any], account: str, region: str) -> list[str]:
    """The stacks of the buckets that one account has in one region."""
    s3 = aws("s3", account, region)
    names = [each["Name"] for each in s3.list_buckets()["Buckets"]]
    ours = [name for name in names if name.startswith(("own", "far", "common"))]
    places = {name: s3.get_bucket_location(Bucket=name)["LocationConstraint"] or "us-east-1" for name in ours}
    tags = [s3.get_bucket_tagging(Bucket=name)["TagSet"] for name in ours if places[name] == region]
    return sorted(tag["Value"] for each in tags for tag in each if tag["Key"] == "stack")


def test_eight_stacks_at_once_do_not_mix(
    cloud: RunFile, aws: Callable[..., Any], tmp_path: Path, pulumi_cli: Path
) -> None:
    (tmp_path / "backend").mkdir()
    (tmp_path / "cli" / "bin").mkdir(parents=True)
    (tmp_path / "cli" / "bin" / "pulumi").symlink_to(pulumi_cli)
    port = cloud.addresses["provider"].rpartition(":")[2]
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["localcloud_stacks"])
    everywhere = [(*home(number), str(number)) for number in STACKS]
    everywhere += [(home(number)[0], "eu-west-3", str(number)) for number in STACKS]

    # One process a task: programs in one process have a history of races.
    with ProcessPoolExecutor(len(STACKS), mp_context=context, max_tasks_per_child=1) as pool:

        def all_at_once(verb: str) -> list[dict[str, int]]:
            jobs = [Job(number, verb, tmp_path, tmp_path / "cli", port) for number in STACKS]
            return list(pool.map(run, jobs, timeout=240))

        for changes in all_at_once("up"):
            assert changes == {"create": 1 + PROVIDERS + PROVIDERS * KINDS}
        for account, region, stack in everywhere:
            assert set(map(tuple, told(aws, account, region).values())) == {(stack,)}, (account, region)
            assert buckets(aws, account, region) == [stack]
        assert set(map(tuple, told(aws, *COMMON).values())) == {tuple(str(number) for number in STACKS)}
        assert buckets(aws, *COMMON) == [str(number) for number in STACKS]
        for changes in all_at_once("refresh"):
            assert set(changes) == {"same"}
        for changes in all_at_once("destroy"):
            assert changes == {"delete": 1 + PROVIDERS + PROVIDERS * KINDS}
    for account, region, _ in [*everywhere, (*COMMON, "")]:
        assert set(map(tuple, told(aws, account, region).values())) == {()}
        assert buckets(aws, account, region) == []
