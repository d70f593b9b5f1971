"""Somebody else's Pulumi program on the local cloud, by the commands of docs/how-to/any-program.md."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import boto3
import pytest
from e2e_place import BIN, REPOSITORY, SECONDS, Place

from factory import daemons

pytestmark = [pytest.mark.e2e, pytest.mark.long]
PROGRAM = """
import pulumi
import pulumi_aws as aws

bucket = aws.s3.Bucket("site", tags={"kept": "here"})
pulumi.export("name", bucket.id)
"""


def commands() -> list[str]:
    """The document's shell lines."""
    text = (REPOSITORY / "docs" / "how-to" / "any-program.md").read_text()
    return [line for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]


def run(place: Place, program: Path, *lines: str) -> subprocess.CompletedProcess[str]:
    """The first line in the factory, the others in the program's folder, in one shell with nothing of ours but PATH."""
    script = "\n".join(["set -e", lines[0], f"cd {program}", *lines[1:]])
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("PULUMI_", "AWS_", "MILLWRIGHT_"))
    }
    environment = clean | {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        # Without it `file://~`, which is the home of the user whatever HOME says.
        "PULUMI_BACKEND_URL": f"file://{program.parent}",
        "PULUMI_CONFIG_PASSPHRASE": "its own",
    }
    if cache := os.environ.get("MILLWRIGHT_ENGINE_CACHE"):
        environment["MILLWRIGHT_ENGINE_CACHE"] = cache
    return subprocess.run(
        [shutil.which("bash") or "bash", "-c", script],
        cwd=place.root.path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_another_program_goes_up_is_imported_and_comes_down(place: Place, tmp_path: Path) -> None:
    program = tmp_path / "home" / "program"
    program.mkdir(parents=True)
    (program / "Pulumi.yaml").write_text("name: other\nruntime: python\nconfig: {aws:region: eu-west-1}\n")
    (program / "__main__.py").write_text(PROGRAM)
    enter, *rest = commands()
    assert len(rest) == 2
    up = run(place, program, enter, *rest)
    assert up.returncode == 0, up.stdout + up.stderr
    assert "warning" not in up.stdout
    told = run(place, program, enter, "pulumi stack output --json")
    name = json.loads(told.stdout)["name"]
    run_file = daemons.ensure(place.root, "localcloud")
    s3 = boto3.client(
        "s3",
        endpoint_url=run_file.addresses["http"],
        region_name="eu-west-1",
        aws_access_key_id="123456789012",
        aws_secret_access_key="local",
    )
    assert s3.get_bucket_tagging(Bucket=name)["TagSet"] == [{"Key": "kept", "Value": "here"}]
    # Its backend is its own, and the factory's policies are not its.
    assert list((tmp_path / "home" / ".pulumi" / "stacks" / "other").glob("dev.json"))
    s3.create_bucket(Bucket="made-by-hand", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    brought = run(
        place, program, enter, "pulumi import --yes --generate-code=false aws:s3/bucket:Bucket hand made-by-hand"
    )
    assert brought.returncode == 0, brought.stdout + brought.stderr
    run(place, program, enter, "pulumi state unprotect --all --yes")
    down = run(place, program, enter, "pulumi destroy --yes")
    assert down.returncode == 0, down.stdout + down.stderr
    assert s3.list_buckets()["Buckets"] == []
