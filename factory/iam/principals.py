"""Who asks, whom a policy names, and how directly the one is the other.

Rules: "AWS JSON policy elements: Principal" and "Policy evaluation for requests within a single account".
"""

import re
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from factory.errors import InputError

_ACCOUNT = re.compile(r"[0-9]{12}")
_ARN = re.compile(
    r"arn:aws[a-z-]*:"
    r"(?:iam::(?P<iam>[0-9]{12}):(?:(?P<root>root)|(?P<user>user/[^*?]+)|(?P<role>role/[^*?]+))"
    r"|sts::(?P<sts>[0-9]{12}):"
    r"(?:(?P<session>assumed-role/[^*?/]+/[^*?/]+)|(?P<federated>federated-user/[^*?]+)))"
)
_SERVICE = re.compile(r"[a-z0-9][a-z0-9.-]*\.amazonaws\.com(?:\.cn)?")
FORMS = (
    '"*", a 12-digit account, arn:aws:iam::ACCOUNT:root, :user/NAME, :role/NAME, '
    "arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION, :federated-user/NAME"
)


class PrincipalKind(StrEnum):
    """What a principal is. A policy names EVERYONE and never ANONYMOUS; with a request it is the reverse."""

    EVERYONE = "everyone"
    ACCOUNT = "account"
    """In a policy the account and so everyone in it; in a request the account's root user."""
    USER = "user"
    ROLE = "role"
    """With a request: any session of that role, when it does not matter which."""
    ROLE_SESSION = "role session"
    FEDERATED_USER = "federated user"
    SERVICE = "service"
    FEDERATED = "identity provider"
    """Someone whom an identity provider vouches for, who is about to assume a role."""
    ANONYMOUS = "anonymous"


class Grant(IntEnum):
    """How directly a resource policy names who asks; what else must allow depends on it (`evaluation`)."""

    NONE = 0
    ACCOUNT = 1
    """By their account only: that hands the decision to the account's own policies."""
    ISSUER = 2
    """By the role of the session, or the user who federated: boundary and session policies still limit."""
    DIRECT = 3
    """By themselves, or as everyone: nothing but an explicit deny and service control policies limits."""


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Who asks, or whom a policy names. Make one with `of`, `service`, `federated` or `anonymous`."""

    kind: PrincipalKind
    name: str
    """The ARN, the service's or identity provider's name; `*` for everyone, "" for anonymous."""
    account: str | None = None
    issuer: str | None = None
    """A role session's role with its path, or the user who federated: an ARN."""

    @classmethod
    def of(cls, arn: str, *, issuer: str | None = None) -> "Principal":
        """A user, role, session or root user by ARN. Raises InputError for anything else.

        `issuer` is the session's role with its path (by default a role without path), or the user who federated,
        which a federated user's ARN does not say and so is required.
        """
        found = identity(arn)
        if found is None or not arn.startswith("arn:"):
            raise InputError(f"{arn!r} is no principal's ARN", hint=f"allowed: {FORMS}")
        if found.kind is PrincipalKind.FEDERATED_USER and issuer is None:
            raise InputError(f"{arn} does not say who federated", hint="pass the IAM user's ARN as `issuer`")
        if issuer is not None and not _issues(issuer, found):
            raise InputError(f"{issuer!r} cannot have issued {arn}", hint="the ARN of the role, or of the IAM user")
        return cls(kind=found.kind, name=arn, account=found.account, issuer=issuer)

    @classmethod
    def service(cls, name: str) -> "Principal":
        """An AWS service that acts by itself: `lambda.amazonaws.com`. Raises InputError when it is no such name."""
        if not _SERVICE.fullmatch(name):
            raise InputError(f"{name!r} is no service principal", hint="such as lambda.amazonaws.com")
        return cls(kind=PrincipalKind.SERVICE, name=name)

    @classmethod
    def federated(cls, provider: str) -> "Principal":
        """Someone whom an identity provider (its ARN, or its name as `accounts.google.com`) vouches for."""
        return cls(kind=PrincipalKind.FEDERATED, name=provider)

    @classmethod
    def anonymous(cls) -> "Principal":
        """A request that nobody signed."""
        return cls(kind=PrincipalKind.ANONYMOUS, name="")

    @property
    def session_of(self) -> tuple[str | None, str] | None:
        """A role's or role session's account and role name, by which an account knows a role whatever its path."""
        if self.kind is PrincipalKind.ROLE_SESSION:
            return self.account, self.name.split("/")[1]
        if self.kind is PrincipalKind.ROLE:
            return self.account, self.name.rsplit("/", 1)[1]
        return None

    def __str__(self) -> str:
        return self.name or self.kind.value


EVERYONE = Principal(kind=PrincipalKind.EVERYONE, name="*")


def identity(text: str) -> Principal | None:
    """What a text under `AWS` in a policy names; None when it is none of the forms that AWS publishes."""
    if text == "*":
        return EVERYONE
    if _ACCOUNT.fullmatch(text):
        return Principal(kind=PrincipalKind.ACCOUNT, name=text, account=text)
    found = _ARN.fullmatch(text)
    if found is None:
        return None
    kinds = {
        "root": PrincipalKind.ACCOUNT,
        "user": PrincipalKind.USER,
        "role": PrincipalKind.ROLE,
        "session": PrincipalKind.ROLE_SESSION,
        "federated": PrincipalKind.FEDERATED_USER,
    }
    kind = next(kind for group, kind in kinds.items() if found[group])
    return Principal(kind=kind, name=text, account=found["iam"] or found["sts"])


def is_service(text: str) -> bool:
    """Whether a text under `Service` in a policy is a service's name."""
    return _SERVICE.fullmatch(text) is not None


def grant(named: Principal, asking: Principal) -> Grant:
    """How directly `named` in a policy is the one who asks."""
    kinds = PrincipalKind
    if named.kind is kinds.EVERYONE:
        return Grant.DIRECT
    if named.kind is kinds.ACCOUNT:
        if named.account != asking.account:
            return Grant.NONE
        return Grant.DIRECT if asking.kind is kinds.ACCOUNT else Grant.ACCOUNT
    if named.kind is kinds.ROLE:
        return Grant.ISSUER if _same_role(named, asking) else Grant.NONE
    if named.kind is kinds.USER and asking.kind is kinds.FEDERATED_USER:
        return Grant.ISSUER if asking.issuer == named.name else Grant.NONE
    return Grant.DIRECT if (named.kind, named.name) == (asking.kind, asking.name) else Grant.NONE


def excepted(named: tuple[Principal, ...], asking: Principal) -> tuple[bool, bool]:
    """Whether NotPrincipal leaves the asking one out: by every reading of AWS's page, and by some reading.

    The page ("NotPrincipal") says that a service may check the account first, then the role, then the session; so
    only when each of these that exists is named is it sure that nothing is denied.
    """
    grants = {grant(one, asking) for one in named}
    # A role that asks whichever its session is has no ARN below its own, which is its sessions' issuer.
    wanted = {Grant.ISSUER} if asking.kind is PrincipalKind.ROLE else {Grant.DIRECT}
    if asking.kind in {PrincipalKind.ROLE_SESSION, PrincipalKind.FEDERATED_USER}:
        wanted.add(Grant.ISSUER)
    if asking.account is not None and asking.kind is not PrincipalKind.ACCOUNT:
        wanted.add(Grant.ACCOUNT)
    everyone = any(one.kind is PrincipalKind.EVERYONE for one in named)
    return everyone or wanted <= grants, grants != {Grant.NONE}


def _same_role(named: Principal, asking: Principal) -> bool:
    if asking.issuer is not None and asking.kind is PrincipalKind.ROLE_SESSION:
        return asking.issuer == named.name
    return asking.session_of is not None and asking.session_of == named.session_of


def _issues(issuer: str, session: Principal) -> bool:
    by = identity(issuer)
    if by is None or by.account != session.account:
        return False
    if session.kind is PrincipalKind.FEDERATED_USER:
        return by.kind is PrincipalKind.USER
    return (
        session.kind is PrincipalKind.ROLE_SESSION
        and by.kind is PrincipalKind.ROLE
        and (by.session_of == session.session_of)
    )
