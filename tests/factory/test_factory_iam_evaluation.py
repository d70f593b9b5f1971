"""Cases from AWS's published evaluation logic. Each group's comment gives the page of the IAM User Guide."""

from typing import Any

import pytest
from iam_documents import (
    ACCOUNT,
    EVERYTHING,
    FEDERATED,
    KEY,
    NOTHING,
    OBJECT,
    OTHER,
    PRINCIPALS,
    ROLE,
    ROOT,
    SESSION,
    USER,
    allow,
    deny,
    grants,
    policy,
    request,
    statement,
)

from factory.errors import InputError
from factory.iam import Layer, Policies, Principal, Reason, Request, ResourceTrust, evaluate

ID, B, S, R, C = Layer.IDENTITY, Layer.BOUNDARY, Layer.SESSION, Layer.RESOURCE, Layer.SERVICE_CONTROL
LIMITED: dict[str, Any] = {"identity": [NOTHING], "boundary": NOTHING, "session": [NOTHING]}
EXPLICIT = ResourceTrust.EXPLICIT


# "How AWS enforcement code logic evaluates requests to allow or deny access": defaults, and each layer's part.
@pytest.mark.parametrize(
    ("policies", "lacking"),
    [
        ({}, (ID,)),
        ({"identity": [allow()]}, ()),
        ({"identity": [NOTHING, allow()]}, ()),
        ({"identity": [NOTHING]}, (ID,)),
        ({"identity": [allow()], "boundary": allow()}, ()),
        ({"identity": [allow()], "boundary": NOTHING}, (B,)),
        ({"boundary": allow()}, (ID,)),
        ({"identity": [allow()], "session": [allow()]}, ()),
        ({"identity": [allow()], "session": [NOTHING, allow()]}, ()),
        ({"identity": [allow()], "session": [NOTHING]}, (S,)),
        ({"identity": [allow()], "session": []}, (S,)),
        ({"session": [allow()]}, (ID,)),
        ({"identity": [allow()], "service_control": [[allow()], [NOTHING, allow()]]}, ()),
        ({"identity": [allow()], "service_control": [[allow()], [NOTHING]]}, (C,)),
        ({"identity": [allow()], "service_control": [[allow()], []]}, (C,)),
        ({"service_control": [[allow()]]}, (ID,)),
        ({"identity": [allow()], "service_control": [[NOTHING]], "boundary": NOTHING, "session": []}, (C, B, S)),
    ],
)
def test_every_layer_that_is_there_must_allow(policies: dict[str, Any], lacking: tuple[Layer, ...]) -> None:
    decision = evaluate(request("session"), Policies(**policies))
    assert (decision.lacking, decision.allowed) == (lacking, not lacking)
    assert decision.reason is (Reason.IMPLICIT_DENY if lacking else Reason.ALLOWED)


# The same page: "An explicit deny overrides an explicit allow", in every layer.
@pytest.mark.parametrize(
    ("policies", "layer"),
    [
        ({"identity": [allow(), deny()]}, ID),
        ({"identity": [allow()], "boundary": policy(statement(), statement("Deny"))}, B),
        ({"identity": [allow()], "session": [allow(), deny()]}, S),
        ({"identity": [allow()], "service_control": [[allow()], [allow(), deny()]]}, C),
        ({"identity": [allow()], "resource": policy(statement("Deny", Principal="*"))}, R),
        ({"identity": [deny()], "resource": grants(SESSION)}, ID),
    ],
)
def test_a_deny_in_any_layer_decides_and_is_named(policies: dict[str, Any], layer: Layer) -> None:
    decision = evaluate(request("session"), Policies(**policies))
    assert decision.reason is Reason.EXPLICIT_DENY
    assert [one.layer for one in decision.statements] == [layer]
    assert evaluate(request("session"), EVERYTHING).allowed


# "Policy evaluation for requests within a single account", table: resource-based policies and implicit denies.
@pytest.mark.parametrize(
    ("who", "named", "policies", "lacking"),
    [
        ("session", ROLE, LIMITED, (B, S)),
        ("session", ROLE, {"identity": [NOTHING]}, ()),
        ("session", ROLE, {"boundary": allow(), "session": [allow()]}, ()),
        ("session", SESSION, LIMITED, ()),
        ("role", ROLE, {"boundary": NOTHING}, (B,)),
        ("role", ROLE, {}, ()),
        ("user", USER, {"identity": [NOTHING], "boundary": NOTHING}, ()),
        ("federated", USER, LIMITED, (B, S)),
        ("federated", USER, {}, (S,)),
        ("federated", USER, {"session": [allow()]}, ()),
        ("federated", FEDERATED, LIMITED, ()),
        ("federated", FEDERATED, {}, ()),
        ("root", ROOT, {}, ()),
        ("session", "*", LIMITED, ()),
        # By the account alone: that hands the decision to its identity policies.
        ("session", ROOT, LIMITED, (ID, B, S)),
        ("user", ACCOUNT, {}, (ID,)),
        ("user", ACCOUNT, {"identity": [allow()]}, ()),
        # Somebody else.
        ("session", SESSION + "0", {}, (ID,)),
        ("session", ROLE + "r", {}, (ID,)),
        ("user", USER + "a", {}, (ID,)),
        ("user", OTHER, {}, (ID,)),
        ("federated", USER + "a", {"session": [allow()]}, (ID,)),
    ],
)
def test_how_directly_a_resource_policy_names_them_says_what_else_must_allow(
    who: str, named: str, policies: dict[str, Any], lacking: tuple[Layer, ...]
) -> None:
    decision = evaluate(request(who), Policies(resource=grants(named), **policies))
    assert (decision.lacking, decision.allowed) == (lacking, not lacking)


def test_service_control_limits_even_what_names_them_directly() -> None:
    named = grants(SESSION)
    assert evaluate(request("session"), Policies(resource=named, service_control=[[allow()]])).allowed
    assert evaluate(request("session"), Policies(resource=named, service_control=[[NOTHING]])).lacking == (C,)


# "Policy evaluation for requests within a single account": the example of Carlos.
@pytest.mark.parametrize(
    ("action", "resource", "reason"),
    [
        ("s3:PutObject", "arn:aws:s3:::carlossalazar/x", Reason.ALLOWED),
        ("s3:PutObject", "arn:aws:s3:::carlossalazar-logs/x", Reason.EXPLICIT_DENY),
        ("s3:ListAllMyBuckets", "arn:aws:s3:::other", Reason.ALLOWED),
        ("s3:PutObject", "arn:aws:s3:::other/x", Reason.IMPLICIT_DENY),
    ],
)
def test_the_published_example(action: str, resource: str, reason: Reason) -> None:
    own = ["arn:aws:s3:::carlossalazar/*", "arn:aws:s3:::carlossalazar"]
    identity = policy(
        statement(Sid="AllowS3ListRead", Action=["s3:ListAllMyBuckets"], Resource="arn:aws:s3:::*"),
        statement(Sid="AllowS3Self", Action="s3:*", Resource=own),
        statement("Deny", Sid="DenyS3Logs", Action="s3:*", Resource="arn:aws:s3:::*log*"),
    )
    assert evaluate(request("user", action, resource), Policies(identity=[identity])).reason is reason


# "Cross-account policy evaluation logic": both accounts must allow, and no way of naming spares a side.
@pytest.mark.parametrize(
    ("policies", "lacking"),
    [
        ({"identity": [allow()], "resource": grants(USER)}, ()),
        ({"identity": [allow()], "resource": grants(ACCOUNT)}, ()),
        ({"identity": [allow()], "resource": grants("*")}, ()),
        ({"identity": [allow()], "resource": grants(OTHER)}, (R,)),
        ({"identity": [allow()]}, (R,)),
        ({"resource": grants(USER)}, (ID,)),
        ({"identity": [allow()], "resource": grants(USER), "boundary": NOTHING}, (B,)),
        ({"identity": [allow()], "resource": grants(USER), "service_control": [[NOTHING]]}, (C,)),
    ],
)
def test_across_accounts_both_sides_must_allow(policies: dict[str, Any], lacking: tuple[Layer, ...]) -> None:
    assert evaluate(request("user", owner=OTHER), Policies(**policies)).lacking == lacking


# "AWS account root user" and the first page: full access in its account, under service control policies.
@pytest.mark.parametrize(
    ("owner", "policies", "allowed"),
    [
        (ACCOUNT, {}, True),
        (ACCOUNT, {"service_control": [[NOTHING]]}, False),
        (ACCOUNT, {"resource": policy(statement("Deny", Principal="*"))}, False),
        (OTHER, {}, False),
        (OTHER, {"resource": grants(ACCOUNT)}, True),
    ],
)
def test_the_root_user_needs_no_identity_policy(owner: str, policies: dict[str, Any], allowed: bool) -> None:
    assert evaluate(request("root", owner=owner), Policies(**policies)).allowed is allowed


# "Key policies in AWS KMS" and "How to use trust policies with IAM roles": no trust in the account by itself.
@pytest.mark.parametrize(
    ("policies", "lacking"),
    [
        ({"identity": [allow()]}, (R,)),
        ({"identity": [allow()], "resource": grants(ROOT)}, ()),
        ({"resource": grants(ROOT)}, (ID,)),
        ({"resource": grants(ROLE)}, ()),
        ({"identity": [allow()], "resource": grants(USER)}, (R,)),
    ],
)
def test_a_resource_of_explicit_trust_must_name_the_account_or_them(
    policies: dict[str, Any], lacking: tuple[Layer, ...]
) -> None:
    asked = request("session", "kms:Decrypt", KEY, owner=None)
    assert evaluate(asked, Policies(resource_trust=EXPLICIT, **policies)).lacking == lacking


# "AWS JSON policy elements: Principal": services, identity providers, everyone.
@pytest.mark.parametrize(
    ("who", "named", "allowed"),
    [
        ("service", {"Service": "cloudtrail.amazonaws.com"}, True),
        ("service", {"Service": ["sns.amazonaws.com"]}, False),
        ("service", "*", True),
        ("service", ACCOUNT, False),
        ("provider", {"Federated": "accounts.google.com"}, True),
        ("provider", {"Federated": "graph.facebook.com"}, False),
        ("provider", {"Service": "cloudtrail.amazonaws.com"}, False),
        ("anonymous", "*", True),
        ("anonymous", {"AWS": "*"}, True),
        ("anonymous", ACCOUNT, False),
    ],
)
def test_for_those_without_account_the_resource_policy_alone_decides(who: str, named: Any, allowed: bool) -> None:
    asked = request(who)
    assert evaluate(asked, Policies(resource=grants(named))).allowed is allowed
    assert evaluate(asked, Policies()).lacking == (R,)
    with pytest.raises(InputError, match="no policies of its own: identity"):
        evaluate(asked, EVERYTHING)


# "AWS JSON policy elements: NotPrincipal": spared is who is named with role and account, and nobody with a boundary.
@pytest.mark.parametrize(
    ("who", "named", "policies", "denied"),
    [
        ("user", [USER, ROOT], {}, False),
        ("user", [USER], {}, True),
        ("user", [ROOT], {}, True),
        ("session", [SESSION, ROLE, ROOT], {}, False),
        ("session", [SESSION, ROOT], {}, True),
        ("session", [ROLE, ROOT], {}, True),
        ("role", [ROLE, ACCOUNT], {}, False),
        ("root", [ROOT], {}, False),
        ("user", [USER, ROOT], {"boundary": allow()}, True),
    ],
)
def test_not_principal_spares_only_whom_it_names_in_full(
    who: str, named: list[str], policies: dict[str, Any], denied: bool
) -> None:
    resource = policy(statement("Deny", NotPrincipal={"AWS": named}))
    own = {} if who == "root" else {"identity": [allow()]}
    decision = evaluate(request(who), Policies(resource=resource, **own, **policies))
    assert decision.reason is (Reason.EXPLICIT_DENY if denied else Reason.ALLOWED)


@pytest.mark.parametrize("named", [USER, ROOT, ACCOUNT, "*"])
def test_a_deny_reaches_whom_it_names_and_everyone_of_an_account(named: str) -> None:
    resource = policy(statement("Deny", Principal={"AWS": named}))
    assert evaluate(request("user"), Policies(identity=[allow()], resource=resource)).reason is Reason.EXPLICIT_DENY
    elsewhere = policy(statement("Deny", Principal={"AWS": [OTHER, ROLE]}))
    assert evaluate(request("user"), Policies(identity=[allow()], resource=elsewhere)).allowed


# "IAM identifiers": a role's path is not part of its sessions' ARNs.
def test_a_session_is_its_roles_whatever_the_roles_path() -> None:
    resource = grants(f"arn:aws:iam::{ACCOUNT}:role/factory/coder")
    assert evaluate(request("session"), Policies(resource=resource)).allowed
    known = Principal.of(SESSION, issuer=ROLE)
    assert not evaluate(request(known), Policies(resource=resource)).allowed
    with pytest.raises(InputError, match="cannot have issued"):
        Principal.of(SESSION, issuer=ROLE + "r")


def test_a_decision_says_what_decided() -> None:
    listed = policy(statement("Deny", Action="sqs:*"), statement(Sid="Read", Action="s3:Get*"), name="coder")
    allowed = evaluate(request("user"), Policies(identity=[listed], boundary=allow()))
    assert (
        str(allowed)
        == "allowed by identity policy coder: Statement[1] (Read); permissions boundary policy: Statement[0]"
    )
    refused = evaluate(request("user", action="sqs:SendMessage"), Policies(identity=[listed]))
    assert str(refused) == "explicit deny by identity policy coder: Statement[0]"
    lacking = evaluate(request("user", action="ec2:RunInstances"), Policies(identity=[listed]))
    assert str(lacking) == "implicit deny: nothing allows it in identity policy"


def test_a_policy_in_the_wrong_layer_is_refused() -> None:
    with pytest.raises(InputError, match=r"policy: Statement\[0\] names no Principal, so this is no resource policy"):
        Policies(resource=allow())
    with pytest.raises(InputError, match=r"names a Principal, so this is no permissions boundary"):
        Policies(boundary=grants("*"))


def test_a_request_must_say_whose_the_resource_is() -> None:
    with pytest.raises(InputError, match="whose is arn:aws:s3"):
        request(owner=None)
    assert request("user", "kms:Decrypt", KEY, owner=None).owner == ACCOUNT
    assert Request(principal=PRINCIPALS["user"], action="s3:ListAllMyBuckets", resource="*").owner == ACCOUNT


@pytest.mark.parametrize("action", ["s3:*", "GetObject", "", "s3:", "s3:Get Object"])
def test_a_request_is_for_one_action(action: str) -> None:
    with pytest.raises(InputError, match="no action of a request"):
        request(action=action)
    assert evaluate(request(action="S3:getobject", resource=OBJECT), EVERYTHING).allowed


@pytest.mark.parametrize(
    "arn", ["", "*", ACCOUNT, "ann", f"arn:aws:iam::{ACCOUNT}:user/*", f"arn:aws:iam::{ACCOUNT}:group/a"]
)
def test_what_is_no_principals_arn_is_refused(arn: str) -> None:
    with pytest.raises(InputError, match="no principal's ARN"):
        Principal.of(arn)
