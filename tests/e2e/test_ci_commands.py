"""The commands that CI runs, run: the buildspec over an app in a checkout of its own, and what the pipeline asks with.

CodeBuild itself runs nowhere here. Its rules are kept: one shell for all phases, and the first failure ends them.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e_place import BIN
from ruamel.yaml import YAML

from components.aws.ci import COMMANDS
from console.commands.init import make_factory
from console.demo.inventory import Cloud
from factory import daemons
from factory.errors import ExitCode
from factory.paths import FactoryRoot
from factory.settings import LOCAL_ACCOUNT

pytestmark = [pytest.mark.e2e, pytest.mark.long]

OPEN_DOOR = """
import pulumi_aws as aws
from pulumi import ResourceOptions

def extend(factory):
    everyone = [{"protocol": "tcp", "from_port": 22, "to_port": 22, "cidr_blocks": ["0.0.0.0/0"]}]
    network = factory.network.network_id
    aws.ec2.SecurityGroup("open", vpc_id=network, ingress=everyone, opts=ResourceOptions(parent=factory))
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[FactoryRoot]:
    """The factory's repository as CodeBuild has it: fetched, and with nothing beside it."""
    root = make_factory(tmp_path / "checkout", "hello")
    yield root
    daemons.stop(root, daemons.LOCAL_CLOUD)


def in_shell(root: FactoryRoot, commands: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
    # What started these tests (make, pytest) is not told to what CI starts.
    own = ("MILLWRIGHT_", "MAKE", "MFLAGS", "PYTEST_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    environment |= {"PATH": f"{BIN}:{os.environ['PATH']}", "APP": "hello", "PYTHONDONTWRITEBYTECODE": "1"} | variables
    return subprocess.run(
        ["bash", "-e", "-c", "\n".join(commands)],  # noqa: S607 -- CodeBuild's own shell
        cwd=root.path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def phases() -> dict[str, dict[str, list[str]]]:
    spec = YAML(typ="safe").load((COMMANDS / "buildspec.yml").read_text())
    assert (spec["version"], spec["env"]["shell"]) == (0.2, "bash")
    return dict(spec["phases"])


ARTEFACTS = [YAML(typ="safe").load((COMMANDS / "buildspec.yml").read_text())["artifacts"]["base-directory"]]


def built(root: FactoryRoot) -> subprocess.CompletedProcess[str]:
    """Run every phase of the buildspec, as CodeBuild would."""
    commands: list[str] = []
    for phase in phases().values():
        finally_ = "\n".join(phase.get("finally", []))
        commands += [f"trap '{finally_}' EXIT"] if finally_ else []
        commands += phase["commands"]
        commands += [finally_, "trap - EXIT"] if finally_ else []
    return in_shell(root, commands)


def found(root: FactoryRoot) -> set[tuple[str, str]]:
    """Rule and stack of each finding in the report that the build hands on."""
    (log,) = json.loads((root.path / "ci-report" / "policies.sarif").read_text())["runs"]
    failed = [result for result in log["results"] if result["kind"] == "fail"]
    return {(result["ruleId"], result["properties"]["stack"]) for result in failed}


def test_the_build_previews_the_factory_and_runs_the_apps_own_tests(checkout: FactoryRoot) -> None:
    checkout.settings_file.write_text("aws: account\naws_account: '210987654321'\n")
    source = checkout.apps / "hello" / "source"
    (source / "Makefile").write_text(f"test:\n\t{sys.executable} -m pytest -q -p no:cacheprovider\n\t@echo by make\n")
    ran = built(checkout)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "hello-build-ci" in ran.stderr
    assert "| `hello-staging` |" in (checkout.path / "ci-report" / "preview.md").read_text()
    assert found(checkout) == set()
    assert ran.stdout.rstrip().endswith("by make")
    # Nothing of it is left running, and the real factory's settings were not its own.
    assert daemons.read(checkout, daemons.LOCAL_CLOUD) is None
    assert checkout.settings_file.read_text() == "aws: local\n"
    # The same last commands where the app has no Makefile, and a test that fails.
    (source / "Makefile").unlink()
    (source / "tests" / "test_wrong.py").write_text("def test_it():\n    assert False\n")
    failed = in_shell(checkout, phases()["build"]["commands"])
    assert failed.returncode != 0
    assert "1 failed" in failed.stdout


def test_what_the_policy_pack_refuses_fails_the_build_before_the_apps_code_runs(checkout: FactoryRoot) -> None:
    (checkout.apps / "hello" / "infra.py").write_text(OPEN_DOOR)
    ran = built(checkout)
    assert ran.returncode == ExitCode.POLICY_VIOLATION
    assert "no-world-ingress: " in ran.stdout
    assert "passed" not in ran.stdout
    # The report is whole all the same, and the artefact is what stands there.
    assert found(checkout) == {("no-world-ingress", "hello-build"), ("no-world-ingress", "hello-staging")}
    (kept,) = ARTEFACTS
    assert {file.name for file in checkout.path.glob(f"{kept}/*")} == {"preview.md", "policies.sarif"}
    assert daemons.read(checkout, daemons.LOCAL_CLOUD) is None


def test_the_pipeline_asks_with_its_own_key_and_database(checkout: FactoryRoot, tmp_path: Path) -> None:
    cloud = daemons.ensure(checkout, daemons.LOCAL_CLOUD)
    aws = {
        "AWS_ENDPOINT_URL": cloud.addresses["http"],
        "AWS_ACCESS_KEY_ID": LOCAL_ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }
    key = tmp_path / "its-key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)  # noqa: S607
    database = tmp_path / "the-factorys.db"
    asking = (COMMANDS / "deploy.sh").read_text().splitlines()
    refused = in_shell(checkout, asking, **aws)
    assert "ResourceNotFoundException" in refused.stderr
    assert not database.exists()
    secrets = Cloud("eu-central-1", cloud.addresses["http"]).client("secretsmanager")
    secrets.create_secret(Name="hello/ci/key", SecretString=key.read_text())
    secrets.create_secret(Name="hello/ci/database", SecretString=f"sqlite:///{database}")
    asked = in_shell(checkout, asking, **aws)
    # It reached the factory's database, and the driver says what is missing: nothing serves in staging yet.
    assert "hello-staging does not stand" in asked.stderr
    assert database.exists()
    assert (checkout.path / "ci-key").stat().st_mode & 0o077 == 0
