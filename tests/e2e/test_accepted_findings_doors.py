"""What two people accepted passes both doors and is told, by the commands of docs/how-to/accept-a-finding.md."""

import os
import re
import shutil
import subprocess

import pytest
from e2e_place import BIN, REPOSITORY, SECONDS, Place

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(900)]
PAGE = REPOSITORY / "docs" / "how-to" / "accept-a-finding.md"
TOLD = re.compile(r"accepted until \d{4}-\d\d-\d\d by demo-security \(partner-door\): no-world-ingress")
INFRA = """
import pulumi
from pulumi_aws import ec2


def extend(factory):
    opts = pulumi.ResourceOptions(parent=factory)
    world = [{"protocol": "tcp", "from_port": 22, "to_port": 22, "cidr_blocks": ["0.0.0.0/0"]}]
    ec2.SecurityGroup("partner-door", vpc_id=factory.network.network_id, ingress=world, opts=opts)
"""


def commands() -> list[str]:
    """The page's shell lines."""
    return [
        line for block in re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL) for line in block.splitlines()
    ]


def as_documented(place: Place, lines: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [shutil.which("bash") or "bash", "-ec", "\n".join(lines)],
        cwd=place.root.path,
        env=os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.fixture(scope="module")
def accepted(place: Place) -> Place:
    """The page, done: one finding is asked for and accepted."""
    (place.root.apps / "links" / "infra.py").write_text(INFRA)
    assert place.millwright("people", "demo").code == 0
    plan, check, request, accept, *see = commands()
    asked = as_documented(place, [plan, check, request])
    assert asked.returncode == 0, asked.stdout + asked.stderr
    assert "critical no-world-ingress (mandatory) partner-door" in asked.stdout
    seen = as_documented(place, [accept, *see])
    assert seen.returncode == 0, seen.stdout + seen.stderr
    assert "0 findings" in seen.stdout
    assert re.search(r"partner-door +used ", seen.stdout)
    return place


def test_what_two_people_accepted_passes_the_plain_door_and_is_told(accepted: Place) -> None:
    plain = accepted.pulumi("preview", "-s", "links-build")
    assert plain.code == 0, plain.out + plain.err
    assert TOLD.search(plain.out)


def test_what_two_people_accepted_passes_the_driver_and_is_told_until_the_file_is_changed(accepted: Place) -> None:
    driver = accepted.millwright("preview", "links", "build", "--json")
    assert driver.code == 0, driver.out + driver.err
    (violation,) = [each for each in driver.documents if TOLD.match(str(each.get("message")))]
    assert (violation["event"], violation["level"]) == ("violation", "advisory")

    file = accepted.root.path / "exceptions.yaml"
    file.write_text(file.read_text().replace("no fixed addresses", "fixed addresses"))
    refused = accepted.millwright("preview", "links", "build", "--json")
    assert refused.code == 4, refused.out + refused.err
    assert "over exactly this entry" in str(refused.documents[-1]["problems"])
