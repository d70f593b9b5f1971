"""A service with a domain: a certificate for it, TLS with a modern policy, and HTTP that only leads there."""

import pytest
from component_mocks import Declared, declared_factory, spec_of

from factory.spec import Environment

LISTENER = "aws:lb/listener:Listener"
CERTIFICATE = "aws:acm/certificate:Certificate"
INGRESS_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
NAMED = {"services": {"web": {"port": 8080, "domain": "links.example.com"}}}


def of(declared: list[Declared], token: str) -> dict[str, Declared]:
    return {resource.name: resource for resource in declared if resource.type == token}


def opened(declared: list[Declared]) -> list[int]:
    rules = of(declared, INGRESS_RULE).values()
    return sorted(rule.inputs["toPort"] for rule in rules if rule.inputs["securityGroupId"].endswith("-web-front"))


@pytest.mark.parametrize(
    ("environment", "domain"),
    [(Environment.STAGING, "staging.links.example.com"), (Environment.PRODUCTION, "links.example.com")],
)
def test_a_domain_is_served_over_tls_and_http_only_leads_there(environment: Environment, domain: str) -> None:
    declared = declared_factory(spec_of(**NAMED), environment)
    name = f"links-{environment}-web"
    certificate = of(declared, CERTIFICATE)[name]
    assert (certificate.inputs["domainName"], certificate.inputs["validationMethod"]) == (domain, "DNS")
    listeners = of(declared, LISTENER)
    secure, plain = listeners[f"{name}-tls"].inputs, listeners[name].inputs
    assert (secure["port"], secure["protocol"]) == (443, "HTTPS")
    assert secure["sslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-2021-06"
    assert secure["certificateArn"].endswith(f"Certificate/{name}")
    assert [action["type"] for action in secure["defaultActions"]] == ["forward"]
    to_tls = {"port": "443", "protocol": "HTTPS", "statusCode": "HTTP_301"}
    assert (plain["port"], plain["protocol"]) == (80, "HTTP")
    assert plain["defaultActions"] == [{"type": "redirect", "redirect": to_tls}]
    assert opened(declared) == [80, 443]


def test_without_a_domain_it_serves_http_inside_its_network(declared_without: list[Declared]) -> None:
    (listener,) = of(declared_without, LISTENER).values()
    assert (listener.inputs["protocol"], listener.inputs["defaultActions"][0]["type"]) == ("HTTP", "forward")
    assert not of(declared_without, CERTIFICATE)
    assert opened(declared_without) == [80]
    (balancer,) = of(declared_without, "aws:lb/loadBalancer:LoadBalancer").values()
    assert balancer.inputs["internal"] is True


@pytest.fixture(scope="module")
def declared_without() -> list[Declared]:
    return declared_factory(spec_of(), Environment.STAGING)


def test_everything_that_comes_with_a_domain_has_its_name_as_a_tag(declared_without: list[Declared]) -> None:
    without = {(resource.type, resource.name) for resource in declared_without}
    added = [
        resource
        for resource in declared_factory(spec_of(**NAMED), Environment.STAGING)
        if (resource.type, resource.name) not in without
    ]
    assert len(added) == 4
    tagged = [resource for resource in added if not resource.type.endswith(":CertificateValidation")]
    assert {resource.name: resource.inputs["tags"]["Name"] for resource in tagged} == {r.name: r.name for r in tagged}
