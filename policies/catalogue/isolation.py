"""Isolation: who can reach what over the network."""

from typing import Final

from policies.checks import isolation
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
)
