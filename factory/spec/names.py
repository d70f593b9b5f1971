"""The grammar of names and networks in app.yaml, and the words that are the same for every app."""

import ipaddress
import re
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from factory.allowed import refuse

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
# Names become parts of cloud names (IAM 64, load balancer 32 characters): `<app>-production-<hash>` must fit.
APP_NAME_LENGTH = 16
PART_NAME_LENGTH = 24
# Every environment's network is a quarter of the app's range, so that two of them never overlap.
NETWORK_PREFIX = (16, 20)
# What a VPC may have: https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html
VPC_PREFIX = (16, 28)
# RFC 1918; Python's `is_private` also holds loopback, link-local and reserved ranges, which no VPC may have.
PRIVATE_NETWORKS = tuple(ipaddress.IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
# First parts that services keep for themselves: ELB `internal-`, EC2 `sg-`, S3 `sthree-` and `amzn-`.
KEPT_PREFIXES = frozenset({"internal", "sg", "sthree", "amzn"})
# The image repository of the agents' runner stands beside the apps'; `platform` is the stack that all apps share.
KEPT_NAMES = frozenset({"agent-runner", "platform"})


class Environment(StrEnum):
    """Where an app's factory stands: agents work in build; staging and production serve releases."""

    BUILD = "build"
    STAGING = "staging"
    PRODUCTION = "production"


class Function(StrEnum):
    """What an agent is there for."""

    PLANNER = "planner"
    CODER = "coder"
    TESTER = "tester"
    SECURITY_REVIEWER = "security-reviewer"
    CODE_REVIEWER = "code-reviewer"


def _a_name(length: int) -> AfterValidator:
    rule = f"a name is 1 to {length} lower-case letters, digits and single hyphens, a letter first"

    def check(value: str) -> str:
        if not _NAME.fullmatch(value) or len(value) > length:
            guess = re.sub(r"[^a-z0-9]+", "-", value.lower()).strip("-")
            good = _NAME.fullmatch(guess) and len(guess) <= length
            refuse(rule, allowed="a name such as web-team", fix=f"write {guess}" if good else "give it another name")
        return value

    return AfterValidator(check)


def _no_other_meaning(value: str) -> str:
    first, *others = value.split("-")
    told: dict[str, str] = {"allowed": "a name such as links", "fix": "give the app, and its folder, another name"}
    if len(value) == 1:
        refuse("two characters at least: the app's image repository has this name", **told)
    if first in KEPT_PREFIXES or value in KEPT_NAMES:
        refuse(
            "not a name kept for other things: `agent-runner`, `platform`, or one that begins with amzn, internal, sg"
            " or sthree",
            **told,
        )
    if not set(others).isdisjoint(Environment):
        # `a` with the service `build-x` in staging, and `a-staging` with `x` in build, would share names.
        refuse("only its first part may be the name of an environment", **told)
    return value


def _a_network(prefixes: tuple[int, int]) -> AfterValidator:
    return AfterValidator(lambda value: _checked_network(value, *prefixes))


def _checked_network(value: str, shortest: int, longest: int) -> str:
    told: dict[str, str] = {
        "allowed": f"a range of /{shortest} to /{longest} in " + ", ".join(str(known) for known in PRIVATE_NETWORKS),
        "fix": "write one such as 10.20.0.0/16",
    }
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError as error:
        refuse(f"not an IPv4 network: {error}", **told)
    private = any(network.subnet_of(known) for known in PRIVATE_NETWORKS)
    if not private or not shortest <= network.prefixlen <= longest:
        refuse(f"must be a private range of /{shortest} to /{longest}, such as 10.20.0.0/16", **told)
    return value


def _no_fraction(value: object) -> object:
    if isinstance(value, float):
        refuse("must be a whole number", allowed="256, 512, 1024, 2048, 4096", fix="write it without a point")
    return value


AppName = Annotated[
    str,
    _a_name(APP_NAME_LENGTH),
    AfterValidator(_no_other_meaning),
    Field(json_schema_extra={"allowed": "a name such as links"}),
]
PartName = Annotated[str, _a_name(PART_NAME_LENGTH), Field(json_schema_extra={"allowed": "a name such as web-team"})]
Cidr = Annotated[
    str, _a_network(NETWORK_PREFIX), Field(json_schema_extra={"allowed": "a private range such as 10.20.0.0/16"})
]
VpcCidr = Annotated[
    str, _a_network(VPC_PREFIX), Field(json_schema_extra={"allowed": "a private range such as 10.20.0.0/16"})
]
VpcId = Annotated[
    str, Field(pattern=r"^vpc-[0-9a-f]{8,17}$", json_schema_extra={"allowed": "an id such as vpc-0a1b2c3d4e5f60718"})
]
SubnetId = Annotated[
    str,
    Field(pattern=r"^subnet-[0-9a-f]{8,17}$", json_schema_extra={"allowed": "an id such as subnet-0a1b2c3d4e5f60718"}),
]
Cpu = Annotated[Literal[256, 512, 1024, 2048, 4096], BeforeValidator(_no_fraction)]
