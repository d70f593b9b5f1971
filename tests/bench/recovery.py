"""How long the local cloud takes to be back after SIGKILL, with many resources: `python -m tests.bench.recovery`.

The peer is its own start with nothing to bring back, in the same run. Every resource is looked up again afterwards: the
same ids, or the bench fails.
"""

import argparse
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import boto3
import psutil

from factory import daemons
from factory.paths import FactoryRoot

ACCOUNT = "123456789012"
REGION = "eu-central-1"
CALLERS = 2


def main() -> None:
    """Make the resources, kill and start the daemon some times, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resources", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = FactoryRoot(Path(folder).resolve())
        root.settings_file.write_text("aws: local\n")
        try:
            measure(root, arguments.resources, arguments.rounds)
        finally:
            daemons.stop(root, daemons.LOCAL_CLOUD)


def measure(root: FactoryRoot, resources: int, rounds: int) -> None:
    """Print the times of an empty start and of `rounds` recoveries."""
    empty = [started(root) for _ in range(rounds) if killed(root)]
    print(f"empty start: median {median(empty):.2f} s", flush=True)
    begun = time.monotonic()
    make(root, resources)
    print(f"{resources} resources made in {time.monotonic() - begun:.0f} s", flush=True)
    before = listed(root)
    times = []
    for _ in range(rounds):
        killed(root)
        times.append(started(root))
        state = daemons.call(daemons.ensure(root, daemons.LOCAL_CLOUD), "status")["state"]
        print(f"back after {times[-1]:.2f} s: {state}", flush=True)
        if listed(root) != before:
            raise SystemExit("the resources are not the same")
    told = f"median {median(times):.2f} s, {min(times):.2f}-{max(times):.2f} s"
    print(f"recovery with {resources} resources: {told}; {median(times) / median(empty):.1f}x an empty start")


def started(root: FactoryRoot) -> float:
    """Seconds from the start of the daemon to its first answer about what it holds."""
    begun = time.monotonic()
    daemons.ensure(root, daemons.LOCAL_CLOUD)
    client(root, "iam").list_roles(MaxItems=1)
    return time.monotonic() - begun


def killed(root: FactoryRoot) -> bool:
    """End the daemon by SIGKILL."""
    if run_file := daemons.read(root, daemons.LOCAL_CLOUD):
        process = psutil.Process(run_file.pid)
        os.kill(run_file.pid, signal.SIGKILL)
        process.wait(10)
    return True


def client(root: FactoryRoot, service: str) -> Any:
    """A boto3 client, over HTTP as any user has it."""
    endpoint = daemons.ensure(root, daemons.LOCAL_CLOUD).addresses["http"]
    keys = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "local"}
    return boto3.client(service, endpoint_url=endpoint, region_name=REGION, **keys)


def make(root: FactoryRoot, count: int) -> None:
    """Make `count` resources of a dozen kinds."""
    kinds = list(makers(root))
    with ThreadPoolExecutor(CALLERS) as pool:
        for _ in pool.map(lambda number: kinds[number % len(kinds)](number), range(count)):
            pass


def makers(root: FactoryRoot) -> Iterator[Callable[[int], Any]]:
    """One call for each kind of resource; it is given a number that no other has."""
    ec2, iam, sqs, sns = (client(root, service) for service in ("ec2", "iam", "sqs", "sns"))
    secrets, logs, ssm, ecr = (client(root, service) for service in ("secretsmanager", "logs", "ssm", "ecr"))
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    yield lambda n: iam.create_role(RoleName=f"r{n}", AssumeRolePolicyDocument="{}")
    yield lambda n: iam.create_user(UserName=f"u{n}")
    yield lambda n: sqs.create_queue(QueueName=f"q{n}")
    yield lambda n: sns.create_topic(Name=f"t{n}")
    yield lambda n: secrets.create_secret(Name=f"s{n}", SecretString="value")
    yield lambda n: logs.create_log_group(logGroupName=f"l{n}")
    yield lambda n: ssm.put_parameter(Name=f"p{n}", Value="v", Type="String")
    yield lambda n: ecr.create_repository(repositoryName=f"e{n}")
    yield lambda n: ec2.create_security_group(GroupName=f"g{n}", Description="d", VpcId=vpc)
    yield lambda n: ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n // 160}.{n // 10 % 16 * 16}/28")


def listed(root: FactoryRoot) -> dict[str, list[str]]:
    """What is there: ids or ARNs, by kind."""
    pages: dict[str, tuple[str, str, str, str]] = {
        "role": ("iam", "list_roles", "Roles", "Arn"),
        "user": ("iam", "list_users", "Users", "UserId"),
        "secret": ("secretsmanager", "list_secrets", "SecretList", "ARN"),
        "log group": ("logs", "describe_log_groups", "logGroups", "arn"),
        "repository": ("ecr", "describe_repositories", "repositories", "repositoryArn"),
        "group": ("ec2", "describe_security_groups", "SecurityGroups", "GroupId"),
        "subnet": ("ec2", "describe_subnets", "Subnets", "SubnetId"),
        "topic": ("sns", "list_topics", "Topics", "TopicArn"),
        "parameter": ("ssm", "describe_parameters", "Parameters", "Name"),
    }
    found = {}
    for kind, (service, operation, key, name) in pages.items():
        paginator = client(root, service).get_paginator(operation)
        found[kind] = sorted(each[name] for page in paginator.paginate() for each in page[key])
    return found


if __name__ == "__main__":
    main()
