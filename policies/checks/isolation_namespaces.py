"""Isolation: namespaces of Kubernetes, what comes in and out of them, and whose workloads are in them."""

from collections.abc import Iterator
from typing import Final

from policies.context import PLATFORM, Context, context_of
from policies.helpers.namespaces import DEFAULT, NAME, NAMESPACE, is_in, standing
from policies.helpers.networks import is_world, network
from policies.helpers.pods import PLACES, POD_READS, at
from policies.model import UNKNOWN, Fail, Finding, Path, Plain, Unknown
from policies.reading import each
from policies.resources import Resource, Stack

POLICIES: Final = tuple(
    f"kubernetes:{version}:NetworkPolicy{patch}"
    for version in ("networking.k8s.io/v1", "extensions/v1beta1")
    for patch in ("", "Patch")
)
# Rules and peers of each direction, by the name of its type.
DIRECTIONS: Final = {"Ingress": ("ingress", "from"), "Egress": ("egress", "to")}
DENY_READS: Final[dict[str, tuple[str, ...]]] = {
    NAMESPACE: ("metadata",),
    **dict.fromkeys(POLICIES, ("metadata", "spec")),
}
WORKLOAD_READS: Final[dict[str, tuple[str, ...]]] = {
    NAMESPACE: ("metadata",),
    **{token: tuple(dict.fromkeys(("metadata", *names))) for token, names in POD_READS.items()},
}
SYSTEM: Final = ("kube-system", "kube-public", "kube-node-lease")
# Source: Kubernetes, "Recommended Labels": the application that something is part of; without it the house's own tag.
APP_LABELS: Final = ("app.kubernetes.io/part-of", "app")


def nothing_opened_to_all(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 12: no policy for all pods of a namespace lets everything in, or out."""
    del context
    if resource.type == NAMESPACE:
        return
    spec = at(resource.properties, ("spec",), ())
    if spec.unknown:
        yield Unknown(spec.path)
        return
    if not isinstance(spec.value, dict) or _is_empty(spec.value.get("podSelector")) is False:
        return
    for rules, peers in DIRECTIONS.values():
        for path, rule in each(spec.value.get(rules), ("spec", rules)):
            opened = _opens_all(rule, peers)
            # Which pods it is for may not be known either.
            if opened is None or (opened and _is_empty(spec.value.get("podSelector")) is None):
                yield Unknown(path)
            elif opened:
                yield Fail(path, "opens every pod of the namespace: nothing is denied by default any more")


def default_deny(stack: Stack, context: Context) -> Iterator[Finding]:
    """Control 12: each namespace has a policy that denies, to all its pods, whatever comes in and whatever goes out."""
    del context
    for namespace in stack.of(NAMESPACE):
        inside = [(policy, is_in(policy, namespace, stack)) for policy in stack.of(*POLICIES)]
        for direction in DIRECTIONS:
            yield from _denied(namespace, direction, inside)


def _denied(namespace: Resource, direction: str, policies: list[tuple[Resource, bool | None]]) -> Iterator[Finding]:
    undecided: Finding | None = None
    for policy, inside in policies:
        denies = _denies(policy, direction)
        if inside and denies:
            return
        if inside is not False and denies is not False:
            place: Path = ("spec",) if inside else ("metadata", "namespace")
            undecided = undecided or Unknown(place, policy.urn)
    message = f"has no NetworkPolicy in this stack that denies all {direction.lower()} to all its pods"
    yield undecided or Fail(NAME, message, urn=namespace.urn)


def _denies(policy: Resource, direction: str) -> bool | None:
    """Whether a policy is for all pods, is about the direction, and allows nothing in it."""
    spec = at(policy.properties, ("spec",), ()).value
    if not isinstance(spec, dict):
        return None if spec is UNKNOWN else False
    types = spec.get("policyTypes")
    named = [kind for _, kind in each(types, ())]
    # Source: the API reference: without types a policy is about ingress, and about egress only with rules for it.
    about = (
        direction == "Ingress" if types in (None, []) else direction in named or (None if UNKNOWN in named else False)
    )
    rules = spec.get(DIRECTIONS[direction][0])
    closed = None if rules is UNKNOWN else rules in (None, [])
    answers = (_is_empty(spec.get("podSelector")), about, closed)
    return False if False in answers else None if None in answers else True


def _is_empty(selector: Plain) -> bool | None:
    """Whether a selector selects everything; None when that is not known."""
    if not isinstance(selector, dict):
        return None if selector is UNKNOWN else selector is None
    parts = [part for part in selector.values() if part not in (None, {}, [])]
    return not parts if UNKNOWN not in parts else None


def _opens_all(rule: Plain, name: str) -> bool | None:
    """Whether one rule lets through everybody, at every port; None when that is not known."""
    if rule is UNKNOWN:
        return None
    if not isinstance(rule, dict):
        return False
    peers, ports = rule.get(name), rule.get("ports")
    if peers is not UNKNOWN and peers not in (None, []):
        opened = [_is_everybody(peer) for _, peer in each(peers, ())]
        everybody = True if True in opened else None if None in opened else False
    else:
        everybody = None if peers is UNKNOWN else True
    limited = None if ports is UNKNOWN else ports not in (None, [])
    if everybody is False or limited:
        return False
    return True if everybody and limited is False else None


def _is_everybody(peer: Plain) -> bool | None:
    if not isinstance(peer, dict):
        return None if peer is UNKNOWN else False
    block, pods, namespaces = (peer.get(name) for name in ("ipBlock", "podSelector", "namespaceSelector"))
    if block is not None:
        cidr = block.get("cidr") if isinstance(block, dict) else block
        found = network(cidr)
        return None if cidr is UNKNOWN else found is not None and is_world([found])
    # Pods of every namespace: of other apps' too.
    answers = (namespaces is not None and _is_empty(namespaces), _is_empty(pods))
    return False if False in answers else None if None in answers else True


def own_namespace(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 13: a workload is in a namespace, and neither in `default`, the cluster's own, nor another app's."""
    if resource.type not in PLACES:
        return
    stands = standing(resource)
    if stands.unknown:
        yield Unknown(stands.path)
        return
    if not isinstance(stands.value, str):
        yield Fail(stands.path, "is no name of a namespace")
    elif stands.value == DEFAULT:
        yield Fail(stands.path, "is the default namespace, which belongs to nobody")
    elif context.app and context.app != PLATFORM:
        named = context_of(stands.value)
        if stands.value in SYSTEM:
            yield Fail(stands.path, "is the cluster's own namespace", found=stands.value)
        elif named.environment and (named.app, named.environment) != (context.app, context.environment):
            yield Fail(stands.path, "is by its name that of another app or environment", found=stands.value)


def workloads_of_their_app(stack: Stack, context: Context) -> Iterator[Finding]:
    """Control 13: a workload's app is that of its namespace, by their labels or else by the stack."""
    for namespace in stack.of(NAMESPACE):
        owners = list(_apps(namespace, NAME[:1], context))
        for workload in stack.of(*PLACES):
            inside = is_in(workload, namespace, stack)
            if inside is None:
                yield Unknown(("metadata", "namespace"), workload.urn)
            elif inside:
                yield from _same(owners, namespace, workload, context)


def _same(
    owners: list[tuple[Path, Plain]], namespace: Resource, workload: Resource, context: Context
) -> Iterator[Finding]:
    pod = (*PLACES[workload.type][:-1], "metadata")
    for path, app in (*_apps(workload, ("metadata",), context), *_apps(workload, pod, context)):
        for place, owner in owners:
            if UNKNOWN in (app, owner):
                yield Unknown(path, workload.urn) if app is UNKNOWN else Unknown(place, namespace.urn)
            elif app != owner:
                yield Fail(path, "is not the app of its namespace", urn=workload.urn)


def _apps(resource: Resource, path: Path, context: Context) -> Iterator[tuple[Path, Plain]]:
    """Whose something says it is; the stack's app where it says nothing."""
    labels = at(resource.properties, (*path, "labels"), ())
    if labels.unknown:
        yield labels.path, UNKNOWN
        return
    found = labels.value if isinstance(labels.value, dict) else {}
    name = next((name for name in APP_LABELS if found.get(name) is not None), None)
    if name is not None:
        yield (*labels.path, name), found[name]
    elif context.app and context.app != PLATFORM:
        yield labels.path, context.app
