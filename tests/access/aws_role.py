"""What forbids sessions of the agent's role that have ended, and whether it forbids one: by `factory.iam`."""

from typing import Any

from aws_place import REGION, STACK, AwsPlace

from factory.iam import Policies, Principal, Request, evaluate, parse
from factory.settings import LOCAL_ACCOUNT

ROLE = f"{STACK}-coder"
EVERYTHING = parse(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}, name="everything"
)


def ended(place: AwsPlace) -> dict[str, dict[str, Any]]:
    """What forbids sessions of the role, by name."""
    iam = place.clients("iam")
    names = [each for each in iam.list_role_policies(RoleName=ROLE)["PolicyNames"] if each.startswith("mw-ended-")]
    return {each: iam.get_role_policy(RoleName=ROLE, PolicyName=each)["PolicyDocument"] for each in names}


def may(document: dict[str, Any], userid: str) -> bool:
    """Whether a session can send a message for all that this policy says."""
    asking = Principal.of(f"arn:aws:sts::{LOCAL_ACCOUNT}:assumed-role/{ROLE}/{userid.partition(':')[2]}")
    asked = Request(
        principal=asking,
        action="sqs:SendMessage",
        resource=f"arn:aws:sqs:{REGION}:{LOCAL_ACCOUNT}:tally-build-queue",
        context={"aws:userid": userid},
    )
    return evaluate(asked, Policies(identity=[EVERYTHING, parse(document, name="ended")])).allowed
