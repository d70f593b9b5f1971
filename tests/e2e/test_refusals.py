"""What must be refused is refused with one clear error, by either door, beside what must pass."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from e2e_place import Place, Ran
from own_rule_bench import rule_text, with_rule

from console.demo.inventory import inventory
from policies.settings import settings_file

pytestmark = pytest.mark.e2e

EXTENSIONS = {
    "harmless": 'ec2.SecurityGroup("extra", vpc_id=factory.network.network_id, opts=opts)',
    "world ingress": (
        'ec2.SecurityGroup("extra", vpc_id=factory.network.network_id, opts=opts, '
        'ingress=[{"protocol": "tcp", "from_port": 22, "to_port": 22, "cidr_blocks": ["0.0.0.0/1", "128.0.0.0/1"]}])'
    ),
    "admin star": (
        'iam.RolePolicy("extra", role="links-build-coder", opts=opts, '
        'policy=json.dumps({"Version": "2012-10-17", "Statement": '
        '[{"Effect": "Allow", "Action": "*", "Resource": "*"}]}))'
    ),
    "literal credential": (
        'ecs.TaskDefinition("extra", family="extra", opts=opts, container_definitions=json.dumps([{"name": "x", '
        '"image": "x", "environment": [{"name": "DATABASE_PASSWORD", "value": "hunter2-but-longer-9q8w7e"}]}]))'
    ),
    "mixed forms": (
        'g = ec2.SecurityGroup("x", vpc_id=factory.network.network_id, opts=opts, egress=[dict(protocol="-1", '
        'from_port=0, to_port=0, self=True)]); vpc.SecurityGroupEgressRule("x", security_group_id=g.id, '
        'cidr_ipv4="10.0.0.0/8", ip_protocol="-1", opts=opts)'
    ),
    # What the app's program does to its own process reaches no rule: the pack runs in another one.
    "rules switched off": (
        "import policies.analyzer, policies.table; policies.table.CONTROLS = policies.analyzer.CONTROLS = (); "
        'iam.RolePolicy("extra", role="links-build-coder", opts=opts, '
        'policy=json.dumps({"Version": "2012-10-17", "Statement": '
        '[{"Effect": "Allow", "Action": "*", "Resource": "*"}]}))'
    ),
    "unsupported property": 'ec2.Vpc("extra", cidr_block="10.99.0.0/16", ipv4_ipam_pool_id="pool-1", opts=opts)',
    "unsupported type": 'ec2.CustomerGateway("extra", bgp_asn="65000", type="ipsec.1", opts=opts)',
}

VIOLATIONS = [
    ("world ingress", "no-world-ingress"),
    ("admin star", "no-admin-wildcard"),
    ("rules switched off", "no-admin-wildcard"),
    ("literal credential", "no-literal-credentials"),
    ("mixed forms", "no-mixed-forms"),
]

OTHER_COMMANDS = [
    "preview",
    "refresh --yes",
    "destroy --yes --override-env x",
    "config set a b",
    "stack rm --yes --force",
    "state unprotect --all --yes --help=false",
    "stack change-secrets-provider passphrase",
    "stack rename links-other",
    "cancel --yes",
    "watch",
    "preview -c secret.signing-key=x",
    "up --yes --skip-preview --config-file elsewhere.yaml",
    "config cp -d links-staging",
]


def sample(*short: str) -> list[Any]:
    """Those in make test, all in make test-long: what a rule finds is tested with the rules."""
    return [pytest.param(*case, marks=[] if case[0] in short else [pytest.mark.long]) for case in VIOLATIONS]


@pytest.fixture
def infra(place: Place):
    """Writes an infra.py that declares one more thing; takes it away afterwards."""
    path = place.root.apps / "links" / "infra.py"

    def write(extension: str) -> None:
        path.write_text(
            "import json\nimport pulumi\nfrom pulumi_aws import ec2, ecs, iam, vpc\n\n\ndef extend(factory):\n"
            f"    opts = pulumi.ResourceOptions(parent=factory)\n    {EXTENSIONS[extension]}\n"
        )

    yield write
    path.unlink(missing_ok=True)


@pytest.fixture
def app_yaml(place: Place):
    """The app's file, put back afterwards."""
    text = place.app_yaml.read_text()
    yield place.app_yaml
    place.app_yaml.write_text(text)


def one_error(ran: Ran) -> dict:
    assert ran.documents[-1].keys() >= {"error", "hint", "exit_code"}, ran.out + ran.err
    assert ran.documents[-1]["exit_code"] == ran.code
    return ran.documents[-1]


@pytest.mark.long
def test_a_harmless_extension_passes_both_doors(place: Place, infra) -> None:
    infra("harmless")
    by_driver = place.millwright("preview", "links", "build", "--json")
    assert by_driver.code == 0, by_driver.out + by_driver.err
    plain = place.pulumi("preview", "-s", "links-build")
    assert plain.code == 0, plain.out + plain.err


@pytest.mark.parametrize(("extension", "policy"), sample("rules switched off"))
def test_a_violation_stops_an_up_by_the_driver_before_anything_is_created(
    place: Place, infra, extension: str, policy: str
) -> None:
    infra(extension)
    refused = place.millwright("up", "links", "build", "--json")
    assert refused.code == 5, refused.out + refused.err
    assert policy in one_error(refused)["error"]
    assert "hunter2" not in refused.out + refused.err
    assert inventory(place.cloud) == {}


@pytest.mark.parametrize(("extension", "policy"), sample("literal credential"))
def test_a_violation_stops_an_up_by_the_plain_door_before_anything_is_created(
    place: Place, infra, extension: str, policy: str
) -> None:
    infra(extension)
    plain = place.pulumi("up", "--yes", "-s", "links-build")
    assert plain.code != 0
    assert policy in plain.out + plain.err
    assert "hunter2" not in plain.out + plain.err
    assert inventory(place.cloud) == {}


@pytest.mark.long
def test_an_own_rule_is_asked_by_either_door_and_one_that_cannot_be_run_stops_both(place: Place) -> None:
    path = with_rule(place.root, rule_text(("aws:sqs/queue:Queue", "aws:ec2/vpc:Vpc")))
    try:
        by_driver = place.millwright("up", "links", "build", "--json")
        assert by_driver.code == 5, by_driver.out + by_driver.err
        assert "queue-retention (control 1001)" in one_error(by_driver)["error"]
        plain = place.pulumi("preview", "-s", "links-build")
        assert plain.code != 0
        assert "queue-retention (control 1001)" in plain.out + plain.err
        path.write_text("1 // 0\n")
        by_driver = place.millwright("preview", "links", "build", "--json")
        assert by_driver.code == 4, by_driver.out + by_driver.err
        assert [problem["line"] for problem in one_error(by_driver)["problems"]] == [1]
        plain = place.pulumi("preview", "-s", "links-build")
        assert plain.code != 0
        assert f"{path}:1:1: ZeroDivisionError" in plain.out + plain.err
        assert inventory(place.cloud) == {}
    finally:
        settings_file(place.root).unlink()


@pytest.mark.parametrize(
    ("extension", "named"),
    [
        ("unsupported property", "ipv4IpamPoolId"),
        ("unsupported type", "aws:ec2/customerGateway:CustomerGateway"),
    ],
)
@pytest.mark.long
def test_what_the_local_cloud_does_not_support_is_refused_by_name(
    place: Place, infra, extension: str, named: str
) -> None:
    infra(extension)
    refused = place.millwright("preview", "links", "build", "--json")
    assert refused.code == 10, refused.out + refused.err
    assert named in one_error(refused)["error"]
    plain = place.pulumi("preview", "-s", "links-build")
    assert plain.code != 0
    assert named in plain.out + plain.err


def test_a_typo_in_app_yaml_is_located_and_the_nearest_key_named_by_either_door(place: Place, app_yaml: Path) -> None:
    app_yaml.write_text(app_yaml.read_text().replace("replicas: 1", "replicaz: 1"))
    line = next(n for n, text in enumerate(app_yaml.read_text().splitlines(), 1) if "replicaz" in text)
    refused = place.millwright("up", "links", "staging", "--json")
    assert refused.code == 4
    (problem,) = one_error(refused)["problems"]
    assert (problem["line"], problem["column"], problem["field"]) == (line, 5, "services.web.replicaz")
    assert "'replicas'" in problem["fix"]
    plain = place.pulumi("up", "--yes", "-s", "links-staging")
    assert plain.code == 4
    assert f"app.yaml:{line}:5" in plain.err
    assert "'replicas'" in plain.err


@pytest.mark.parametrize("stack", ["links-stagin", "production", "link-build", "x"])
def test_an_undeclared_stack_is_refused_by_the_plain_door(place: Place, stack: str) -> None:
    refused = place.pulumi("up", "--yes", "-s", stack)
    assert refused.code == 4
    assert f"no stack named '{stack}' is declared" in refused.err


@pytest.mark.parametrize(("app", "environment"), [("link", "build"), ("links", "bild"), ("../links", "build")])
def test_an_undeclared_app_or_environment_is_refused_by_the_driver(place: Place, app: str, environment: str) -> None:
    refused = place.millwright("up", app, environment, "--json")
    assert refused.code == 4
    one_error(refused)


@pytest.mark.parametrize("command", ["up", "preview", "destroy", "drift"])
def test_production_is_refused_by_the_driver(place: Place, command: str) -> None:
    refused = place.millwright(command, "links", "production", "--json")
    standing = command in ("destroy", "drift")
    assert refused.code == (4 if standing else 6)
    assert ("does not stand" if standing else "decision") in one_error(refused)["error"]


# Every command is judged by the door's own tests, without an engine: these are the ways by which it is asked.
@pytest.mark.parametrize(
    "command",
    [
        "up --yes",
        "destroy --yes",
        "state delete urn:x",
        "stack import --force",
        *(pytest.param(command, marks=pytest.mark.long) for command in OTHER_COMMANDS),
    ],
)
def test_production_is_refused_by_the_plain_door(place: Place, command: str) -> None:
    refused = place.pulumi(*command.split(), "-s", "links-production")
    assert refused.code == 6, refused.out + refused.err
    assert "decision" in refused.err
    assert not (place.root.stack_config / "Pulumi.links-production.yaml").exists()


def test_the_engine_works_on_the_stack_that_was_judged(place: Place) -> None:
    """`--override-env` takes a value: read otherwise, another stack would be judged than the one that is changed."""
    refused = place.pulumi("destroy", "--yes", "--override-env", "--stack=links-staging")
    assert refused.code == 4
    assert "--override-env is not a flag" in refused.err
    refused = place.pulumi("destroy", "--yes", "--message", "--stack=links-staging")
    assert refused.code == 4
    assert "which stack?" in refused.err


def test_another_project_file_of_the_same_name_is_no_way_around_the_door(place: Place) -> None:
    folder = place.root.path / "sub"
    folder.mkdir()
    name = place.root.project_file.read_text().splitlines()[0]
    (folder / "Pulumi.yaml").write_text(f"{name}\nruntime: python\nmain: .\nstackConfigDir: ../.millwright/stacks\n")
    refused = place.pulumi("destroy", "--yes", "-C", str(folder), "-s", "links-production")
    assert refused.code == 6, refused.out + refused.err
    (folder / "Pulumi.yaml").write_text("name: something-else\nruntime: python\nmain: .\n")
    passed = place.pulumi("stack", "ls", "-C", str(folder))
    assert passed.code == 0, passed.out + passed.err
    stack = f"organization/{name.removeprefix('name: ')}/links-production"
    refused = place.pulumi("state", "unprotect", "--all", "--yes", "-C", str(folder), "-s", stack)
    assert refused.code == 6, refused.out + refused.err
    assert "another project's folder" in refused.err


def test_stacks_are_not_renamed(place: Place) -> None:
    refused = place.pulumi("stack", "rename", "links-other", "-s", "links-staging")
    assert refused.code == 4
    assert "app.yaml" in refused.err


@pytest.mark.long
def test_production_is_refused_by_the_program_itself(place: Place, bare: Callable[..., Ran]) -> None:
    """Without the shim, the real CLI reaches the program, which must refuse as well."""
    refused = bare("preview", "-s", "links-production")
    assert refused.code != 0
    assert "links-production is production" in refused.out + refused.err
    assert place.pulumi("preview", "-s", "links-staging").code == 0


def test_an_apps_own_code_cannot_take_the_pack_away(place: Place) -> None:
    path = place.root.apps / "links" / "infra.py"
    path.write_text(
        "import os\nimport pulumi\nfrom pulumi_aws import ec2\n\n\ndef extend(factory):\n"
        "    os.environ.pop('PULUMI_OPTION_POLICY_PACK', None)\n"
        "    if not pulumi.runtime.is_dry_run():\n"
        "        ec2.SecurityGroup('open', vpc_id=factory.network.network_id,\n"
        "            opts=pulumi.ResourceOptions(parent=factory),\n"
        "            ingress=[{'protocol': 'tcp', 'from_port': 22, 'to_port': 22, 'cidr_blocks': ['0.0.0.0/0']}])\n"
    )
    try:
        refused = place.millwright("up", "links", "build", "--json")
        assert refused.code == 5, refused.out + refused.err
        assert "no-world-ingress" in one_error(refused)["error"]
        groups = place.cloud.client("ec2").describe_security_groups()["SecurityGroups"]
        # What the environment itself declares may be there already.
        assert {group["GroupName"] for group in groups} <= {"default", "links-build-database", "links-build-endpoints"}
    finally:
        path.unlink()
        assert place.millwright("destroy", "links", "build").code == 0


def test_the_driver_refuses_when_the_policy_pack_does_not_run(place: Place) -> None:
    """Switching the pack off through Pulumi's own option is not a way around it."""
    program = (
        "import sys, dataclasses\n"
        "from console.session import open_session\n"
        "from stacks.driver import Driver\n"
        "from factory.errors import PolicyViolation\n"
        "if __name__ == '__main__':\n"
        "    s = open_session(lambda progress: None)\n"
        "    env = dataclasses.replace(s.env, policy_pack=None)\n"
        "    try:\n"
        "        Driver(s.root, s.settings, env).up('links', 'build')\n"
        "    except PolicyViolation as error:\n"
        "        print(error)\n"
        "        sys.exit(5)\n"
    )
    script = place.root.state / "without_pack.py"
    script.write_text(program)
    refused = place.run("python", str(script))
    assert refused.code == 5, refused.out + refused.err
    assert "did not run" in refused.out
    assert inventory(place.cloud) == {}
