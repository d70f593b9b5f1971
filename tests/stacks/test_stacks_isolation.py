"""The proof of isolation on records: what refutes it, what leaves it unknown, and what of the same kind is well."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from isolation_bench import (
    ACCOUNT,
    EVERYTHING,
    REGION,
    Bench,
    allow,
    arn,
    bucket,
    document,
    key,
    network,
    owned,
    repository,
    role,
    secret,
    state,
    to,
)
from property_sizes import tried

from factory.iam import Policies, may_ever, parse
from stacks.isolation import Cloud, Verdict, prove
from stacks.isolation.reach import Index
from stacks.isolation.records import Document, Kind, Owner, Reference, Resource, Stack, Unread

LINKS, NOTES, STAGING = "links-build", "notes-build", "links-staging"


def test_two_apps_that_share_nothing_are_proved_apart() -> None:
    own = allow(["secretsmanager:GetSecretValue"], secret("links"))
    found = Bench().may(own, allow("ecr:GetAuthorizationToken")).proof()
    assert (found.verdict, found.findings) == (Verdict.PROVED, ())
    assert [(pair.one, pair.other, pair.verdict) for pair in found.pairs] == [(LINKS, NOTES, Verdict.PROVED)]


def test_where_nothing_stands_nothing_is_proved() -> None:
    empty = Cloud(account=ACCOUNT, regions=(REGION,), resources=())
    assert prove(empty, []).verdict is Verdict.NOTHING_STANDS


def test_only_pairs_with_a_chosen_app_are_looked_at() -> None:
    bench = Bench().add(Resource(kind=Kind.NETWORK, id="vpc-third", tags=owned("third"), ranges=("10.40.0.0/18",)))
    bench.stacks.append(Stack(owner=Owner(app="third", environment="build"), known={"vpc-third": "aws:ec2/vpc:Vpc"}))
    assert len(bench.proof().pairs) == 3
    assert {pair.other for pair in bench.proof("third").pairs} == {"third-build"}


@pytest.mark.parametrize(
    "statement",
    [
        allow("secretsmanager:GetSecretValue", secret("notes")),
        allow("secretsmanager:GetSecretValue", secret("notes").replace("abcdef", "??????")),
        allow("s3:GetObject", f"{bucket('notes')}/public/*"),
        allow("iam:PassRole", role("notes")),
        allow("kms:Decrypt", "*"),
        {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"},
        {"Effect": "Allow", "Action": "s3:*", "NotResource": f"{bucket('links')}/*"},
        allow("kms:Decrypt", key("notes"), Condition={"StringEquals": {"kms:ViaService": "sqs.eu.amazonaws.com"}}),
    ],
)
def test_a_role_that_may_act_on_what_is_foreign_refutes_it(statement: dict) -> None:
    told = Bench().may(statement).told()
    assert ("refuted", "role-permission", LINKS, NOTES) in told


def test_a_permission_that_a_condition_limits_is_not_known_to_hold() -> None:
    tagged = {"StringEquals": {"aws:ResourceTag/app": "links"}}
    found = Bench().may(allow("secretsmanager:*", "*", Condition=tagged)).proof()
    assert (found.verdict, [each.rule.value for each in found.findings]) == (Verdict.UNKNOWN, ["role-permission"])
    assert "aws:resourcetag/app" in found.findings[0].why


def test_a_boundary_or_a_denial_keeps_an_administrator_in() -> None:
    fence = document(allow("secretsmanager:*", secret("links")))
    assert Bench().may(EVERYTHING, boundary=fence).told() == []
    without = Bench().may(EVERYTHING).told()
    assert ("refuted", "role-permission", LINKS, NOTES) in without
    assert ("unknown", "role-escalation", LINKS, None) in without
    denied = {"Effect": "Deny", "Action": "*", "NotResource": secret("links")}
    powerless = {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}
    assert Bench().may(EVERYTHING, denied, powerless).told() == []


def test_who_assumes_a_role_needs_both_its_trust_and_a_permission() -> None:
    by_account = document(to({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "sts:AssumeRole"))
    wanted = allow("sts:AssumeRole", role("notes"))
    assert Bench().may(wanted).told() == []
    assert Bench().change(role("notes"), policy=by_account).told() == []
    both = Bench().change(role("notes"), policy=by_account).may(wanted).told()
    assert both == [("refuted", "role-permission", LINKS, NOTES)]


@pytest.mark.parametrize(
    ("principal", "told"),
    [
        ({"AWS": role("links")}, ("refuted", "resource-policy", LINKS, NOTES)),
        (
            {"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/links-build-coder/one"},
            ("refuted", "resource-policy", LINKS, NOTES),
        ),
        ("*", ("refuted", "resource-policy", None, NOTES)),
        ({"AWS": "arn:aws:iam::999999999999:root"}, ("unknown", "resource-policy", None, NOTES)),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:user/somebody"}, ("unknown", "resource-policy", None, NOTES)),
        ({"Service": "s3.amazonaws.com"}, ("unknown", "resource-policy", None, NOTES)),
        ({"AWS": "AROAEXAMPLE"}, ("unknown", "unreadable-policy", NOTES, None)),
        ({"AWS": role("notes")}, None),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, None),
    ],
)
@pytest.mark.parametrize("place", [secret("notes"), bucket("notes"), key("notes")])
def test_a_resource_policy_lets_in_whom_it_names(place: str, principal: dict | str, told: tuple | None) -> None:
    policy = document(to(principal, "*", Resource="*"))
    assert Bench().change(place, policy=policy).told() == ([told] if told else [])


def test_a_service_acts_for_the_account_or_for_somebody_in_it() -> None:
    def of(source: str) -> list:
        only = {"ArnLike": {"aws:SourceArn": source}}
        policy = document(to({"Service": "s3.amazonaws.com"}, "sns:Publish", Resource="*", Condition=only))
        return Bench().change(secret("notes"), policy=policy).told()

    assert of("arn:aws:s3:::*") == of(bucket("notes")) == of(arn("logs", "log-group:*")) == []
    assert of(bucket("links")) == of("arn:aws:s3:::links-*") == [("refuted", "resource-policy", LINKS, NOTES)]


def test_what_uses_something_foreign_shares_it_and_what_nobody_owns_is_unknown() -> None:
    using = [Reference("encrypted by", key("links"))]
    assert Bench().change(secret("notes"), refers=tuple(using)).told() == [("refuted", "shared", NOTES, LINKS)]
    gone = (Reference("encrypted by", arn("kms", "key/gone")),)
    assert Bench().change(secret("notes"), refers=gone).told() == [("unknown", "dangling-reference", NOTES, None)]


def test_an_app_runs_in_staging_what_it_built_and_no_other_app_does() -> None:
    staging = arn("ecs", "task-definition/links-staging-web:1")
    image = (Reference("image", repository("links")), Reference("image", repository("agent-runner")))
    starter = arn("iam", "role/links-staging-web-start", region="")
    made = [
        Resource(kind=Kind.TASK_DEFINITION, id=staging, tags=owned("links", "staging"), refers=image),
        Resource(kind=Kind.ROLE, id=starter, arns=(starter,), tags=owned("links", "staging")),
    ]

    def told(*actions: str, of: str = "links") -> list:
        bench = Bench().add(*made)
        bench.stacks.append(state("links", "staging", held=made))
        bench.identities[starter] = Bench().may(allow(list(actions), repository(of))).identities[role("links")]
        bench.identities[starter] = type(bench.identities[starter])(
            role=starter, documents=bench.identities[starter].documents
        )
        return bench.told()

    assert told("ecr:BatchGetImage") == told("ecr:BatchGetImage", of="agent-runner") == []
    assert told("ecr:BatchGetImage", "ecr:PutImage") == [("refuted", "role-permission", STAGING, LINKS)]
    assert told("ecr:PutImage", of="agent-runner") == [("refuted", "role-permission", STAGING, None)]
    assert told("ecr:BatchGetImage", of="notes") == [("refuted", "role-permission", STAGING, NOTES)]


def test_a_permission_on_what_is_not_there_yet_is_unknown() -> None:
    later = allow("secretsmanager:GetSecretValue", arn("secretsmanager", "secret:notes/production/*"))
    assert Bench().may(later).told() == [("unknown", "dangling-reference", LINKS, None)]


def test_a_permission_on_what_an_app_alone_can_have_is_its_own() -> None:
    def told(name: str) -> list:
        return Bench().may(allow("secretsmanager:GetSecretValue", arn("secretsmanager", f"secret:{name}"))).told()

    assert told("links/ci/*") == []
    assert told("links/staging/*") == told("notes/ci/*") == [("unknown", "dangling-reference", LINKS, None)]


def test_networks_that_overlap_and_rules_that_open_to_a_foreign_range_refute_it() -> None:
    assert Bench().change(network("links"), ranges=("10.20.0.0/18", "10.30.1.0/24")).told() == [
        ("refuted", "overlapping-networks", NOTES, LINKS)
    ]

    def rule(*ranges: str, refers: tuple[Reference, ...] = ()) -> Resource:
        return Resource(kind=Kind.FIREWALL_RULE, id="sgr-1", part_of="sg-links", ranges=ranges, refers=refers)

    assert Bench().add(rule("10.20.1.0/24")).told() == Bench().add(rule("192.168.0.0/16", "::/0")).told() == []
    for range in ("10.30.1.0/24", "0.0.0.0/0"):
        assert Bench().add(rule(range)).told() == [("refuted", "firewall-rule", LINKS, NOTES)]
    prefixes = Resource(kind=Kind.PREFIX_LIST, id="pl-1", tags=owned("links"), ranges=("10.30.0.0/16",))
    bench = Bench().add(rule(refers=(Reference("opens to prefix list", "pl-1"),)), prefixes)
    bench.stacks.append(state("links", "build", "pl-1", held=[]))
    assert ("refuted", "firewall-rule", LINKS, NOTES) in bench.told()
    aws = Resource(kind=Kind.PREFIX_LIST, id="pl-2", by_aws=True)
    assert Bench().add(rule(refers=(Reference("opens to prefix list", "pl-2"),)), aws).told() == []


def test_a_route_out_refutes_it_and_a_default_network_is_nobodys_affair() -> None:
    gateway = Resource(kind=Kind.GATEWAY, id="igw-1", tags=owned("links"), refers=(Reference("joins", "vpc-links"),))
    table = Resource(kind=Kind.ROUTE_TABLE, id="rtb-1", tags=owned("links"))
    route = Resource(kind=Kind.ROUTE, id="rtb-1 to all", part_of="rtb-1", refers=(Reference("route to", "igw-1"),))
    bench = Bench().add(gateway, table, route)
    bench.stacks[0] = state("links", "build", "igw-1", "rtb-1")
    assert bench.told() == [("refuted", "route", LINKS, None)]
    default = Resource(kind=Kind.NETWORK, id="vpc-default", ranges=("172.31.0.0/16",), by_aws=True)
    way_out = Resource(kind=Kind.GATEWAY, id="igw-2", refers=(Reference("joins", "vpc-default"),))
    assert Bench().add(default, way_out).told() == []
    inside = Resource(kind=Kind.INTERFACE, id="eni-1", part_of="vpc-default")
    assert Bench().add(default, way_out, inside).told() == [("unknown", "unassigned", None, None)]


def test_the_state_says_whose_a_thing_is_and_tags_that_say_otherwise_are_forged() -> None:
    assert Bench().change(secret("notes"), tags=owned("links")).told() == [("refuted", "forged-tag", NOTES, LINKS)]
    assert Bench().change(secret("notes"), tags={}).told() == []
    queue = arn("sqs", "more")
    strange = Resource(kind=Kind.QUEUE, id=queue, arns=(queue,))
    assert Bench().add(strange).told() == [("unknown", "unassigned", None, None)]
    claims = Resource(kind=Kind.QUEUE, id=queue, arns=(queue,), tags=owned("notes"))
    assert Bench().add(claims).told() == [("unknown", "forged-tag", NOTES, None)]
    # What it claims counts for what reaches it.
    assert ("refuted", "role-permission", LINKS, NOTES) in Bench().add(claims).may(allow("sqs:*", queue)).told()
    bench = Bench()
    bench.stacks[0] = state("links", "build", secret("notes"))
    assert ("refuted", "two-stacks", LINKS, NOTES) in bench.told()


def test_what_was_not_read_or_cannot_be_judged_leaves_it_unknown() -> None:
    bench = Bench(unread=(Unread(what="kms list_keys", why="AccessDenied"),))
    assert bench.told() == [("unknown", "unread", None, None)]
    whole = Resource(kind=Kind.ACCOUNT_POLICY, id="ecr registry", policy=document(to("*", "ecr:*", Resource="*")))
    assert Bench().add(whole).told() == [("unknown", "resource-policy", None, None)]
    bench = Bench()
    bench.stacks[0] = Stack(owner=bench.stacks[0].owner, known=bench.stacks[0].known, pending=True)
    assert bench.told() == [("unknown", "pending-update", LINKS, None)]
    table = {**bench.stacks[0].known, "arn:table": "aws:dynamodb/table:Table"}
    bench.stacks[0] = Stack(owner=bench.stacks[0].owner, known=table)
    assert bench.told() == [("unknown", "unread", LINKS, None)]
    assert "aws:dynamodb/table:Table" in bench.proof().findings[0].why
    broken = Bench().may(allow("s3:*", bucket("links")))
    identity = broken.identities[role("links")]
    broken.identities[role("links")] = type(identity)(
        role=identity.role, documents=(Document(name="attached", content=""),)
    )
    assert broken.told() == [("unknown", "unreadable-policy", LINKS, None)]


NAMES = st.text(alphabet="ab*?/:-", max_size=8)


@settings(max_examples=tried(300))
@given(pattern=NAMES, name=NAMES)
def test_the_index_leaves_out_nothing_that_a_pattern_may_match(pattern: str, name: str) -> None:
    wanted, held = f"arn:aws:s3:::{pattern}", f"arn:aws:s3:::{name}"
    policy = parse({"Version": "2012-10-17", "Statement": [allow("s3:*", wanted)]})
    index = Index([Resource(kind=Kind.BUCKET, id="it", arns=(held,))])
    if may_ever(Policies(identity=(policy,)), "s3:*", held):
        assert "it" in index.candidates(wanted)
