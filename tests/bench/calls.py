"""Latency of single AWS calls, one caller: the local cloud's two doors beside moto's own server.

`measure` runs this module in a process of its own, because the in-process door cuts its process off from AWS.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.commands import ContestantFailed
from tests.bench.plan import ACCOUNT, REGION

ROUNDS = 60
SECONDS = 300
STARTING_SECONDS = 60.0
TAIL = 3000
# What is called, by service; the number makes names of their own.
CALLS: dict[str, tuple[str, Callable[[Any, int], object]]] = {
    "sts GetCallerIdentity": ("sts", lambda sts, _: sts.get_caller_identity()),
    "ec2 DescribeVpcs": ("ec2", lambda ec2, _: ec2.describe_vpcs()),
    "iam CreateRole": ("iam", lambda iam, n: iam.create_role(RoleName=f"r-{n}", AssumeRolePolicyDocument="{}")),
    "s3 CreateBucket": (
        "s3",
        lambda s3, n: s3.create_bucket(Bucket=f"calls-{n}", CreateBucketConfiguration={"LocationConstraint": REGION}),
    ),
}


def measure(endpoint: str) -> dict[str, dict[str, float]]:
    """Median milliseconds by call and door. `endpoint` is a running local cloud's HTTP door."""
    command = [sys.executable, "-m", "tests.bench.calls", endpoint]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    if answer.returncode:
        raise ContestantFailed(f"single calls: {answer.stderr[-TAIL:]}")
    found: dict[str, dict[str, float]] = json.loads(answer.stdout)
    return found


def main() -> None:
    """Measure and print JSON."""
    from localcloud.isolation import isolate

    # Before boto3 and moto are imported.
    isolate(os.environ)
    from localcloud.backends import Backends
    from localcloud.clients import Clients

    with _moto_server() as moto, tempfile.TemporaryDirectory() as folder:
        backends = Backends(Path(folder))
        backends.recover()
        inside = Clients(backends)
        clients = {service: _clients(service, inside, sys.argv[1], moto) for service, _ in CALLS.values()}
        print(json.dumps({name: _medians(clients[service], call) for name, (service, call) in CALLS.items()}))


def _medians(doors: dict[str, Any], call: Callable[[Any, int], object]) -> dict[str, float]:
    taken: dict[str, list[float]] = {door: [] for door in doors}
    for client in doors.values():
        # The first call of a client loads what the others find loaded.
        call(client, ROUNDS)
    for number in range(ROUNDS):
        for door, client in doors.items():
            began = time.perf_counter()
            call(client, number)
            taken[door].append((time.perf_counter() - began) * 1000)
    return {door: median(times) for door, times in taken.items()}


def _clients(service: str, inside: Any, http_door: str, moto: str) -> dict[str, Any]:
    import boto3
    from botocore.config import Config

    def over_http(endpoint: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="local",
            # The process is cut off from AWS by a proxy that is not there; these two doors are here.
            config=Config(proxies={}),
        )

    return {
        "in process": inside.client(service, ACCOUNT, REGION),
        "HTTP": over_http(http_door),
        "moto's server": over_http(moto),
    }


@contextlib.contextmanager
def _moto_server() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _wait_for(port, server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.kill()


def _wait_for(port: int, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + STARTING_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError("moto's server did not start")


if __name__ == "__main__":
    main()
