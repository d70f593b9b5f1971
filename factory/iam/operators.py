"""Condition operators: which values a policy may give them, and when a request's value holds.

Rules: "IAM JSON policy elements: Condition operators". A request's value that is not of the operator's type does not
hold, and so its negation does.
"""

import base64
import binascii
import ipaddress
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from factory.iam.patterns import Lookup, Pattern, Symbol, compiled, match

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Value = Pattern | Decimal | datetime | bytes | bool | Network

ARN_PARTS = 6
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
# The forms of the W3C note that AWS names; more digits than a year's are seconds since 1970.
_DATE = re.compile(
    r"[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?:Z|[+-][0-9:]{5}))?)?)?"
)
_EPOCH = re.compile(r"-?[0-9]{5,}(?:\.[0-9]+)?")
_MONTH, _DAY = len("2026-01"), len("2026-01-01")
_CIDR = re.compile(r"[0-9A-Fa-f:.]+(?:/[0-9]{1,3})?")


@dataclass(frozen=True)
class Operator:
    """One operator without `IfExists` and set qualifier.

    `read` takes a value of the policy and whether variables are expanded, and raises ValueError for what it may not
    be; `holds` compares what `read` gave with one value of a request. `negated`: the condition holds when that does
    not. `allowed` says in words what `read` takes.
    """

    name: str
    negated: bool
    allowed: str
    read: Callable[[str, bool], Value]
    holds: Callable[[Any, str, Lookup], bool]


def _read_text(text: str, variables: bool) -> Pattern:
    return compiled(text, wildcards=False, variables=variables)


def _read_like(text: str, variables: bool) -> Pattern:
    return compiled(text, wildcards=True, variables=variables)


def _read_arn(text: str, variables: bool) -> Pattern:
    pattern = compiled(text, wildcards=True, variables=variables)
    # A variable may stand for several parts, or for a whole ARN.
    if "${" not in text and text.count(":") < ARN_PARTS - 1:
        raise ValueError("not an ARN")
    return pattern


def _read_switch(text: str, _variables: bool) -> bool:
    if text.lower() not in {"true", "false"}:
        raise ValueError("neither true nor false")
    return text.lower() == "true"


def _read_boolean(text: str, variables: bool) -> Pattern:
    if not (variables and "${" in text):
        _read_switch(text, variables)
    return compiled(text.lower() if "${" not in text else text, wildcards=False, variables=variables)


def _read_number(text: str, _variables: bool = False) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise ValueError("not a number")
    return Decimal(text)


def _read_date(text: str, _variables: bool = False) -> datetime:
    if _EPOCH.fullmatch(text):
        try:
            return datetime.fromtimestamp(float(text), UTC)
        except (OverflowError, OSError) as error:
            raise ValueError("no such date") from error
    if not _DATE.fullmatch(text):
        raise ValueError("not a date")
    if len(text) < _DAY:
        text += "-01" * (2 if len(text) < _MONTH else 1)
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _read_binary(text: str, _variables: bool = False) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


def _read_network(text: str, _variables: bool = False) -> Network:
    if not _CIDR.fullmatch(text):
        raise ValueError("not an address or range")
    return ipaddress.ip_network(text, strict=False)


def _same_text(pattern: Pattern, value: str, lookup: Lookup) -> bool:
    return pattern.matches(value, lookup)


def _same_text_any_case(pattern: Pattern, value: str, lookup: Lookup) -> bool:
    symbols = pattern.resolved(lookup)
    return symbols is not None and "".join(map(str, symbols)).lower() == value.lower()


def _same_arn(pattern: Pattern, value: str, lookup: Lookup) -> bool:
    """Part by part: a wildcard never reaches over a colon, except in the last part, which may contain some."""
    symbols, parts = pattern.resolved(lookup), value.split(":", ARN_PARTS - 1)
    patterns = _parts(symbols or ())
    return len(parts) == len(patterns) == ARN_PARTS and all(map(match, patterns, parts))


def _parts(symbols: tuple[Symbol, ...]) -> list[list[Symbol]]:
    parts: list[list[Symbol]] = [[]]
    for symbol in symbols:
        if symbol == ":" and len(parts) < ARN_PARTS:
            parts.append([])
        else:
            parts[-1].append(symbol)
    return parts


def _in_network(network: Network, value: str, _lookup: Lookup) -> bool:
    try:
        return ipaddress.ip_address(value) in network
    except ValueError:
        return False


def _compared(read: Callable[[str], Any], compare: Callable[[Any, Any], bool]) -> Callable[[Any, str, Lookup], bool]:
    """The request's value, read as the policy's was, on the left of `compare`."""

    def holds(wanted: Any, value: str, _lookup: Lookup) -> bool:
        try:
            return compare(read(value), wanted)
        except ValueError:
            return False

    return holds


def _never(_wanted: Any, _value: str, _lookup: Lookup) -> bool:
    return False


_ORDERED = {
    "Equals": (operator.eq, False),
    "NotEquals": (operator.eq, True),
    "LessThan": (operator.lt, False),
    "LessThanEquals": (operator.le, False),
    "GreaterThan": (operator.gt, False),
    "GreaterThanEquals": (operator.ge, False),
}
_TEXT = "a text, with ${variables} of the form ${key} or ${key, 'default'}"
_AN_ARN = "an ARN: six parts with colons between them, each with * and ?"
_A_DATE = "2026-01-31T12:00:00Z, a shorter ISO 8601 date, or seconds since 1970"
_A_RANGE = "an IPv4 or IPv6 address or range: 203.0.113.0/24"

# Looks only whether there is a value, so `conditions` answers it.
NULL = Operator("Null", False, "true or false", _read_switch, _never)
OPERATORS: dict[str, Operator] = {
    one.name: one
    for one in (
        Operator("StringEquals", False, _TEXT, _read_text, _same_text),
        Operator("StringNotEquals", True, _TEXT, _read_text, _same_text),
        Operator("StringEqualsIgnoreCase", False, _TEXT, _read_text, _same_text_any_case),
        Operator("StringNotEqualsIgnoreCase", True, _TEXT, _read_text, _same_text_any_case),
        Operator("StringLike", False, _TEXT, _read_like, _same_text),
        Operator("StringNotLike", True, _TEXT, _read_like, _same_text),
        *(
            Operator(f"Numeric{name}", negated, "a number", _read_number, _compared(_read_number, compare))
            for name, (compare, negated) in _ORDERED.items()
        ),
        *(
            Operator(f"Date{name}", negated, _A_DATE, _read_date, _compared(_read_date, compare))
            for name, (compare, negated) in _ORDERED.items()
        ),
        Operator("Bool", False, "true or false", _read_boolean, _same_text_any_case),
        Operator("BinaryEquals", False, "base64", _read_binary, _compared(_read_binary, operator.eq)),
        Operator("IpAddress", False, _A_RANGE, _read_network, _in_network),
        Operator("NotIpAddress", True, _A_RANGE, _read_network, _in_network),
        # AWS: the two behave identically.
        Operator("ArnEquals", False, _AN_ARN, _read_arn, _same_arn),
        Operator("ArnLike", False, _AN_ARN, _read_arn, _same_arn),
        Operator("ArnNotEquals", True, _AN_ARN, _read_arn, _same_arn),
        Operator("ArnNotLike", True, _AN_ARN, _read_arn, _same_arn),
        NULL,
    )
}
