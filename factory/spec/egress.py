"""The hosts that an agent's commands may reach: how one is written in app.yaml, and what it lets through."""

import re
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from factory.allowed import refuse

HTTPS: Final = 443
ALLOWED: Final = "a host such as api.example.com, *.example.org or api.example.com:8443"
RULE: Final = (
    "a host is a public name in lower case, with a port where that is not 443, such as api.example.com:8443;"
    " `*` stands for the whole first part only, before two others at least"
)
LABEL: Final = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
# A last part that begins with a digit would be read as an address (`127.1`, `0x7f.1`).
NAME: Final = re.compile(rf"(?=.{{1,253}}\Z){LABEL}(\.{LABEL})*\.(?=[a-z]){LABEL}")
PORT: Final = re.compile(r"[1-9][0-9]{0,4}")
MOST_PORT: Final = 65_535
# Names that no public name server answers for: RFC 6761, RFC 6762 (appendix G), RFC 7686, RFC 8375, RFC 9476, and
# ICANN's `internal`. Cloud metadata is found at one of them (metadata.google.internal, instance-data.ec2.internal).
INTERNAL: Final = frozenset(
    {
        *("alt", "arpa", "corp", "example", "home", "internal", "intranet", "invalid", "lan", "local"),
        *("localdomain", "localhost", "onion", "private", "test"),
    }
)


@dataclass(frozen=True)
class EgressRule:
    """One entry: a host, or with a leading `*.` every host of one part more; and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def allows(self, host: str, port: int) -> bool:
        """Whether it lets through to `host` (lower case, no final dot) at `port`."""
        _, _, above = host.partition(".")
        return port == self.port and self.host in (host, f"*.{above}")


def egress_rule(text: str) -> EgressRule:
    """The entry as it is written in app.yaml, which has been checked."""
    host, _, port = text.partition(":")
    return EgressRule(host, int(port or HTTPS))


def host_name(text: str) -> bool:
    """Whether it is a name of two parts at least that can be no address, in lower case and without a final dot."""
    return NAME.fullmatch(text) is not None


def port_number(text: str) -> int | None:
    """A port in plain digits; None for anything else."""
    number = int(text) if PORT.fullmatch(text) else 0
    return number if 0 < number <= MOST_PORT else None


def _a_host(value: str) -> str:
    host, colon, port = value.partition(":")
    name = host.removeprefix("*.")
    if not host_name(name) or (colon and port_number(port) is None) or (name != host and name.count(".") < 1):
        fix = f"write {value.lower()}" if value != value.lower() else "write its full public name"
        refuse(RULE, allowed=ALLOWED, fix=fix)
    if name.rpartition(".")[2] in INTERNAL:
        refuse("an internal name, which agents never reach", allowed=ALLOWED, fix="take it off the list")
    if colon and port == str(HTTPS):
        # Else one host could stand there twice.
        refuse("443 is the port of every host that names none", allowed=ALLOWED, fix=f"write {host}")
    return value


EgressHost = Annotated[str, AfterValidator(_a_host), Field(json_schema_extra={"allowed": ALLOWED})]
