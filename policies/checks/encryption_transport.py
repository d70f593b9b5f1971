"""Encryption: of what is on its way."""

from collections.abc import Iterator
from typing import Final

from policies.context import Context
from policies.helpers.documents import Clause, acting, is_everything, read
from policies.helpers.references import references
from policies.helpers.trusts import names_everyone
from policies.helpers.values import under
from policies.model import UNKNOWN, Fail, Finding, Plain, Unknown
from policies.reading import each, has_unknown
from policies.resources import Resource, Stack

LISTENERS: Final = ("aws:lb/listener:Listener", "aws:alb/listener:Listener")
BALANCERS: Final = ("aws:lb/loadBalancer:LoadBalancer", "aws:alb/loadBalancer:LoadBalancer")
BUCKET_POLICY: Final = "aws:s3/bucketPolicy:BucketPolicy"
# What is below HTTP passes the bytes on: whether they are encrypted is between the two ends.
_PASSED: Final = ("HTTPS", "TLS", "TCP", "UDP", "TCP_UDP", "QUIC", "TCP_QUIC")
_WITHOUT_TLS: Final = "has no statement that denies everyone everything without TLS (aws:SecureTransport)"


def tls_only(stack: Stack, context: Context) -> Iterator[Finding]:
    """Control 40: listeners speak TLS, or lead there; bucket policies refuse requests without it.

    A balancer that is internal may speak HTTP: AWS issues no certificate for a balancer's own name.
    """
    del context
    for listener in stack.of(*LISTENERS):
        yield from _listener(stack, listener)
    for policy in stack.of(BUCKET_POLICY):
        yield from _refuses_plain(policy)


def _listener(stack: Stack, listener: Resource) -> Iterator[Finding]:
    protocol = listener.properties.get("protocol")
    if protocol in _PASSED:
        return
    internal = _internal(stack, listener)
    redirects = _redirects(listener.properties.get("defaultActions"))
    if protocol == "HTTP" and (internal or redirects):
        return
    if protocol is UNKNOWN:
        yield Unknown(("protocol",), listener.urn)
    elif protocol == "HTTP" and redirects is None:
        yield Unknown(("defaultActions",), listener.urn)
    elif protocol == "HTTP" and internal is None:
        yield Unknown(("loadBalancerArn",), listener.urn)
    else:
        yield Fail(("protocol",), "is neither TLS nor does the listener redirect to it", urn=listener.urn)


def _internal(stack: Stack, listener: Resource) -> bool | None:
    """Whether the balancer of a listener has no public address; None: not known yet."""
    found = list(references(stack, listener, "loadBalancerArn", BALANCERS))
    flags = [balancer.properties.get("internal") for one in found for balancer in one.found]
    if any(one.unknown for one in found) or UNKNOWN in flags:
        return None
    return bool(flags) and all(flag is True for flag in flags)


def _redirects(actions: Plain) -> bool | None:
    """Whether all that a listener does is to lead to HTTPS; None: not known yet."""
    answers: list[bool | None] = []
    for path, action in each(actions, ()):
        to = [value for _, value in under(action, ("redirect", "protocol"), path)]
        kind = [value for _, value in under(action, ("type",), path)]
        if UNKNOWN in to or UNKNOWN in kind:
            answers.append(None)
        else:
            answers.append(kind == ["redirect"] and to == ["HTTPS"])
    if False in answers:
        return False
    return None if None in answers else bool(answers)


def _refuses_plain(policy: Resource) -> Iterator[Finding]:
    value = policy.properties.get("policy")
    document = read(value, ("policy",))
    answers = [_denies_plain(clause) for clause in document.clauses]
    if True in answers:
        return
    if document.findings:
        for finding in document.findings:
            yield (
                Unknown(finding.path, policy.urn)
                if isinstance(finding, Unknown)
                else Fail(finding.path, finding.message, urn=policy.urn)
            )
    elif None in answers or has_unknown(value):
        yield Unknown(("policy",), policy.urn)
    else:
        yield Fail(("policy",), _WITHOUT_TLS, urn=policy.urn)


def _denies_plain(clause: Clause) -> bool | None:
    """Whether a statement denies everyone everything without TLS, under no further condition; None: not known yet."""
    if clause.allows is True or not any(names_everyone(one) or one.value is UNKNOWN for one in clause.principals):
        return False
    actions = list(acting(clause, "s3:*"))
    whole = [word for word in actions if word.unknown or is_everything(word) or word.text == "s3:*"]
    objects = [word for word in clause.resources if word.unknown or (word.text or "").endswith("*")]
    if not whole or not objects:
        return False
    conditions = [word.value for word in clause.conditions]
    known = clause.allows is False and not any(map(has_unknown, conditions))
    if known and not _is_plain(conditions):
        return False
    return True if known and not any(word.unknown for word in (*whole, *objects)) else None


def _is_plain(conditions: list[Plain]) -> bool:
    """Whether a condition asks for nothing but that the request came without TLS."""
    if len(conditions) != 1 or not isinstance(conditions[0], dict) or len(conditions[0]) != 1:
        return False
    ((operator, keys),) = conditions[0].items()
    if operator.lower() not in ("bool", "boolifexists") or not isinstance(keys, dict) or len(keys) != 1:
        return False
    ((key, values),) = keys.items()
    said = [value for _, value in each(values, ())]
    return key.lower() == "aws:securetransport" and said in ([False], ["false"])
