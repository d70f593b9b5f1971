"""Decides one request from every policy that applies to it.

Rules: "How AWS enforcement code logic evaluates requests to allow or deny access", "Policy evaluation for requests
within a single account" and "Cross-account policy evaluation logic" of the IAM User Guide.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from factory.errors import InputError
from factory.iam.conditions import Context
from factory.iam.documents import Effect, Policy, Statement
from factory.iam.matching import applies, denies, grant_of
from factory.iam.principals import Grant, PrincipalKind
from factory.iam.requests import Request


class Layer(StrEnum):
    """A kind of policy, in the order in which AWS looks at them."""

    SERVICE_CONTROL = "service control policy"
    RESOURCE = "resource policy"
    IDENTITY = "identity policy"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"


class Reason(StrEnum):
    """Why a request is allowed or not."""

    ALLOWED = "allowed"
    EXPLICIT_DENY = "explicit deny"
    """Some statement denies it."""
    IMPLICIT_DENY = "implicit deny"
    """No statement denies it, and a layer that has to allow it does not."""


class ResourceTrust(StrEnum):
    """Whether a resource leaves it to its own account's identity policies who may use it.

    AWS names two kinds that do not, KMS keys and roles (being assumed); the caller says so, the ARN is not asked.
    """

    ACCOUNT = "account"
    """Yes: within the account, an identity policy or the resource policy suffices."""
    EXPLICIT = "explicit"
    """Only when the resource policy names the account, or them: `arn:aws:iam::ACCOUNT:root`."""


@dataclass(frozen=True, kw_only=True)
class Policies:
    """Every policy that applies to one principal and one resource. None: there is no such layer.

    `identity`: those of the user and its groups, or of the role. `session`: those passed when the session was made;
    any of them may allow. `service_control`: for each level of the organisation (root, units, account) those
    attached there; each level must allow. Pass None for the management account and for service-linked roles, to
    which they do not apply. Raises InputError when a document cannot be of the kind it is given as.
    """

    identity: Sequence[Policy] = ()
    resource: Policy | None = None
    resource_trust: ResourceTrust = ResourceTrust.ACCOUNT
    boundary: Policy | None = None
    session: Sequence[Policy] | None = None
    service_control: Sequence[Sequence[Policy]] | None = None

    def __post_init__(self) -> None:
        for layer, policy in self.documents():
            for statement in policy.statements:
                if (statement.principals is None) == (layer is Layer.RESOURCE):
                    wrong = "names no Principal" if layer is Layer.RESOURCE else "names a Principal"
                    raise InputError(
                        f"{policy.name}: {statement} {wrong}, so this is no {layer}",
                        hint="a resource policy says for whom it is; every other one is for whom it is attached to",
                    )

    def layers(self) -> Iterator[tuple[Layer, Sequence[Policy]]]:
        """Each set of policies of which one must allow when that layer is asked; service control: one per level."""
        for level in self.service_control or ():
            yield Layer.SERVICE_CONTROL, level
        yield Layer.RESOURCE, (self.resource,) if self.resource else ()
        yield Layer.IDENTITY, self.identity
        if self.boundary is not None:
            yield Layer.BOUNDARY, (self.boundary,)
        if self.session is not None:
            yield Layer.SESSION, self.session

    def documents(self) -> Iterator[tuple[Layer, Policy]]:
        """Every policy with its layer."""
        return ((layer, policy) for layer, policies in self.layers() for policy in policies)


@dataclass(frozen=True, kw_only=True)
class Deciding:
    """A statement that decided, and where it stands."""

    layer: Layer
    policy: str
    statement: Statement

    def __str__(self) -> str:
        return f"{self.layer} {self.policy}: {self.statement}"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What was decided, and by what: the statements that deny, or else those that allow, layer by layer.

    `lacking` holds the layers that had to allow and do not; IDENTITY stands for the resource policy too when either
    could have.
    """

    reason: Reason
    statements: tuple[Deciding, ...] = ()
    lacking: tuple[Layer, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether the request may go on."""
        return self.reason is Reason.ALLOWED

    def __str__(self) -> str:
        if self.lacking:
            return f"{self.reason}: nothing allows it in {', '.join(self.lacking)}"
        return f"{self.reason} by {'; '.join(map(str, self.statements)) or 'being the root user'}"


@dataclass
class _Found:
    """What the statements that apply to a request come to."""

    denying: list[Deciding] = field(default_factory=list)
    allowing: list[Deciding] = field(default_factory=list)
    lacking: set[Layer] = field(default_factory=set)
    grant: Grant = Grant.NONE


def evaluate(request: Request, policies: Policies) -> Decision:
    """The decision on one request.

    - A Deny that applies, in any layer, decides.
    - Every level of service control must allow.
    - Within an account: a resource policy that names the user, the session or everyone (DIRECT) suffices. One that
      names the session's role, or the user who federated, needs boundary and session policy to allow too. Otherwise
      the identity policies, the boundary and the session policy must all allow, and with ResourceTrust.EXPLICIT the
      resource policy must at least name the account.
    - Across accounts: all of these and the resource policy must allow.
    - A service, an identity provider's user or an anonymous one: the resource policy alone decides.
    - The account's root user is allowed without identity policies. A federated user without session policy is not.

    Raises InputError when policies are given that such a principal cannot have.
    """
    _check(request, policies)
    found = _found(request, policies, request.facts())
    if found.denying:
        return Decision(reason=Reason.EXPLICIT_DENY, statements=tuple(found.denying))
    needed = _needed(request, policies, found.grant)
    lacking = tuple(layer for layer in Layer if layer in needed & found.lacking)
    if lacking:
        return Decision(reason=Reason.IMPLICIT_DENY, lacking=lacking)
    used = needed if found.grant < Grant.ISSUER else needed | {Layer.RESOURCE}
    return Decision(reason=Reason.ALLOWED, statements=tuple(one for one in found.allowing if one.layer in used))


def _needed(request: Request, policies: Policies, grant: Grant) -> set[Layer]:
    """The layers of which each must allow."""
    asking, needed = request.principal, {Layer.SERVICE_CONTROL}
    if asking.account is None:
        return {Layer.RESOURCE}
    across = asking.account != request.owner
    if across or policies.resource_trust is ResourceTrust.EXPLICIT:
        needed.add(Layer.RESOURCE)
    if not across and grant is Grant.DIRECT:
        return needed
    needed |= {Layer.BOUNDARY, Layer.SESSION}
    # The root user needs no identity policy in its account, nor for asking another one.
    if asking.kind is not PrincipalKind.ACCOUNT and (across or grant < Grant.ISSUER):
        needed.add(Layer.IDENTITY)
    return needed


def _found(request: Request, policies: Policies, context: Context) -> _Found:
    found = _Found()
    for layer, alternatives in policies.layers():
        applying = [
            Deciding(layer=layer, policy=policy.name, statement=statement)
            for policy in alternatives
            for statement in policy.statements
            if applies(statement, request, context)
        ]
        found.denying += _denying(applying, request, bounded=policies.boundary is not None)
        best, allowing = _allowing(applying, request)
        found.allowing += allowing
        if layer is Layer.RESOURCE:
            found.grant = best
        if best is Grant.NONE:
            found.lacking.add(layer)
    if policies.session is None and request.principal.kind is PrincipalKind.FEDERATED_USER:
        found.lacking.add(Layer.SESSION)
    return found


def _denying(applying: Sequence[Deciding], request: Request, *, bounded: bool) -> list[Deciding]:
    return [
        one
        for one in applying
        if one.statement.effect is Effect.DENY and denies(one.statement, request.principal, bounded=bounded)
    ]


def _allowing(applying: Sequence[Deciding], request: Request) -> tuple[Grant, list[Deciding]]:
    """How directly the request is allowed at best, and the statements that do so."""
    grants = [
        (grant_of(one.statement, request.principal), one) for one in applying if one.statement.effect is Effect.ALLOW
    ]
    best = max((by for by, _ in grants), default=Grant.NONE)
    return best, [one for by, one in grants if by is best is not Grant.NONE]


def _check(request: Request, policies: Policies) -> None:
    asking = request.principal
    given = [
        name
        for name, present in (
            ("identity", bool(policies.identity)),
            ("boundary", policies.boundary is not None),
            ("session", policies.session is not None),
            ("service_control", policies.service_control is not None and asking.account is None),
        )
        if present
    ]
    if given and (asking.account is None or asking.kind is PrincipalKind.ACCOUNT):
        raise InputError(f"a principal of kind {asking.kind} has no policies of its own: {', '.join(given)}")
