"""Short ways to write policies and requests in the tests of factory.iam."""

from typing import Any

from factory.iam import Policies, Policy, Principal, Request, parse

ACCOUNT, OTHER = "111122223333", "444455556666"
USER = f"arn:aws:iam::{ACCOUNT}:user/teams/ann"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/coder"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/coder/task-1"
FEDERATED = f"arn:aws:sts::{ACCOUNT}:federated-user/ann"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
BUCKET = "arn:aws:s3:::store"
OBJECT = f"{BUCKET}/a.txt"
KEY = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/1"

PRINCIPALS = {
    "user": Principal.of(USER),
    "role": Principal.of(ROLE),
    "session": Principal.of(SESSION),
    "federated": Principal.of(FEDERATED, issuer=USER),
    "root": Principal.of(ROOT),
    "service": Principal.service("cloudtrail.amazonaws.com"),
    "provider": Principal.federated("accounts.google.com"),
    "anonymous": Principal.anonymous(),
}


def statement(effect: str = "Allow", **elements: Any) -> dict[str, Any]:
    """One that is about everything, but for the elements named."""
    base: dict[str, Any] = {"Effect": effect}
    if "NotAction" not in elements:
        base["Action"] = "*"
    if "NotResource" not in elements:
        base["Resource"] = "*"
    return base | elements


def policy(*statements: dict[str, Any], name: str = "policy", version: str = "2012-10-17") -> Policy:
    return parse({"Version": version, "Statement": list(statements)}, name=name)


def allow(**elements: Any) -> Policy:
    return policy(statement("Allow", **elements))


def deny(**elements: Any) -> Policy:
    return policy(statement("Deny", **elements))


def grants(principal: Any, **elements: Any) -> Policy:
    """A resource policy that allows `principal`: an ARN or account, or what stands under Principal."""
    named = {"AWS": principal} if isinstance(principal, str) and principal != "*" else principal
    return policy(statement("Allow", Principal=named, **elements), name="on the resource")


def request(
    who: str | Principal = "user",
    action: str = "s3:GetObject",
    resource: str = OBJECT,
    owner: str | None = ACCOUNT,
    **context: Any,
) -> Request:
    """One by a principal of the table above. Context keys: `aws__SourceIp` stands for aws:SourceIp."""
    principal = PRINCIPALS[who] if isinstance(who, str) else who
    keys = {key.replace("__", ":", 1): value for key, value in context.items()}
    return Request(principal=principal, action=action, resource=resource, resource_account=owner, context=keys)


NOTHING = allow(Action="sqs:*")
"""A policy that says nothing about the request above: an implicit deny."""
EVERYTHING = Policies(identity=[allow()])
