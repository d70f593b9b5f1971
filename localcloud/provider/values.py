"""Property values as the engine sends them: plain JSON, unknowns and secrets, to and from protobuf.

The signatures are Pulumi's wire constants (pulumi/sdk/go/common/resource/plugin/rpc.go).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf import struct_pb2

from localcloud.provider.assets import SIGNED_ARCHIVE, SIGNED_ASSET, Asset, asset_from

Json = Any
SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SIGNED_HIDDEN: Final = "1b47061264138c4ac30d75fd1eb44270"
SIGNED_OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
SIGNED_RESOURCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
UNKNOWN_SENTINELS: Final = frozenset(
    {
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)
# A shorter secret would match by accident and hide harmless outputs.
SHORTEST_TRACED_SECRET: Final = 6


class Unknown:
    """A value that is not known before the update runs. There is one: `UNKNOWN`."""

    def __repr__(self) -> str:
        return "unknown"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that must stay encrypted in the state. Never printed."""

    value: Json

    def __repr__(self) -> str:
        return "secret"


def decode(struct: struct_pb2.Struct) -> dict[str, Json]:
    """A property map from the wire; null properties are dropped, whole numbers become int."""
    return {key: _decode(value) for key, value in struct.fields.items() if value.WhichOneof("kind") != "null_value"}


def _decode(value: struct_pb2.Value) -> Json:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return UNKNOWN if value.string_value in UNKNOWN_SENTINELS else value.string_value
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [_decode(item) for item in value.list_value.values]
    if kind == "struct_value":
        return _decode_struct(value.struct_value)
    return None


def _decode_struct(struct: struct_pb2.Struct) -> Json:
    if SIGNATURE not in struct.fields:
        return decode(struct)
    signature = struct.fields[SIGNATURE].string_value
    if signature == SIGNED_HIDDEN:
        return Secret(_decode(struct.fields["value"]))
    if signature == SIGNED_OUTPUT:
        inner = _decode(struct.fields["value"]) if "value" in struct.fields else UNKNOWN
        return Secret(inner) if struct.fields["secret"].bool_value else inner
    if signature in {SIGNED_ASSET, SIGNED_ARCHIVE}:
        return asset_from(
            signature, {name: _decode(field) for name, field in struct.fields.items() if name != SIGNATURE}
        )
    if signature == SIGNED_RESOURCE:
        return _decode(struct.fields["id"]) if "id" in struct.fields else struct.fields["urn"].string_value
    return decode(struct)


def revive(value: Json) -> Json:
    """Data that was JSON text, with the wire's marks in it turned into secrets and unknowns."""
    if isinstance(value, str):
        return UNKNOWN if value in UNKNOWN_SENTINELS else value
    if isinstance(value, list):
        return [revive(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    if value.get(SIGNATURE) == SIGNED_HIDDEN:
        return Secret(revive(value.get("value")))
    return {key: revive(item) for key, item in value.items()}


def encode(values: Mapping[str, Json]) -> struct_pb2.Struct:
    """A property map for the wire. Absent and None are the same."""
    struct = struct_pb2.Struct()
    for key, value in values.items():
        if value is not None:
            _encode(value, struct.fields[key])
    return struct


def _marked(value: Json) -> Json:
    """What has no form of its own on the wire, as what stands for it."""
    if isinstance(value, Unknown):
        return next(iter(sorted(UNKNOWN_SENTINELS)))
    if isinstance(value, Secret):
        return {SIGNATURE: SIGNED_HIDDEN, "value": value.value}
    if isinstance(value, Asset):
        return {SIGNATURE: value.signature, **value.wire}
    return value


def _encode(value: Json, target: struct_pb2.Value) -> None:
    value = _marked(value)
    if isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, int | float):
        target.number_value = value
    elif isinstance(value, Mapping):
        target.struct_value.CopyFrom(encode(value))
    elif isinstance(value, list | tuple):
        target.list_value.SetInParent()
        for item in value:
            _encode(item, target.list_value.values.add())
    elif value is None:
        target.null_value = struct_pb2.NULL_VALUE
    else:
        raise TypeError(f"not a property value: {type(value).__name__}")


def rebuild(value: Json, leaf: Callable[[Json], Json]) -> Json:
    """The same structure with `leaf` applied to everything that is neither list nor map (secrets are leaves)."""
    if isinstance(value, Mapping):
        return {key: rebuild(item, leaf) for key, item in value.items()}
    if isinstance(value, list):
        return [rebuild(item, leaf) for item in value]
    return leaf(value)


def plain(value: Json) -> Json:
    """The value without secret marks, at any depth."""
    return rebuild(value, lambda leaf: plain(leaf.value) if isinstance(leaf, Secret) else leaf)


def leaves(value: Json) -> Iterator[Json]:
    """Every scalar, unknown and secret in a value (a secret is one leaf)."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    else:
        yield value


def has_unknown(value: Json) -> bool:
    """Whether any part, also inside secrets, is unknown."""
    return any(
        isinstance(leaf, Unknown) or (isinstance(leaf, Secret) and has_unknown(leaf.value)) for leaf in leaves(value)
    )


def has_secret(value: Json) -> bool:
    """Whether any part is secret."""
    return any(isinstance(leaf, Secret) for leaf in leaves(value))


def secret_texts(value: Json) -> frozenset[str]:
    """The texts inside secrets that are long enough to be recognised elsewhere."""
    inside = (leaf.value for leaf in leaves(value) if isinstance(leaf, Secret))
    return frozenset(
        text
        for inner in inside
        for text in leaves(plain(inner))
        if isinstance(text, str) and len(text) >= SHORTEST_TRACED_SECRET
    )


def hide(value: Json, texts: frozenset[str]) -> Json:
    """The value with every leaf that contains one of `texts` made secret."""
    if not texts:
        return value

    def leaf(item: Json) -> Json:
        return Secret(item) if isinstance(item, str) and any(text in item for text in texts) else item

    return rebuild(value, leaf)
