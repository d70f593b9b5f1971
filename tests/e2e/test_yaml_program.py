"""Programs in YAML declare an app's factory, or parts of one, by the texts of docs/how-to/use-from-yaml.md."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from e2e_place import REPOSITORY, Place
from localcloud_door import boto
from test_any_program import run

from factory import daemons

# Long: it builds a language host where the engine was built, and everything in build is made and removed again.
pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(900)]
PAGE = (REPOSITORY / "docs" / "how-to" / "use-from-yaml.md").read_text()


def lines(language: str) -> list[list[str]]:
    return [block.splitlines() for block in re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)]


def ran(place: Place, program: Path, *commands: str) -> subprocess.CompletedProcess[str]:
    return run(place, program, lines("sh")[0][1], *commands)


def test_a_program_in_yaml_declares_a_factory_and_production_is_refused(place: Place, tmp_path: Path) -> None:
    program = tmp_path / "home" / "program"
    program.mkdir(parents=True)
    block, _ = lines("yaml")
    text = "\n".join([*block, ""])
    (program / "Pulumi.yaml").write_text(text)
    up = run(place, program, "\n".join(lines("sh")[0]), *lines("sh")[1])
    assert up.returncode == 0, up.stdout + up.stderr
    told = json.loads(ran(place, program, "pulumi stack output --json").stdout)
    client = boto(daemons.ensure(place.root, daemons.LOCAL_CLOUD), "ec2", region=place.cloud.region)
    (vpc,) = client.describe_vpcs(VpcIds=[told["network"]])["Vpcs"]
    assert {"Key": "app", "Value": "links"} in vpc["Tags"]
    state = ran(place, program, "pulumi stack export").stdout
    assert "any-password-of-16" not in state
    again = ran(place, program, "pulumi preview --expect-no-changes")
    assert again.returncode == 0, again.stdout + again.stderr

    (program / "Pulumi.yaml").write_text(
        text.replace("links-build", "links-production").replace(": build", ": production")
    )
    refused = ran(place, program, "pulumi preview")
    assert refused.returncode != 0
    assert "production changes only by a person's recorded decision" in refused.stdout
    assert "Traceback" not in refused.stdout + refused.stderr

    (program / "Pulumi.yaml").write_text(text)
    down = ran(place, program, "pulumi destroy --yes")
    assert down.returncode == 0, down.stdout + down.stderr
    assert client.describe_vpcs(Filters=[{"Name": "tag:app", "Values": ["links"]}])["Vpcs"] == []


def test_single_parts_stand_without_a_factory_under_the_policies(place: Place, tmp_path: Path) -> None:
    program = tmp_path / "home" / "program"
    program.mkdir(parents=True)
    _, block = lines("yaml")
    text = "\n".join([*block, ""])
    (program / "Pulumi.yaml").write_text(text)
    under_policies = f"--policy-pack {REPOSITORY / 'policies'}"
    secrets = [f"pulumi config set --secret {key} any-password-of-16" for key in ("password", "token")]
    # The stack says which environment it is, as the parts do: build is deleted at will.
    begin = ["pulumi stack init reports-build", *secrets]
    up = run(place, program, "\n".join(lines("sh")[0]), *begin, f"pulumi up --yes {under_policies}")
    assert up.returncode == 0, up.stdout + up.stderr
    assert "millwright" in up.stdout.partition("Policies:")[2]
    told = json.loads(ran(place, program, "pulumi stack output --json").stdout)
    door = daemons.ensure(place.root, daemons.LOCAL_CLOUD)
    queues = boto(door, "sqs", region="eu-central-1").list_queues(QueueNamePrefix="reports-build-jobs")["QueueUrls"]
    assert told["queue"].rpartition("/")[2] in {url.rpartition("/")[2] for url in queues}
    (instance,) = boto(door, "rds", region="eu-central-1").describe_db_instances()["DBInstances"]
    assert (instance["DBInstanceArn"], instance["AllocatedStorage"]) == (told["database"], 30)
    tags = {tag["Key"]: tag["Value"] for tag in instance["TagList"]}
    assert (tags["app"], tags["environment"], tags["owner"]) == ("reports", "build", "data-team")
    assert "any-password-of-16" not in ran(place, program, "pulumi stack export").stdout
    again = ran(place, program, f"pulumi preview --expect-no-changes {under_policies}")
    assert again.returncode == 0, again.stdout + again.stderr

    for wrong, words in (
        # Whose cloud this is, the local one knows for itself.
        (text.replace("region: eu-central-1", "region: eu-central-1, account: '210987654321'"), "210987654321"),
        (text.replace("environment: build", "environment: production"), "a person's recorded decision"),
        (text.replace("storage: 30", "storage: 5"), "storage: Input should be greater than or equal to 20"),
    ):
        (program / "Pulumi.yaml").write_text(wrong)
        refused = ran(place, program, f"pulumi preview {under_policies}")
        assert refused.returncode != 0, words
        assert words in refused.stdout + refused.stderr
        assert "Traceback" not in refused.stdout + refused.stderr

    (program / "Pulumi.yaml").write_text(text)
    down = ran(place, program, "pulumi destroy --yes")
    assert down.returncode == 0, down.stdout + down.stderr
    assert boto(door, "rds", region="eu-central-1").describe_db_instances()["DBInstances"] == []
