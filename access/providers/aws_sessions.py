"""What calls of a grant are really signed with: a session of its role, or the local cloud's test credentials.

A session cannot be taken back, only forbidden to do anything: inline policies on the role, one for each quarter of an
hour, deny everything to those that have ended, and go once these have expired.
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html
"""

import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
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
# `mw-ended-<when it may go, seconds of the epoch>`. All of a role's inline policies have room for 10,240 characters, so
# many sessions share one.
ENDED: Final = re.compile(r"mw-ended-(?P<until>\d+)")
QUARTER_SECONDS: Final = 900
USER: Final = "aws:userid"


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
        # What a policy holds is read and written again.
        self._turn = threading.Lock()

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
        iam, last = self._clients("iam", region), self._now().timestamp() + LONGEST_SECONDS
        name = f"mw-ended-{int(-(-last // QUARTER_SECONDS) * QUARTER_SECONDS)}"
        try:
            with self._turn:
                known = {each: _refs(iam, role, each) for each in _ended(iam, role)}
                if not any(ref in refs for refs in known.values()):
                    written = json.dumps(forbidding([*known.get(name, []), ref]), separators=(",", ":"))
                    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=written)
        except iam.exceptions.NoSuchEntityException:
            # With the role every session of it is worth nothing.
            return

    def sweep(self, role: str, region: str) -> None:
        """As Sessions."""
        iam, now = self._clients("iam", region), self._now().timestamp()
        try:
            for name, until in _ended(iam, role).items():
                if until <= now:
                    iam.delete_role_policy(RoleName=role, PolicyName=name)
        except iam.exceptions.NoSuchEntityException:
            return


def forbidding(refs: Sequence[str]) -> dict[str, Any]:
    """The policy that forbids everything to sessions of these names, and nothing to others of the role."""
    statement = {
        "Sid": "EndedGrants",
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        # ROLE-ID:SESSION-NAME
        "Condition": {"StringLike": {USER: [f"*:{ref}" for ref in refs]}},
    }
    return {"Version": VERSION, "Statement": [statement]}


def _ended(iam: Any, role: str) -> dict[str, int]:
    """When each of a role's policies about sessions that have ended may go."""
    found = (ENDED.fullmatch(name) for name in inline_policies(iam, role))
    return {each[0]: int(each["until"]) for each in found if each}


def _refs(iam: Any, role: str, name: str) -> list[str]:
    (statement,) = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]
    return [each.removeprefix("*:") for each in statement["Condition"]["StringLike"][USER]]
