"""A program in YAML declares an app's factory by the component package, by the text of docs/how-to/use-from-yaml.md."""

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
    install, enter = lines("sh")[0]
    return run(place, program, f"{install}\n{enter}", *commands)


def test_a_program_in_yaml_declares_a_factory_and_production_is_refused(place: Place, tmp_path: Path) -> None:
    program = tmp_path / "home" / "program"
    program.mkdir(parents=True)
    (block,) = lines("yaml")
    text = "\n".join([*block, ""])
    (program / "Pulumi.yaml").write_text(text)
    up = ran(place, program, *lines("sh")[1])
    assert up.returncode == 0, up.stdout + up.stderr
    said = ran(place, program, "pulumi stack output --json").stdout
    # After what the installer says.
    told = json.loads(said[said.index("{") :])
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
