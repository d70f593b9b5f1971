"""The policy set that decides: parsed, validated and named by its fingerprint; and one answer of it.

Nothing is allowed by a set that does not parse or validate, nor by an answer with any error: where evaluating a forbid
fails, Cedar leaves it out, and what remains may permit.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any, Final

import cedarpy

from access.postgres.kinds import StatementKind
from factory.errors import MillwrightError

# The classes of SQL statements: the schema's actions `sql:<kind>`.
STATEMENT_KINDS: Final = tuple(kind.value for kind in StatementKind)
# Parsed sets that are kept: some hundred kilobytes each, one for each app and version of its rules.
KEPT: Final = 64
Request = Mapping[str, Any]


class BrokenPolicies(MillwrightError):
    """A policy set that does not parse or validate: it decides nothing. `version` names it."""

    def __init__(self, message: str, policies: str) -> None:
        super().__init__(message, hint="app.yaml's `access:` or the base policies are not what this version reads")
        self.version = version_of(policies)


@dataclass(frozen=True)
class Policies:
    """A policy set that parsed and validated. `notes` are the annotations of each policy, by id."""

    version: str
    parsed: cedarpy.PolicySet
    notes: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Answer:
    """What Cedar decided on one question. `policies`: the ids of those that determined it."""

    allowed: bool
    policies: tuple[str, ...]
    errors: tuple[str, ...]


@lru_cache(maxsize=1)
def schema_text() -> str:
    """The schema, as it stands in its file."""
    return _file("schema.cedarschema")


@lru_cache(maxsize=1)
def base_text() -> str:
    """The base policies, as they stand in their file."""
    return _file("base.cedar")


def version_of(policies: str) -> str:
    """What names a policy set together with the schema."""
    return "sha256:" + hashlib.sha256(f"{schema_text()}\0{policies}".encode("utf-8", "backslashreplace")).hexdigest()


@lru_cache(maxsize=KEPT)
def policies_from(text: str) -> Policies:
    """Parse and validate a whole policy set. Raises BrokenPolicies, with everything that is wrong."""
    try:
        parsed = cedarpy.PolicySet.from_str(text)
        notes = _notes(text)
    except ValueError as error:
        raise BrokenPolicies(f"the access policies do not parse: {error}", text) from None
    judged = cedarpy.validate_policies(text, _schema())
    if not judged.validation_passed:
        told = "; ".join(dict.fromkeys(error.error for error in judged.errors)) or "no reason told"
        raise BrokenPolicies(f"the access policies do not fit the schema: {told}", text)
    if len(notes) != len(parsed):
        raise BrokenPolicies("the access policies do not each have an id of their own", text)
    return Policies(version_of(text), parsed, notes)


def answers(policies: Policies, requests: Sequence[Request], entities: str) -> list[Answer]:
    """What Cedar decides on each of some questions about the same entities (Cedar's JSON)."""
    try:
        given = cedarpy.is_authorized_batch([dict(each) for each in requests], policies.parsed, entities, _schema())
    except ValueError as error:
        return [Answer(allowed=False, policies=(), errors=(str(error),)) for _ in requests]
    return [_answer(each) for each in given]


def _answer(given: cedarpy.AuthzResult) -> Answer:
    told = given.diagnostics
    named = told.id_annotations_by_reason
    policies = tuple(sorted(named.get(reason, reason) for reason in told.reasons))
    return Answer(
        allowed=given.decision is cedarpy.Decision.Allow and not told.errors and bool(policies),
        policies=policies,
        errors=tuple(told.errors),
    )


def _notes(text: str) -> dict[str, dict[str, str]]:
    whole = json.loads(cedarpy.policies_to_json_str(text))
    found = [policy.get("annotations", {}) for policy in whole["staticPolicies"].values()]
    # Templates would decide nothing, and be counted by nobody.
    if whole["templates"]:
        raise ValueError("templates are not used here")
    return {each["id"]: each for each in found if each.get("id")}


@lru_cache(maxsize=1)
def _schema() -> cedarpy.Schema:
    return cedarpy.Schema.from_str(schema_text())


def _file(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
