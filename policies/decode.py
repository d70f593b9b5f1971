"""From the engine's protobuf to plain data, once per resource.

The SDK's own decoder (`pulumi_policy.deserialize`) runs once per policy, hides unknowns behind proxies that abort the
policy, and forgets which values the program marked secret. The marks below are the engine's wire format
(sdk/go/common/resource/properties.go).
"""

from dataclasses import dataclass, field
from typing import Final

from google.protobuf import struct_pb2

from policies.model import UNKNOWN, Path, Plain, Properties

UNKNOWN_MARKS: Final = frozenset(
    (
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",  # string
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    )
)
SIGNATURE_KEY: Final = "4dabf18193072939515e22adb298388d"
CONFIDENTIAL_SIGNATURE: Final = "1b47061264138c4ac30d75fd1eb44270"
OUTPUT_SIGNATURE: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"


@dataclass
class Decoded:
    """A resource's properties as plain data, and the paths that the program marked secret."""

    properties: Properties = field(default_factory=dict)
    secrets: set[Path] = field(default_factory=set)


def decode(message: struct_pb2.Struct) -> Decoded:
    """The properties that `message` describes. Raises ValueError when a secret carries no value."""
    decoded = Decoded()
    decoded.properties = {name: _value(value, (name,), decoded.secrets) for name, value in message.fields.items()}
    return decoded


def told(text: str) -> Plain:
    """The text; UNKNOWN when a value that is not known yet is, or was formatted into, it: `f"{arn}:*"` in a preview."""
    return UNKNOWN if any(mark in text for mark in UNKNOWN_MARKS) else text


def _value(message: struct_pb2.Value, path: Path, secrets: set[Path]) -> Plain:
    match message.WhichOneof("kind"):
        case "string_value":
            return told(message.string_value)
        case "number_value":
            number = message.number_value
            return int(number) if number.is_integer() else number
        case "bool_value":
            return bool(message.bool_value)
        case "list_value":
            values = enumerate(message.list_value.values)
            return [_value(value, (*path, index), secrets) for index, value in values]
        case "struct_value":
            return _mapping(message.struct_value, path, secrets)
        case _:
            return None


def _mapping(message: struct_pb2.Struct, path: Path, secrets: set[Path]) -> Plain:
    fields = message.fields
    signature = fields[SIGNATURE_KEY].string_value if SIGNATURE_KEY in fields else ""
    if signature == CONFIDENTIAL_SIGNATURE:
        if "value" not in fields:
            raise ValueError("a secret without a value")
        secrets.add(path)
        return _value(fields["value"], path, secrets)
    if signature == OUTPUT_SIGNATURE:
        if "secret" in fields and fields["secret"].bool_value:
            secrets.add(path)
        return _value(fields["value"], path, secrets) if "value" in fields else UNKNOWN
    # Assets, archives and resource references stay what they are: mappings with a signature.
    return {name: _value(value, (*path, name), secrets) for name, value in fields.items()}
