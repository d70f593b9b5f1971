"""What a program only reads is not judged, and does not stand in for what it would have to declare."""

from dataclasses import replace

from policy_cases.case import SETTINGS, thing

from policies import CONTROLS, Resource, Stack, context_of
from policies.evaluation import judge

VPC = thing("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/16"}, "own", answered={"id": "vpc-1"})
OTHER = thing("aws:ec2/vpc:Vpc", {"cidrBlock": "10.1.0.0/16"}, "other", answered={"id": "vpc-2"})
PEERING = thing(
    "aws:ec2/vpcPeeringConnection:VpcPeeringConnection", {"vpcId": "vpc-1", "peerVpcId": "vpc-2"}, "peering"
)
EMPTIED = thing(
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", {"vpcId": "vpc-1"}, "emptied", answered={"vpcId": "vpc-1"}
)
NAMESPACE = thing("kubernetes:core/v1:Namespace", {"metadata": {"name": "links-build"}}, "space")
DENY = thing(
    "kubernetes:networking.k8s.io/v1:NetworkPolicy",
    {
        "metadata": {"name": "deny", "namespace": "links-build"},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
    },
    "deny",
)


def _told(control: str, *resources: Resource) -> set[str]:
    """The names of the resources in which a control finds something."""
    (rule,) = [each for each in CONTROLS if each.id == control]
    verdicts = list(judge([rule], Stack(resources), context_of("links-build", settings=SETTINGS)))
    assert all(verdict.failed for verdict in verdicts)
    return {verdict.resource.name for verdict in verdicts}


def _read(resource: Resource) -> Resource:
    answered = {**resource.properties, **resource.answered}
    return replace(resource, properties={}, answered=answered, declared=False)


def test_a_default_group_that_is_only_read_is_not_emptied() -> None:
    assert _told("default-group-empty", VPC, _read(EMPTIED)) == {"own"}
    assert _told("default-group-empty", VPC, EMPTIED) == set()
    assert _told("default-group-empty", _read(VPC)) == set()


def test_a_network_that_is_only_read_is_none_of_the_stacks() -> None:
    assert _told("joined-within-app", VPC, _read(OTHER), PEERING) == {"peering"}
    assert _told("joined-within-app", VPC, OTHER, PEERING) == set()
    assert _told("joined-within-app", VPC, _read(PEERING)) == set()


def test_a_policy_that_is_only_read_denies_nothing_here() -> None:
    assert _told("namespace-default-deny", NAMESPACE, _read(DENY)) == {"space"}
    assert _told("namespace-default-deny", NAMESPACE, DENY) == set()
    assert _told("namespace-default-deny", _read(NAMESPACE)) == set()
