"""Where a service's load balancer listens: over TLS where the app has a name, and else in the clear."""

from typing import Final, TypedDict

from pulumi import Resource, ResourceOptions
from pulumi_aws import acm, lb

from components.aws.firewalls import HTTP, HTTPS

# TLS 1.2 with forward secrecy, and 1.3.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html
TLS_POLICY: Final = "ELBSecurityPolicy-TLS13-1-2-2021-06"


class ListenersArgs(TypedDict):
    """What the listeners are made from; the arguments of a service have these keys too."""

    domain: str | None
    """Name of the certificate; None: there is no TLS."""


def listen(
    name: str, args: ListenersArgs, balancer: lb.LoadBalancer, targets: lb.TargetGroup, opts: ResourceOptions
) -> list[Resource]:
    """The listeners. AWS issues no certificate for a balancer's own name, so without a domain there is none to show.

    That HTTP stays in the environment's network: the balancer is internal, and only the network reaches it.
    """
    forward: lb.ListenerDefaultActionArgsDict = {"type": "forward", "target_group_arn": targets.arn}
    if domain := args["domain"]:
        secure = _over_tls(name, domain, balancer, forward, opts)
        to_tls: lb.ListenerDefaultActionArgsDict = {
            "type": "redirect",
            "redirect": {"port": str(HTTPS), "protocol": "HTTPS", "status_code": "HTTP_301"},
        }
        return [secure, _in_the_clear(name, balancer, to_tls, opts, [secure])]
    return [_in_the_clear(name, balancer, forward, opts, [])]


def _in_the_clear(
    name: str,
    balancer: lb.LoadBalancer,
    action: lb.ListenerDefaultActionArgsDict,
    opts: ResourceOptions,
    after: list[Resource],
) -> lb.Listener:
    return lb.Listener(
        name,
        load_balancer_arn=balancer.arn,
        port=HTTP,
        protocol="HTTP",
        default_actions=[action],
        tags={"Name": name},
        opts=ResourceOptions.merge(opts, ResourceOptions(depends_on=after)),
    )


def _over_tls(
    name: str,
    domain: str,
    balancer: lb.LoadBalancer,
    action: lb.ListenerDefaultActionArgsDict,
    opts: ResourceOptions,
) -> lb.Listener:
    """A listener takes an issued certificate only, so it waits until the domain's owner has put its record into DNS."""
    certificate = acm.Certificate(name, domain_name=domain, validation_method="DNS", tags={"Name": name}, opts=opts)
    issued = acm.CertificateValidation(name, certificate_arn=certificate.arn, opts=opts)
    return lb.Listener(
        f"{name}-tls",
        load_balancer_arn=balancer.arn,
        port=HTTPS,
        protocol="HTTPS",
        ssl_policy=TLS_POLICY,
        certificate_arn=issued.certificate_arn,
        default_actions=[action],
        tags={"Name": f"{name}-tls"},
        opts=opts,
    )
