"""What one resource type is: a declarative record. Adding a type to the local AWS means writing one of these.

The generic code in `localcloud.provider` does everything else: checks, defaults, names, diffs, previews, drift,
secrets, tags. A record's functions only talk to the cloud, through boto3, in the terms of that service.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from botocore.exceptions import ClientError

Json = Any
View = dict[str, Json]


class Kind(Enum):
    """The shape of a property's value."""

    TEXT = "a string"
    INTEGER = "a whole number"
    NUMBER = "a number"
    FLAG = "a boolean"
    LIST = "a list"
    SET = "a list (order has no meaning)"
    MAP = "a map of strings"
    OBJECT = "an object"
    JSON = "a JSON document"
    ASSET = "an asset or an archive"


@dataclass(frozen=True, kw_only=True)
class Prop:
    """One input property.

    `cloud_decides`: the cloud chooses when it is not declared; dropping it later is no change.
    `if_declared`: the cloud's value matters only when it is declared (other resources may manage it as well).
    `no_effect`: why the local cloud keeps the value but does nothing with it.
    `unread`: it has its effect (on a name, on deletion), but the cloud does not tell it back.
    `same_as`: brings a declared value and the cloud's value to one comparable form.
    """

    kind: Kind
    required: bool = False
    replaces: bool = False
    default: Json = None
    one_of: tuple[str, ...] = ()
    cloud_decides: bool = False
    if_declared: bool = False
    no_effect: str = ""
    unread: bool = False
    secret: bool = False
    items: "Prop | None" = None
    fields: "Mapping[str, Prop] | None" = None
    same_as: Callable[[Json], Json] | None = None

    @property
    def told(self) -> bool:
        """Whether reading the cloud tells this property's value."""
        return not (self.no_effect or self.unread)


@dataclass(frozen=True, kw_only=True)
class Name:
    """How a physical name is made when the program gives none: logical name, dash, seven random hex digits.

    `limit` is the service's longest name; `allowed` the characters it takes (others become dashes); `exact`: it is the
    logical name as it stands.
    """

    limit: int
    prop: str = "name"
    prefix_prop: str = "namePrefix"
    allowed: str = r"A-Za-z0-9_.\-"
    lower: bool = False
    lead: str = ""
    exact: bool = False


@dataclass(frozen=True, kw_only=True)
class Call:
    """One operation on one resource: who asks, what is declared (without secret marks), what was before."""

    aws: Callable[[str], Any]
    account: str
    region: str
    inputs: Mapping[str, Json]
    old: Mapping[str, Json] = field(default_factory=dict)
    state: Mapping[str, Json] = field(default_factory=dict)
    id: str = ""

    def changed(self, *properties: str) -> bool:
        """Whether any of `properties` is declared differently than before (on create: is declared)."""
        return any(self.inputs.get(name) != self.old.get(name) for name in properties)

    def given(self, **arguments: Json) -> dict[str, Json]:
        """The arguments that are not None: boto3 refuses None, absent means the service's default."""
        return {name: value for name, value in arguments.items() if value is not None}

    @property
    def tags(self) -> dict[str, str]:
        """All tags the resource must carry: its own and the provider's default tags."""
        return dict(self.inputs.get("tagsAll") or {})

    @property
    def tag_list(self) -> list[dict[str, str]]:
        """The tags as most services take them."""
        return tags_to(self.tags)

    def tag_change(self) -> tuple[dict[str, str], list[str]]:
        """Tags to set and tag keys to remove, for an update."""
        before = dict(self.old.get("tagsAll") or {})
        after = self.tags
        return {k: v for k, v in after.items() if before.get(k) != v}, [k for k in before if k not in after]


def nothing(call: Call) -> None:
    """For records without this step."""
    del call


def no_problem(inputs: Mapping[str, Json]) -> list[tuple[str, str]]:
    """For records whose properties do not depend on each other."""
    del inputs
    return []


@dataclass(frozen=True, kw_only=True)
class Record:
    """One resource type of the AWS SDK.

    `create` makes the thing and returns its id; `settle` runs after it (the thing is removed again when it fails);
    `read` returns everything the cloud knows, by SDK property name, or None when it is gone; `update` brings a
    changed declaration about (what it returns is not used); `delete` removes. `undo` removes what was made and nobody
    has used, where `delete` would leave something behind. `gone` lists error codes that mean "does not exist".
    `unique`: properties that two things cannot share, so a replacement must delete first when they stay the same.
    `refused`: SDK properties the local cloud does not take, each with what to do instead.
    `told_once`: outputs that only `create` knows (it returns them, by name, beside the id).
    `secret_outputs`: outputs that must stay encrypted in the state.
    `recomputed`: outputs that an update may change.
    """

    type: str
    service: str
    properties: Mapping[str, Prop]
    create: "Callable[[Call], str | tuple[str, dict[str, Json]]]"
    read: Callable[[Call], View | None]
    delete: Callable[[Call], None]
    update: Callable[[Call], object] = nothing
    settle: Callable[[Call], None] = nothing
    undo: Callable[[Call], None] | None = None
    outputs: tuple[str, ...] = ("arn",)
    recomputed: tuple[str, ...] = ()
    told_once: tuple[str, ...] = ()
    secret_outputs: tuple[str, ...] = ()
    name: Name | None = None
    unique: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    check: Callable[[Mapping[str, Json]], list[tuple[str, str]]] = no_problem

    @property
    def tagged(self) -> bool:
        """Whether the resource takes tags, so that the provider's default tags apply."""
        return "tags" in self.properties

    @property
    def regional(self) -> bool:
        """Whether the resource lives in a region (IAM does not)."""
        return "region" in self.properties

    def is_gone(self, error: ClientError) -> bool:
        """Whether the cloud's refusal means that the resource does not exist."""
        return error.response.get("Error", {}).get("Code", "") in self.gone


def refusal(code: str, message: str, operation: str) -> ClientError:
    """What a service would answer where moto does not refuse: raised by records, told as any other answer."""
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


def text(**options: Any) -> Prop:
    """A string property."""
    return Prop(kind=Kind.TEXT, **options)


def integer(**options: Any) -> Prop:
    """A whole-number property."""
    return Prop(kind=Kind.INTEGER, **options)


def flag(**options: Any) -> Prop:
    """A boolean property."""
    return Prop(kind=Kind.FLAG, **options)


def document(**options: Any) -> Prop:
    """A JSON document, given as text or as an object; compared by meaning."""
    return Prop(kind=Kind.JSON, **options)


def texts(**options: Any) -> Prop:
    """A list of strings whose order has no meaning."""
    return Prop(kind=Kind.SET, items=text(), **options)


def set_of(fields: Mapping[str, Prop], **options: Any) -> Prop:
    """A list of objects whose order has no meaning."""
    return Prop(kind=Kind.SET, items=Prop(kind=Kind.OBJECT, fields=fields), **options)


def list_of(fields: Mapping[str, Prop], **options: Any) -> Prop:
    """A list of objects."""
    return Prop(kind=Kind.LIST, items=Prop(kind=Kind.OBJECT, fields=fields), **options)


def one(fields: Mapping[str, Prop], **options: Any) -> Prop:
    """An object."""
    return Prop(kind=Kind.OBJECT, fields=fields, **options)


REGION: Mapping[str, Prop] = {"region": text(replaces=True, cloud_decides=True)}
TAGS: Mapping[str, Prop] = {"tags": Prop(kind=Kind.MAP)}


def tags_to(tags: Mapping[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """A service's list of tags from a tag map."""
    return [{key: name, value: each} for name, each in tags.items()]


def tags_from(entries: list[dict[str, str]] | None, key: str = "Key", value: str = "Value") -> dict[str, str]:
    """A tag map from a service's list of tags, without the cloud's own."""
    return {entry[key]: entry[value] for entry in entries or () if not entry[key].startswith("aws:")}
