"""What the records of load balancers mean for the ingress: by host name, what is done with a request."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from moto.elbv2.models import ELBv2Backend, FakeListener, FakeLoadBalancer

from localcloud.runtime.routes import Fixed, Forward, Redirect, Route, Secure, Unserved

Json = Any


class Routes(NamedTuple):
    """By host: for requests in the clear, and for those over TLS."""

    plain: Mapping[str, Route]
    secure: Mapping[str, Secure]


def routes(account: str, region: str, backend: ELBv2Backend) -> Routes:
    """Of every balancer of one account and region. Two that have a certificate for one name: the newer one has it."""
    plain: dict[str, Route] = {}
    secure: dict[str, Secure] = {}
    for balancer in backend.load_balancers.values():
        listener = _first(balancer, "HTTPS")
        names = _names(account, region, listener.certificate) if listener else ()
        hosts = (balancer.dns_name.partition(":")[0], *names)
        # One port serves all balancers, so only one listener of each kind can be meant.
        http = _first(balancer, "HTTP")
        there = _route(http.default_actions) if http else Unserved("it has no HTTP listener")
        plain |= dict.fromkeys(hosts, there)
        if listener and names:
            secure |= dict.fromkeys(hosts, Secure(_route(listener.default_actions), names))
    return Routes(plain, secure)


def _first(balancer: FakeLoadBalancer, protocol: str) -> FakeListener | None:
    found: Iterable[FakeListener] = (each for each in balancer.listeners.values() if each.protocol == protocol)
    return min(found, key=lambda each: int(each.port), default=None)


def _names(account: str, region: str, arn: str | None) -> tuple[str, ...]:
    """The plain names of a certificate; one with a wildcard says no host."""
    # Only who declares a certificate pays for loading ACM.
    from moto.acm.models import acm_backends

    found: Json = acm_backends[account][region]._certificates.get(arn or "")  # noqa: SLF001 -- no look-up without an error
    named = (found.common_name, *found.sans) if found else ()
    return tuple(dict.fromkeys(name.lower() for name in named if "*" not in name))


def _route(actions: Sequence[Json]) -> Route:
    action = next((each for each in map(_action, actions) if not isinstance(each, Unserved)), None)
    return action or Unserved("its listener neither forwards nor redirects nor answers by itself")


def _action(action: Json) -> Route:
    data = action if isinstance(action, dict) else action.data
    if data["Type"] == "fixed-response":
        fixed = data.get("FixedResponseConfig") or {}
        return Fixed(
            int(fixed["StatusCode"]), str(fixed.get("ContentType") or "text/plain"), str(fixed.get("MessageBody") or "")
        )
    if data["Type"] == "forward":
        groups = (data.get("ForwardConfig") or {}).get("TargetGroups") or []
        weights = {each["TargetGroupArn"]: int(each.get("Weight") or 1) for each in groups}
        if data.get("TargetGroupArn"):
            weights.setdefault(data["TargetGroupArn"], 1)
        return Forward(weights)
    if data["Type"] == "redirect":
        to = data.get("RedirectConfig") or {}
        return Redirect(
            status=int(str(to["StatusCode"]).removeprefix("HTTP_")),
            protocol=str(to.get("Protocol") or "#{protocol}"),
            host=str(to.get("Host") or "#{host}"),
            port=str(to.get("Port") or "#{port}"),
            path=str(to.get("Path") or "/#{path}"),
            query=str(to.get("Query") or "#{query}"),
        )
    return Unserved(f"the local runtime does not do {data['Type']}")
