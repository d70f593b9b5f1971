"""The clauses of a statement that have a grammar of their own: principals and conditions."""

import re
from collections.abc import Mapping

from factory.iam.documents import Condition, Qualifier
from factory.iam.faults import Faults, joined, scalar
from factory.iam.operators import NULL, OPERATORS, Operator, Value
from factory.iam.principals import EVERYONE, FORMS, Principal, PrincipalKind, identity, is_service

IF_EXISTS = "IfExists"
_KEY = re.compile(r"[^\s:]+:.+")
_PRINCIPALS = ("AWS", "Service", "Federated")
_SERVICES = "the name of an AWS service: lambda.amazonaws.com"
_PROVIDERS = "the name or ARN of an identity provider: accounts.google.com, arn:aws:iam::ACCOUNT:saml-provider/NAME"


def read_principals(faults: Faults, place: str, value: object) -> tuple[Principal, ...]:
    """What stands under Principal or NotPrincipal."""
    if value == "*":
        return (EVERYONE,)
    allowed = '"*" or an object with AWS, Service, Federated'
    groups = faults.mapping(place, value, allowed)
    if not groups and isinstance(value, Mapping):
        faults.add(place, "names nobody", found=value, allowed=allowed)
    if "CanonicalUser" in groups:
        fix = "name the account's 12 digits under AWS"
        faults.add(joined(place, "CanonicalUser"), "canonical user ids are not covered", fix=fix)
    faults.known(place, (kind for kind in groups if kind != "CanonicalUser"), _PRINCIPALS)
    return tuple(
        one
        for kind in _PRINCIPALS
        if kind in groups
        for at, text in faults.texts(joined(place, kind), groups[kind], _allowed_of(kind))
        if (one := _principal(faults, at, kind, text)) is not None
    )


def read_conditions(faults: Faults, place: str, value: object) -> tuple[Condition, ...]:
    """What stands under Condition. Variables are expanded; a document of 2008 has none (`read_old_conditions`)."""
    return _conditions(faults, place, value, variables=True)


def read_old_conditions(faults: Faults, place: str, value: object) -> tuple[Condition, ...]:
    """The same in a document of version 2008-10-17, where `${` is text like any other."""
    return _conditions(faults, place, value, variables=False)


def _allowed_of(kind: str) -> str:
    return {"AWS": FORMS, "Service": _SERVICES}.get(kind, _PROVIDERS)


def _principal(faults: Faults, place: str, kind: str, text: str) -> Principal | None:
    found: Principal | None = None
    if kind == "AWS":
        found = identity(text)
    elif kind == "Service" and is_service(text):
        found = Principal(kind=PrincipalKind.SERVICE, name=text)
    elif kind == "Federated" and text and not any(wild in text for wild in "*?"):
        found = Principal(kind=PrincipalKind.FEDERATED, name=text)
    if found is None:
        faults.add(place, "names no principal", found=text, allowed=_allowed_of(kind))
    return found


def _conditions(faults: Faults, place: str, value: object, *, variables: bool) -> tuple[Condition, ...]:
    found: list[Condition] = []
    for written, block in faults.mapping(place, value).items():
        at = joined(place, written)
        known = _operator(written)
        if known is None:
            names = ", ".join(OPERATORS)
            allowed = f"{names}; with {IF_EXISTS} (but for Null), ForAllValues: and ForAnyValue: (but for Null)"
            faults.add(at, "unknown condition operator", found=written, allowed=allowed)
            continue
        seen: set[str] = set()
        for key, values in faults.mapping(at, block).items():
            here = joined(at, key)
            if not _KEY.fullmatch(key):
                faults.add(here, "no condition key", found=key, allowed="aws:SourceIp and the like")
            if key.lower() in seen:
                faults.add(here, "stands here twice: the case of a key does not matter", fix="keep one")
            seen.add(key.lower())
            qualifier, operator, if_exists = known
            read = _values(faults, here, operator, values, variables=variables)
            one = Condition(
                operator=operator, qualifier=qualifier, if_exists=if_exists, key=key.lower(), values=tuple(read)
            )
            found.append(one)
    return tuple(found)


def _operator(written: str) -> tuple[Qualifier, Operator, bool] | None:
    """`ForAnyValue:StringLikeIfExists` in its parts; None when there is no such operator."""
    qualifier = next((one for one in Qualifier if one and written.startswith(one)), Qualifier.NONE)
    name = written.removeprefix(qualifier)
    if_exists = name.endswith(IF_EXISTS)
    operator = OPERATORS.get(name.removesuffix(IF_EXISTS))
    if operator is None or (operator is NULL and (if_exists or qualifier)):
        return None
    return qualifier, operator, if_exists


def _values(faults: Faults, place: str, operator: Operator, values: object, *, variables: bool) -> list[Value]:
    found: list[Value] = []
    for at, item in faults.items(place, values, operator.allowed):
        text = scalar(item)
        if text is None:
            faults.add(at, "no value of a condition", found=item, allowed=operator.allowed)
            continue
        try:
            found.append(operator.read(text, variables))
        except ValueError as error:
            faults.add(at, f"not a value for {operator.name}: {error}", found=item, allowed=operator.allowed)
    return found
