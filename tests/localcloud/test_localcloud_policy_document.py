"""`aws.iam.get_policy_document`: the document that the AWS provider's data source would write."""

import json
from typing import Any

import grpc
import pytest
from localcloud_door import Door

TOKEN = "aws:iam/getPolicyDocument:getPolicyDocument"


def document(door: Door, **arguments: Any) -> Any:
    answer = door.invoke(TOKEN, arguments)
    assert json.loads(answer["minifiedJson"]) == json.loads(answer["json"])
    return json.loads(answer["json"])


def source(sid: str, action: str) -> str:
    statement = {"Sid": sid, "Effect": "Allow", "Action": action, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_full_statement_has_every_part(door: Door) -> None:
    given = {
        "sid": "All",
        "effect": "Deny",
        "actions": ["s3:PutObject", "s3:GetObject"],
        "resources": ["arn:aws:s3:::b/&{aws:username}"],
        "principals": [{"type": "AWS", "identifiers": ["arn:aws:iam::1:root", "arn:aws:iam::2:root"]}],
        "conditions": [{"test": "StringEquals", "variable": "aws:PrincipalTag/team", "values": ["a"]}],
    }
    assert document(door, statements=[given])["Statement"] == [
        {
            "Sid": "All",
            "Effect": "Deny",
            "Action": ["s3:PutObject", "s3:GetObject"],
            "Resource": "arn:aws:s3:::b/${aws:username}",
            "Principal": {"AWS": ["arn:aws:iam::2:root", "arn:aws:iam::1:root"]},
            "Condition": {"StringEquals": {"aws:PrincipalTag/team": "a"}},
        }
    ]


def test_the_version_is_the_newest_and_effect_is_allow(door: Door) -> None:
    found = document(door, statements=[{"actions": ["s3:*"], "resources": ["*"]}])
    assert found["Version"] == "2012-10-17"
    assert found["Statement"][0]["Effect"] == "Allow"


def test_negative_elements_are_written(door: Door) -> None:
    given = {
        "notActions": ["iam:*"],
        "notResources": ["arn:aws:s3:::b"],
        "notPrincipals": [{"type": "Service", "identifiers": ["ec2.amazonaws.com"]}],
    }
    assert document(door, statements=[given])["Statement"][0] == {
        "Effect": "Allow",
        "NotAction": "iam:*",
        "NotResource": "arn:aws:s3:::b",
        "NotPrincipal": {"Service": "ec2.amazonaws.com"},
    }


def test_everybody_is_a_star_and_any_account_is_an_aws_star(door: Door) -> None:
    def principal(kind: str) -> Any:
        given = {"actions": ["s3:*"], "principals": [{"type": kind, "identifiers": ["*"]}]}
        return document(door, statements=[given])["Statement"][0]["Principal"]

    assert principal("*") == "*"
    assert principal("AWS") == {"AWS": "*"}


def test_conditions_with_one_test_are_merged(door: Door) -> None:
    conditions = [
        {"test": "StringEquals", "variable": "a", "values": ["1"]},
        {"test": "StringEquals", "variable": "b", "values": ["2", "3"]},
        {"test": "Bool", "variable": "c", "values": ["true"]},
    ]
    given = {"actions": ["s3:*"], "resources": ["*"], "conditions": conditions}
    assert document(door, statements=[given])["Statement"][0]["Condition"] == {
        "Bool": {"c": "true"},
        "StringEquals": {"a": "1", "b": ["2", "3"]},
    }


def test_source_documents_come_first_and_overrides_replace_by_sid_in_place(door: Door) -> None:
    own = [{"sid": "Mine", "actions": ["sqs:*"], "resources": ["*"]}]
    found = document(
        door,
        sourcePolicyDocuments=[source("First", "s3:Get*"), source("Second", "s3:Put*")],
        statements=own,
        overridePolicyDocuments=[source("First", "s3:List*"), source("New", "kms:*")],
    )
    assert [(item["Sid"], item["Action"]) for item in found["Statement"]] == [
        ("First", "s3:List*"),
        ("Second", "s3:Put*"),
        ("Mine", "sqs:*"),
        ("New", "kms:*"),
    ]


def test_a_statement_replaces_the_sources_with_its_sid(door: Door) -> None:
    own = [{"sid": "First", "actions": ["sqs:*"], "resources": ["*"]}]
    found = document(door, sourcePolicyDocuments=[source("First", "s3:*")], statements=own)
    assert [item["Action"] for item in found["Statement"]] == ["sqs:*"]


def test_the_policy_id_is_written(door: Door) -> None:
    assert document(door, policyId="mine", statements=[])["Id"] == "mine"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"sourcePolicyDocuments": [source("A", "s3:*"), source("A", "sqs:*")]}, "duplicate sid"),
        ({"statements": [{"sid": "A", "actions": ["a:b"]}, {"sid": "A", "actions": ["a:c"]}]}, "duplicate sid"),
        ({"sourcePolicyDocuments": ["{"]}, "not JSON"),
        ({"version": "2020-01-01"}, "2012-10-17"),
    ],
)
def test_a_wrong_document_is_refused(door: Door, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        door.invoke(TOKEN, arguments)
    assert said in refused.value.details()


def test_zones_and_region_are_told(door: Door) -> None:
    zones = door.invoke("aws:index/getAvailabilityZones:getAvailabilityZones", {"state": "available"})
    region = door.invoke("aws:index/getRegion:getRegion", {})
    assert zones["names"][:2] == ["eu-central-1a", "eu-central-1b"]
    assert region["region"] == "eu-central-1"
