"""One request to AWS, as the evaluator needs it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from factory.errors import InputError
from factory.iam.conditions import Context
from factory.iam.principals import Principal, PrincipalKind

_ACTION = re.compile(r"[A-Za-z0-9_.-]+:[A-Za-z0-9_.-]+")
_ACCOUNT_PART = 4
_ACCOUNT = re.compile(r"[0-9]{12}")
_TYPES = {
    PrincipalKind.ACCOUNT: "Account",
    PrincipalKind.USER: "User",
    PrincipalKind.ROLE: "AssumedRole",
    PrincipalKind.ROLE_SESSION: "AssumedRole",
    PrincipalKind.FEDERATED_USER: "FederatedUser",
    PrincipalKind.ANONYMOUS: "Anonymous",
}


@dataclass(frozen=True, kw_only=True)
class Request:
    """Who asks to do what with which resource.

    `resource` is an ARN, or `*` for an action that has no resource. `resource_account` owns it; None takes it from
    the ARN, and for `*` from the principal. `context` holds condition keys, whose case does not matter, with their
    values. Keys that follow from the principal are added when absent (`facts`); the time, tags and network are not.
    Raises InputError when the action is none, two keys differ in case only, or nobody says whose the resource is.
    """

    principal: Principal
    action: str
    resource: str
    resource_account: str | None = None
    context: Mapping[str, str | Sequence[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _ACTION.fullmatch(self.action):
            raise InputError(f"{self.action!r} is no action of a request", hint="such as s3:GetObject, no wildcards")
        if len({key.lower() for key in self.context}) < len(self.context):
            raise InputError("two context keys differ in case only, which means nothing to AWS", hint="keep one")
        if self.principal.kind is PrincipalKind.EVERYONE:
            raise InputError("a request is of one principal, not of everyone", hint="or of Principal.anonymous()")
        if not _ACCOUNT.fullmatch(self.owner):
            raise InputError(
                f"whose is {self.resource}? The ARN does not say", hint="pass the 12-digit `resource_account`"
            )

    @property
    def owner(self) -> str:
        """The account that the resource is in."""
        if self.resource_account is not None:
            return self.resource_account
        if self.resource == "*":
            return self.principal.account or ""
        parts = self.resource.split(":")
        return parts[_ACCOUNT_PART] if len(parts) > _ACCOUNT_PART else ""

    def facts(self) -> Context:
        """The context with keys in lower case, and with what follows from principal and resource where it is absent.

        That is aws:PrincipalAccount, PrincipalArn, PrincipalType, PrincipalIsAWSService, PrincipalServiceName,
        username and ResourceAccount ("AWS global condition context keys"). A session's PrincipalArn is its role's:
        without path, unless the principal's `issuer` says it.
        """
        given = {
            key.lower(): (value,) if isinstance(value, str) else tuple(value) for key, value in self.context.items()
        }
        return {**_implied(self.principal, self.owner), **given}


def _implied(asking: Principal, owner: str) -> dict[str, tuple[str, ...]]:
    implied: dict[str, tuple[str, ...]] = {"aws:resourceaccount": (owner,)}
    implied["aws:principalisawsservice"] = (str(asking.kind is PrincipalKind.SERVICE).lower(),)
    if asking.kind is PrincipalKind.SERVICE:
        implied["aws:principalservicename"] = (asking.name,)
    if asking.kind in _TYPES:
        implied["aws:principaltype"] = (_TYPES[asking.kind],)
    if asking.kind is PrincipalKind.USER:
        implied["aws:username"] = (asking.name.rsplit("/", 1)[1],)
    if asking.account is not None:
        implied["aws:principalaccount"] = (asking.account,)
        implied["aws:principalarn"] = (_principal_arn(asking),)
    return implied


def _principal_arn(asking: Principal) -> str:
    if asking.kind is not PrincipalKind.ROLE_SESSION:
        return asking.name
    if asking.issuer is not None:
        return asking.issuer
    partition, role = asking.name.split(":")[1], asking.name.split("/")[1]
    return f"arn:{partition}:iam::{asking.account}:role/{role}"
