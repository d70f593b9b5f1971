"""The Terraform equivalent of a state is the same environment in Terraform's own names; figures are not tested."""

import io
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.bench.contestants import MIRROR_VARIABLE, find_terraform
from tests.bench.cost import Cost
from tests.bench.driver import schemas_of
from tests.bench.driver_report import Size, show
from tests.bench.sides import MEASURES
from tests.bench.terraform_config import SIGNATURE, Generated, NoCounterpart, configuration, snake, terraform_type

ENDPOINT = "http://127.0.0.1:1"
KEY_ID = "31b7a300-fa3e-47f7-a4f2-eb76887375f4"
KEY_ARN = f"arn:aws:kms:eu-central-1:123456789012:key/{KEY_ID}"
SECRET = 'a "word" of ${money}'
STACK = "urn:pulumi:links-build::millwright::"
KEY, GROUP, VERSION, SECURITY, REPOSITORY = (
    f"{STACK}{token}::links-build"
    for token in (
        "aws:kms/key:Key",
        "aws:cloudwatch/logGroup:LogGroup",
        "aws:secretsmanager/secretVersion:SecretVersion",
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        "aws:ecr/repository:Repository",
    )
)


def attributes(**kinds: Any) -> dict[str, Any]:
    return {"attributes": {name: {"type": kind} for name, kind in kinds.items()}}


NETWORKS = ["list", "string"]
PORT = {"from_port": "number", "to_port": "number", "protocol": "string"}
RULE = ["set", ["object", {**PORT, "cidr_blocks": NETWORKS, "self": "bool"}]]
# Of the schema of hashicorp/aws 5.100.0, what the state below needs.
SCHEMAS: dict[str, Any] = {
    "aws_kms_key": {"block": attributes(description="string", policy="string", tags=["map", "string"])},
    "aws_cloudwatch_log_group": {"block": attributes(name="string", kms_key_id="string")},
    "aws_secretsmanager_secret_version": {"block": attributes(secret_id="string", secret_string="string")},
    "aws_default_security_group": {"block": attributes(ingress=RULE, egress=RULE)},
    "aws_ecr_repository": {
        "block": attributes(name="string")
        | {
            "block_types": {
                "encryption_configuration": {"block": attributes(encryption_type="string", kms_key="string")},
                "image_scanning_configuration": {"block": attributes(scan_on_push="bool")},
            }
        }
    },
}


def resource(urn: str, inputs: dict[str, Any], *, id: str, outputs: dict[str, Any] | None = None, **more: Any) -> Any:
    token = urn.split("::")[2]
    return {"urn": urn, "type": token, "id": id, "inputs": inputs, "outputs": outputs or {}, **more}


def state() -> dict[str, Any]:
    """As `pulumi stack export --show-secrets` writes it, but for what nobody reads here."""
    default_tags = {"tags": {"app": "links"}}
    provider = {
        "region": "eu-central-1",
        "allowedAccountIds": '["123456789012"]',
        "defaultTags": json.dumps(default_tags),
    }
    secret = {SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "plaintext": json.dumps(SECRET)}
    rule = {"fromPort": 443, "toPort": 443, "protocol": "tcp", "cidrBlocks": ["10.0.0.0/8"]}
    encryption = [{"encryptionType": "KMS", "kmsKey": KEY_ARN}]
    return {
        "resources": [
            resource(f"{STACK}pulumi:providers:aws::aws", provider, id="p"),
            resource(f"{STACK}millwright:aws:Keys::links-build", {}, id=""),
            resource(
                KEY,
                {
                    "__defaults": ["multiRegion"],
                    "description": "d",
                    "multiRegion": False,
                    "tags": {"Name": "links-build"},
                    "tagsAll": {"Name": "links-build", "app": "links"},
                },
                id=KEY_ID,
                outputs={"arn": KEY_ARN},
            ),
            resource(
                GROUP,
                {"name": "/links", "kmsKeyId": KEY_ARN},
                id="/links",
                dependencies=[KEY],
                propertyDependencies={"kmsKeyId": [KEY]},
            ),
            resource(
                VERSION,
                {"secretId": "arn:secret", "secretString": secret},
                id="v",
                dependencies=[GROUP],
                propertyDependencies={"secretId": []},
            ),
            resource(SECURITY, {"egress": [], "ingress": [rule]}, id="sg-1"),
            resource(
                REPOSITORY,
                {
                    "name": "links",
                    "encryptionConfigurations": encryption,
                    "imageScanningConfiguration": {"scanOnPush": True, "unheardOf": 1},
                },
                id="links",
                dependencies=[KEY],
                propertyDependencies={"encryptionConfigurations": [KEY]},
            ),
        ]
    }


@pytest.fixture(scope="module")
def generated() -> Generated:
    return configuration(state(), SCHEMAS, ENDPOINT)


def of(generated: Generated, kind: str) -> Any:
    return generated.document["resource"][kind]["links_build"]


def test_every_cloud_resource_is_there_and_no_component(generated: Generated) -> None:
    assert set(generated.document["resource"]) == set(SCHEMAS)


def test_what_comes_from_another_resource_is_a_reference_and_orders_the_two(generated: Generated) -> None:
    assert of(generated, "aws_cloudwatch_log_group") == {
        "name": "/links",
        "kms_key_id": "${aws_kms_key.links_build.arn}",
    }


def test_an_order_that_no_value_says_is_declared(generated: Generated) -> None:
    version = of(generated, "aws_secretsmanager_secret_version")
    assert version["depends_on"] == ["aws_cloudwatch_log_group.links_build"]


def test_a_secret_is_the_text_it_is(generated: Generated) -> None:
    assert of(generated, "aws_secretsmanager_secret_version")["secret_string"] == SECRET.replace("${", "$${")


def test_defaults_and_the_tags_of_the_provider_are_left_to_the_other_side(generated: Generated) -> None:
    assert of(generated, "aws_kms_key") == {"description": "d", "tags": {"Name": "links-build"}}
    assert generated.document["provider"]["aws"]["default_tags"] == [{"tags": {"app": "links"}}]


def test_blocks_are_named_in_the_singular_and_objects_as_values_are_whole(generated: Generated) -> None:
    repository = of(generated, "aws_ecr_repository")
    assert repository["encryption_configuration"] == [
        {"encryption_type": "KMS", "kms_key": "${aws_kms_key.links_build.arn}"}
    ]
    assert repository["image_scanning_configuration"] == [{"scan_on_push": True}]
    rule = {"from_port": 443, "to_port": 443, "protocol": "tcp", "cidr_blocks": ["10.0.0.0/8"], "self": None}
    assert of(generated, "aws_default_security_group") == {"egress": [], "ingress": [rule]}


def test_a_property_that_the_provider_lacks_is_told_and_a_type_refused(generated: Generated) -> None:
    assert generated.left_out == ("aws_ecr_repository.links_build.image_scanning_configuration: unheard_of",)
    without = {name: schema for name, schema in SCHEMAS.items() if name != "aws_kms_key"}
    with pytest.raises(NoCounterpart, match="aws_kms_key"):
        configuration(state(), without, ENDPOINT)


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("aws:ec2/vpcEndpoint:VpcEndpoint", "aws_vpc_endpoint"),
        ("aws:rds/instance:Instance", "aws_db_instance"),
        ("aws:s3/bucketVersioning:BucketVersioning", "aws_s3_bucket_versioning"),
        ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "aws_vpc_security_group_ingress_rule"),
    ],
)
def test_a_type_has_the_name_that_terraform_gives_it(token: str, expected: str) -> None:
    assert terraform_type(token) == expected


def test_a_property_has_the_name_that_terraform_gives_it() -> None:
    assert (snake("kmsKeyId"), snake("cidrIpv4"), snake("name")) == ("kms_key_id", "cidr_ipv4", "name")


@pytest.mark.skipif(
    MIRROR_VARIABLE not in os.environ or isinstance(find_terraform(None, os.environ), str),
    reason=f"needs terraform, and its AWS provider in {MIRROR_VARIABLE}",
)
def test_terraform_itself_finds_the_configuration_valid(tmp_path: Path) -> None:
    terraform = find_terraform(None, os.environ)
    assert isinstance(terraform, tuple)
    schemas, environment = schemas_of(tmp_path, terraform)
    declared = state()
    # In no version of the provider.
    del declared["resources"][-1]["inputs"]["imageScanningConfiguration"]["unheardOf"]
    made = configuration(declared, schemas, ENDPOINT)
    assert made.left_out == ()
    (tmp_path / "main.tf.json").write_text(json.dumps(made.document))
    told = subprocess.run(
        [terraform[0], "validate", "-json"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert json.loads(told.stdout)["valid"], told.stdout


def size(**declared: set[str]) -> Size:
    cost = {"Millwright": Cost(2.0, 3.0, 1.0, 1 << 20), "Terraform": Cost(8.0, 6.0, 2.0, 2 << 20)}
    return Size(
        apps=1,
        rounds=1,
        load=(0.5, 0.5),
        costs={side: {measure: [cost[side]] for measure in MEASURES} for side in declared},
        declared=declared,
        slowest=(80, "aws_db_instance.x"),
    )


def shown(found: Size, not_compared: str = "") -> str:
    out = io.StringIO()
    show([found], not_compared, (), Console(file=out, width=140))
    return out.getvalue()


def test_the_table_shows_both_sides_and_their_ratios() -> None:
    found = size(Millwright={"app-0: a"}, Terraform={"app-0: a"})
    assert found.missing == []
    text = shown(found)
    assert "0.25x" in text
    assert "80 s: aws_db_instance.x" in text
    assert "policy pack" in text


def test_what_one_side_lacks_is_named() -> None:
    found = size(Millwright={"app-0: a", "app-0: b"}, Terraform={"app-0: a"})
    assert found.missing == ["Terraform lacks app-0: b"]
    assert "not the same: Terraform lacks app-0: b" in shown(found)


def test_without_terraform_it_says_why_and_shows_no_ratio() -> None:
    text = shown(size(Millwright={"app-0: a"}), "terraform is not on this machine")
    assert "not compared: terraform is not on this machine" in text
    assert "0x" not in text
