"""Whether a grant's call may be made: the role's real documents, its boundary and the grant's own policy, all of them,
by `factory.iam`. A resource's policy can only forbid: what it allows to others is none of the grant's.
"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from access.aws.calls import Call
from access.aws.orders import Document, Open
from access.aws.refusals import denied
from access.aws.resources import Need
from factory.errors import InputError
from factory.iam import Effect, Policies, Policy, Principal, Request, evaluate, parse

CANNOT: Final = "it cannot be decided here: "


class Rights:
    """Those of one grant. Raises InputError for documents that are none."""

    def __init__(self, order: Open) -> None:
        rights = order.rights
        self._asking = Principal.of(rights.session, issuer=rights.issuer)
        self._identity = [_parsed(each) for each in rights.identity]
        self._boundary = _parsed(rights.boundary) if rights.boundary else None
        self._granted = [_parsed(rights.granted)]
        self._resources = {each.arn: each for each in order.resources}
        self._forbidding = {
            each.arn: _forbidding(_parsed(each.policy)) for each in order.resources if each.policy is not None
        }
        self._tags = {f"aws:PrincipalTag/{key}": value for key, value in rights.tags.items()}
        self._region = order.upstream.region
        self._account = order.upstream.account

    def decide(self, call: Call, now: float) -> str:
        """What allows it, in words. Raises Refused that says what does not."""
        return "; ".join(dict.fromkeys(self._decide(need, now) for need in call.needs))

    def _decide(self, need: Need, now: float) -> str:
        try:
            request = Request(
                principal=self._asking,
                action=need.action,
                resource=need.resource,
                resource_account=self._account if need.resource == "*" else None,
                context=self._context(need, now),
            )
            decision = evaluate(request, self._policies(need))
        except InputError as error:
            raise denied(f"{need.action}: {CANNOT}{error}") from None
        if not decision.allowed:
            raise denied(
                f"{self._asking.name} is not authorized to perform {need.action} on {need.resource}: {decision}"
            )
        return str(decision)

    def _policies(self, need: Need) -> Policies:
        return Policies(
            identity=self._identity,
            resource=self._forbidding.get(need.resource),
            boundary=self._boundary,
            session=self._granted,
        )

    def _context(self, need: Need, now: float) -> dict[str, str]:
        resource = self._resources.get(need.resource)
        tags = {f"aws:ResourceTag/{key}": value for key, value in resource.tags.items()} if resource else {}
        return {
            "aws:RequestedRegion": self._region,
            "aws:SecureTransport": "true",
            "aws:ViaAWSService": "false",
            "aws:CurrentTime": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "aws:EpochTime": str(int(now)),
            **self._tags,
            **tags,
        }


def _parsed(document: Document) -> Policy:
    return parse(document.document, name=document.name)


def _forbidding(policy: Policy) -> Policy | None:
    denying = tuple(each for each in policy.statements if each.effect is Effect.DENY)
    return replace(policy, statements=denying) if denying else None
