"""Whether conditions keep anybody out: they are tried on requests of strangers, with the evaluator of `factory.iam`.

A list of vacuous forms (`"*"`, `...IfExists` on a key that nobody sends, `ForAllValues:` without values, a range of
0.0.0.0/0 in two halves, `StringNotEquals` of one account) has no end; what they let through is what counts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from factory.iam.clauses import read_conditions
from factory.iam.conditions import Context, hold
from factory.iam.documents import Effect, Statement
from factory.iam.faults import Faults
from policies.helpers.documents import Clause
from policies.model import UNKNOWN, Path, Plain
from policies.reading import each, has_unknown, members

STRANGER: Final = "666666666666"
# Addresses of networks that are assigned and not announced (US DoD): no allow-list of somebody's own holds one.
ADDRESSES: Final = ("11.83.40.9", "30.91.7.140", "55.60.201.33", "214.17.88.5", "2a0b:4340:c0de::9")
ORIGINS: Final = (
    f"arn:aws:sns:us-east-1:{STRANGER}:anything",
    f"arn:aws:lambda:eu-west-1:{STRANGER}:function:anything",
    "arn:aws:s3:::a-stranger-s-bucket",
)

# Keys that AWS puts into every request ("AWS global condition context keys").
ALWAYS: Final[Context] = {
    "aws:principalaccount": (STRANGER,),
    "aws:principalarn": (f"arn:aws:iam::{STRANGER}:role/anybody",),
    "aws:principaltype": ("AssumedRole",),
    "aws:userid": ("AROASTRANGER:anybody",),
    "aws:principalisawsservice": ("false",),
    "aws:viaawsservice": ("false",),
    "aws:securetransport": ("true",),
    "aws:requestedregion": ("us-east-1",),
    "aws:currenttime": ("2026-06-01T00:00:00Z",),
    "aws:epochtime": ("1780272000",),
    "kms:calleraccount": (STRANGER,),
}
# Keys that are there when whoever asks makes them so.
POSSIBLE: Final[Context] = {
    "aws:principalorgid": ("o-strangers00",),
    "aws:principalorgpaths": ("o-strangers00/r-0000/",),
    "aws:sourceaccount": (STRANGER,),
    "aws:sourceorgid": ("o-strangers00",),
    "aws:sourcevpc": ("vpc-06666666666666666",),
    "aws:sourcevpce": ("vpce-06666666666666666",),
    "aws:username": ("anybody",),
    "aws:multifactorauthpresent": ("true",),
    "aws:multifactorauthage": ("60",),
    "aws:referer": ("https://stranger.example/",),
    "aws:useragent": ("anything",),
    "sts:externalid": ("guessed",),
    "sts:rolesessionname": ("anybody",),
}


def strangers() -> Iterator[Context]:
    """Requests of somebody who has nothing to do with this factory."""
    for address in ADDRESSES:
        bare = {**ALWAYS, "aws:sourceip": (address,)}
        yield bare
        for origin in ORIGINS:
            yield {**bare, **POSSIBLE, "aws:sourcearn": (origin,)}
    # Through an endpoint of a network of their own, where AWS gives no source address.
    yield {**ALWAYS, **POSSIBLE}


STRANGERS: Final = tuple(strangers())


def open_to_strangers(clause: Clause, without: Mapping[str, str] | None = None) -> bool | None:
    """Whether the statement's conditions hold for somebody who has nothing to do with this factory.

    True as well when there are none, and when AWS would refuse them. None: that depends on what is not known yet.
    `without` are context keys (in lower case) with the value that is to be taken as right, whatever a stranger has:
    the question is then what the *other* conditions keep out.
    """
    blocks = [_known(word.value) for word in clause.conditions]
    statements = [statement for block, _ in blocks if (statement := _statement(block)) is not None]
    granted: Context = {key: (value,) for key, value in (without or {}).items()}
    if not any(all(hold(statement, {**request, **granted}) for statement in statements) for request in STRANGERS):
        return False
    # What is not known yet can only keep out more.
    return None if any(partly for _, partly in blocks) else True


@dataclass(frozen=True)
class Comparison:
    """One value that a condition compares a key with, and where it stands; `UNKNOWN` while it is not known."""

    path: Path
    operator: str
    value: Plain

    @property
    def positive(self) -> bool:
        """Whether the condition can only hold when the key is there and like the value.

        `...IfExists` and `ForAllValues:` also hold without the key, negated operators for everything else.
        """
        name = self.operator.removeprefix("ForAnyValue:")
        return name in ("StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike")


def compared(clause: Clause, key: str) -> Iterator[Comparison]:
    """What the statement's conditions compare `key` with; the case of a key does not matter."""
    for word in clause.conditions:
        for operator, block in word.value.items() if isinstance(word.value, dict) else ():
            for place, values in members(block, key, (*word.path, operator)):
                for path, value in each(values, place):
                    yield Comparison(path, operator, value)


def _known(block: Plain) -> tuple[Plain, bool]:
    """The part of a condition block that is known, and whether that is not all of it."""
    if not isinstance(block, dict):
        return (None, True) if block is UNKNOWN else (block, False)
    kept: dict[str, Plain] = {}
    for operator, keys in block.items():
        if isinstance(keys, dict):
            kept[operator] = {key: values for key, values in keys.items() if not has_unknown(values)}
        elif keys is not UNKNOWN:
            kept[operator] = keys
    return kept, has_unknown(block)


def _statement(block: Plain) -> Statement | None:
    """The block as a statement's conditions; None when it says nothing that could keep anybody out."""
    faults = Faults("condition")
    conditions = read_conditions(faults, "Condition", block)
    if faults.problems or not conditions:
        return None
    return Statement(
        place="Statement",
        sid="",
        effect=Effect.ALLOW,
        actions=(),
        not_actions=False,
        resources=None,
        not_resources=False,
        principals=None,
        not_principals=False,
        conditions=conditions,
    )
