"""Statements of policy documents: which findings on one stand, and whether its conditions demand something."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from factory.iam.patterns import meet, symbols_of
from policies.helpers.conditions import Comparison
from policies.helpers.documents import Clause, Document, Word, read
from policies.model import UNKNOWN, Fail, Finding, Path, Plain, Unknown
from policies.reading import each
from policies.resources import Resource

TRUST: Final = "assumeRolePolicy"


def trust_of(resource: Resource) -> Document:
    """Who may take a role; empty for what is only read, and for what is no role."""
    clauses: list[Clause] = []
    findings: list[Finding] = []
    for path, value in each(resource.properties.get(TRUST), (TRUST,)):
        document = read(value, path)
        clauses += document.clauses
        findings += document.findings
    return Document(tuple(clauses), tuple(findings))


def standing(clause: Clause, words: Sequence[Word], findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings on a statement that may allow something, given what of it is about that.

    They are undecided while it is not known whether it allows, or whether it is about that at all.
    """
    found = tuple(findings)
    if not found or clause.allows is False:
        return
    if clause.allows is None:
        yield Unknown((*clause.path, "Effect"))
    elif words and all(word.unknown for word in words):
        yield from (Unknown(word.path) for word in words)
    else:
        yield from found


def demanded(
    clause: Clause, comparisons: Iterable[Comparison], fault: Callable[[Comparison], str], missing: str
) -> list[Finding]:
    """Nothing when the conditions hold only for values without fault; else the reason.

    A key under an operator holds by any of its values, so each must be without fault; all keys must hold, so one
    such key suffices. `fault` is never asked about what is not known.
    """
    by_key: dict[Path, list[Comparison]] = {}
    for comparison in comparisons:
        by_key.setdefault(_key(comparison.path), []).append(comparison)
    failed: list[Finding] = []
    open_ends: list[Finding] = [Unknown(path) for path in _hidden(clause)]
    for compared in by_key.values():
        known = [one for one in compared if one.value is not UNKNOWN]
        faults: list[Finding] = [Fail(one.path, reason) for one in known if (reason := fault(one))]
        if not faults and len(known) == len(compared):
            return []
        failed += faults
        if not faults:
            open_ends += [Unknown(one.path) for one in compared if one.value is UNKNOWN]
    return open_ends or failed or [Fail((*clause.path, "Condition"), missing)]


def _key(path: Path) -> Path:
    """Where the key stands whose value, or one of whose values, stands at `path`."""
    return path[:-1] if path and isinstance(path[-1], int) else path


def may_stand_for(text: str, pattern: str) -> bool:
    """Whether some text is matched by both; `*` and `?` are wildcards in both, and policy variables are open."""
    opened = text.split("${", maxsplit=1)[0] + "*" if "${" in text else text
    return meet(symbols_of(opened), symbols_of(pattern))


def is_open(value: Plain) -> bool:
    """Whether a text leaves something open: wildcards or variables. What is no text does too."""
    return not isinstance(value, str) or not value.strip() or any(mark in value for mark in ("*", "?", "${"))


def _hidden(clause: Clause) -> Iterator[Path]:
    """The parts of the conditions of which not even the keys are known."""
    for word in clause.conditions:
        if word.unknown:
            yield word.path
        elif isinstance(word.value, dict):
            yield from ((*word.path, operator) for operator, keys in word.value.items() if keys is UNKNOWN)
