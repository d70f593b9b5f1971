"""Isolation: who can reach what over the network."""

from typing import Final

from policies.checks import isolation, isolation_addresses, isolation_groups
from policies.helpers.firewalls import INGRESS_READS
from policies.model import Control, Severity

CONTROLS: Final[tuple[Control, ...]] = (
    Control(
        number=5,
        id="no-world-ingress",
        title="No world ingress",
        severity=Severity.CRITICAL,
        reads=INGRESS_READS,
        why="What the whole internet can reach is scanned within minutes; agents' networks serve known sources only.",
        fix="name the networks or the security group that may connect (cidrBlocks, securityGroups)",
        references=("CIS AWS 5.3", "CIS AWS 5.4", "CKV_AWS_24", "CKV_AWS_25", "CKV_AWS_277"),
        check=isolation.no_world_ingress,
    ),
    Control(
        number=6,
        id="egress-listed",
        title="Agent egress allow-list",
        severity=Severity.HIGH,
        reads=isolation_groups.DESTINATION_READS,
        why="What an agent was talked into sending leaves only where a connection may go; private networks are reached "
        "by a peering or an attachment, which control 8 is about.",
        fix="list the range in egress of policies.yaml, or go through the egress proxy or an endpoint of the cloud",
        references=("CKV_AWS_382", "NIST 800-53 SC-7(5)", "OWASP LLM Top 10, Excessive Agency"),
        check=isolation_groups.egress_listed,
    ),
    Control(
        number=7,
        id="default-group-empty",
        title="Default security group empty",
        severity=Severity.HIGH,
        reads=isolation_groups.DEFAULT_READS,
        why="Whatever names no group gets the network's own, whose members all reach each other and the world.",
        fix="declare an aws.ec2.DefaultSecurityGroup with the network's vpcId and no rules, and rules in other groups",
        references=("CKV2_AWS_12", "CIS AWS 5.5", "AWS Security Hub EC2.2"),
        check=isolation_groups.default_group_empty,
        stack_check=isolation_groups.default_groups_emptied,
        monotone=True,
    ),
    Control(
        number=10,
        id="no-public-addresses",
        title="No public IPs",
        severity=Severity.HIGH,
        reads=isolation_addresses.PUBLIC_READS,
        why="A public address is one mistake in a firewall away from the internet; what has none cannot be reached.",
        fix="leave it in a private subnet (false for the flag, no accessConfigs); serve through a load balancer",
        references=("CKV_AWS_130", "CKV_AWS_88", "CKV_AWS_333", "CKV_GCP_40", "AWS Security Hub EC2.9, EC2.15, ECS.2"),
        check=isolation_addresses.no_public_addresses,
    ),
)
