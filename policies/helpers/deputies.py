"""Services that act for others: for whom, a policy must say, or they act for anybody (the confused deputy)."""

import re
from collections.abc import Iterator
from typing import Final

from policies.helpers.conditions import Comparison, compared
from policies.helpers.documents import Clause
from policies.helpers.statements import is_open
from policies.model import Plain
from policies.settings import PolicySettings

_ACCOUNT_IN_ARN: Final = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9*-]*:(?P<account>\d{12}):.+")
# Source: IAM User Guide, "The confused deputy problem": the four keys by which a service says for whom it acts.
_SOURCE_KEYS: Final = ("aws:SourceAccount", "aws:SourceArn", "aws:SourceOrgID", "aws:SourceOrgPaths")


def sources(clause: Clause) -> Iterator[Comparison]:
    """What the conditions compare those keys with."""
    for key in _SOURCE_KEYS:
        yield from compared(clause, key)


def source_fault(comparison: Comparison, settings: PolicySettings) -> str:
    """What keeps a condition on one of those keys from holding for accounts that are known; "" when nothing does."""
    key = next(part for part in reversed(comparison.path) if isinstance(part, str)).lower()
    value = comparison.value
    if not comparison.positive:
        return "also holds for a source that it does not name"
    if key == "aws:sourceaccount":
        return account_fault(value, settings)
    if key == "aws:sourcearn":
        return arn_fault(value, settings)
    # Paths may go on: which organisation it is stands first.
    organisation = value.partition("/")[0] if isinstance(value, str) else value
    return "names no organisation" if is_open(organisation) else ""


def account_fault(value: Plain, settings: PolicySettings) -> str:
    """What is wrong with the account that a service may act for."""
    if is_open(value) or not isinstance(value, str):
        return "names no single account"
    return "" if settings.may_be_source(value) else "names an account that policies.yaml does not list"


def arn_fault(value: Plain, settings: PolicySettings) -> str:
    """What is wrong with the ARN of what a service may act for; some, such as a bucket's, name no account."""
    if isinstance(value, str) and (found := _ACCOUNT_IN_ARN.fullmatch(value.strip())):
        return account_fault(found["account"], settings)
    return "leaves open of which account the source is" if is_open(value) else ""
