"""What an app uses that stands outside of its factory: machines, and other people's APIs. Nothing here is built."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from factory.allowed import refuse
from factory.spec.names import Environment, PartName
from factory.spec.parts import EachOnce, Part, Whole, Word

SSH_PORT: Final = 22
# What the standard calls a token, RFC 9110 section 5.6.2.
HEADER: Final = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$"
Where = Annotated[list[Environment], EachOnce]


KEY_KINDS: Final = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa")


def _host_key(text: str) -> str:
    # Imported late: only an app with hosts needs it.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    try:
        readable = text.split(" ", 1)[0] in KEY_KINDS and bool(load_ssh_public_key(text.encode()))
    except (ValueError, UnsupportedAlgorithm):
        readable = False
    if not readable:
        refuse(
            "a public host key that can be read",
            allowed="a public key of OpenSSH such as ssh-ed25519 AAAA...",
            fix="take it from `ssh-keyscan`, without the name",
        )
    return text


HostKey = Annotated[Word, Field(max_length=2000), AfterValidator(_host_key)]


class HostSpec(Part):
    """One machine that is reached by SSH; it trusts the factory's authority for certificates of users."""

    address: str = Field(
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?$",
        description="Name or IP address by which the access plane reaches it.",
        json_schema_extra={"allowed": "a name or an IP address"},
    )
    port: Whole = Field(default=SSH_PORT, ge=1, le=65_535, description="Port of its SSH server.")
    user: str = Field(
        pattern=r"^[a-z_][a-z0-9_-]{0,31}$",
        description="Account there as which everybody who is let in works.",
        json_schema_extra={"allowed": "a user name such as deploy"},
    )
    host_keys: list[HostKey] = Field(
        min_length=1,
        max_length=8,
        description="Its public host keys, as in known_hosts (`ssh-ed25519 AAAA...`); any other machine is refused.",
    )
    environments: Where = Field(min_length=1, description="To which environments of the app it belongs.")


class ApiSpec(Part):
    """One HTTP API of others, called with a credential that no agent sees."""

    url: str = Field(
        max_length=500,
        pattern=r"^https://[^\s?#@]+$",
        description="Its base URL, over TLS; nothing outside of it is called.",
        json_schema_extra={"allowed": "a URL such as https://api.example.com/v1"},
    )
    secret: PartName = Field(description="The app's secret that holds the credential.")
    header: str = Field(
        default="Authorization",
        pattern=HEADER,
        description="Header in which it is sent.",
        json_schema_extra={"allowed": "a header such as Authorization"},
    )
    format: str = Field(
        default="Bearer {secret}",
        max_length=200,
        pattern=r"^[\x20-\x7e]*\{secret\}[\x20-\x7e]*$",
        description="What the header says; `{secret}` stands for the secret's value.",
        json_schema_extra={"allowed": "a text with {secret} in it"},
    )
    environments: Where = Field(
        default=list(Environment), min_length=1, description="In which environments of the app it may be called."
    )
