"""What calls of a grant are really signed with: a session of its role, or the local cloud's test credentials.

A session cannot be taken back, only forbidden to do anything: an inline policy on the role denies everything to it, and
goes once the session has expired.
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

from access.providers.aws_roles import inline_policies
from access.providers.standing import Clients
from factory.cloud_access import VERSION

# The least that AWS gives, and the most to a role that is taken from another role.
# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
SHORTEST_SECONDS: Final = 900
LONGEST_SECONDS: Final = 3600
# `mw-ended-<when it may go, seconds of the epoch>-<the grant's ref>`.
ENDED: Final = re.compile(r"mw-ended-(?P<until>\d+)-(?P<ref>[A-Za-z0-9_]+)")


@dataclass(frozen=True)
class Wanted:
    """A session: of which role (its name and ARN), what it is called, what it may, and what is known of it."""

    role: str
    arn: str
    ref: str
    policy: Mapping[str, Any]
    region: str
    account: str
    seconds: float
    tags: Mapping[str, str] = field(default_factory=dict)
    source: str = ""


@dataclass(frozen=True)
class Credentials:
    """`expires`: seconds of the epoch; None: never."""

    key_id: str
    secret: str = field(repr=False)
    token: str = field(default="", repr=False)
    expires: float | None = None


class Sessions(Protocol):
    """Where credentials come from. Each raises botocore's errors."""

    def begin(self, wanted: Wanted) -> Credentials:
        """Credentials of a new one."""

    def end(self, role: str, region: str, ref: str) -> None:
        """No session that is called so does anything any more."""

    def sweep(self, role: str, region: str) -> None:
        """Take away from a role what forbids sessions that have expired."""


class LocalSessions:
    """The local cloud's: its key is the account's id, and it checks no signature and no permission."""

    def begin(self, wanted: Wanted) -> Credentials:
        """As Sessions."""
        return Credentials(wanted.account, "local")

    def end(self, role: str, region: str, ref: str) -> None:
        """As Sessions: there is nothing."""

    def sweep(self, role: str, region: str) -> None:
        """As Sessions: there is nothing."""


class RoleSessions:
    """AWS's own: the role is taken for the grant, with its policy, its tags and whom it is for."""

    def __init__(self, clients: Clients, now: Callable[[], datetime]) -> None:
        self._clients, self._now = clients, now

    def begin(self, wanted: Wanted) -> Credentials:
        """As Sessions."""
        source = {"SourceIdentity": wanted.source} if wanted.source else {}
        answer = self._clients("sts", wanted.region).assume_role(
            RoleArn=wanted.arn,
            RoleSessionName=wanted.ref,
            Policy=json.dumps(wanted.policy, separators=(",", ":")),
            DurationSeconds=int(min(max(wanted.seconds, SHORTEST_SECONDS), LONGEST_SECONDS)),
            Tags=[{"Key": key, "Value": value} for key, value in wanted.tags.items()],
            **source,
        )
        given = answer["Credentials"]
        return Credentials(
            given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], given["Expiration"].timestamp()
        )

    def end(self, role: str, region: str, ref: str) -> None:
        """As Sessions."""
        iam = self._clients("iam", region)
        try:
            if any(found["ref"] == ref for found in _ended(iam, role)):
                return
            until = int(self._now().timestamp()) + LONGEST_SECONDS
            iam.put_role_policy(
                RoleName=role, PolicyName=f"mw-ended-{until}-{ref}", PolicyDocument=json.dumps(forbidding(ref))
            )
        except iam.exceptions.NoSuchEntityException:
            # With the role every session of it is worth nothing.
            return

    def sweep(self, role: str, region: str) -> None:
        """As Sessions."""
        iam, now = self._clients("iam", region), self._now().timestamp()
        try:
            for found in _ended(iam, role):
                if int(found["until"]) <= now:
                    iam.delete_role_policy(RoleName=role, PolicyName=found[0])
        except iam.exceptions.NoSuchEntityException:
            return


def forbidding(ref: str) -> dict[str, Any]:
    """The policy that forbids everything to sessions of this name, and nothing to others of the role."""
    statement = {
        "Sid": "EndedGrant",
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        # ROLE-ID:SESSION-NAME
        "Condition": {"StringLike": {"aws:userid": f"*:{ref}"}},
    }
    return {"Version": VERSION, "Statement": [statement]}


def _ended(iam: Any, role: str) -> list[re.Match[str]]:
    return [found for name in inline_policies(iam, role) if (found := ENDED.fullmatch(name))]
