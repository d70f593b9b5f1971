"""Rules of a factory's own: each a Python file that policies.yaml names, with one rule and the cases it is held to.

A file that cannot be run, or whose rule is none, stops every operation: nothing goes on without a verdict.
"""

import ast
import re
import runpy
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from factory.document import load_document
from factory.errors import InputError, Problem
from factory.located import problem_at
from policies.model import OWN_FROM, Control, Levels, Severity
from policies.settings import PolicySettings
from policies.table import CONTROLS
from policies.testing.case import Case

RULE: Final = "CONTROL"
CASES: Final = "CASES"
HINT: Final = "see docs/how-to/write-a-policy.md; `millwright policy test` runs a rule with its cases"
_ID: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_TOKEN: Final = re.compile(r"[\w.-]+:([\w./-]*\*|[\w./-]+:[\w./-]+)")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _are_texts(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(each, str) for each in value)


_MUST: Final[dict[str, tuple[Callable[[Any], bool], str]]] = {
    "number": (
        lambda it: type(it) is int and it >= OWN_FROM,
        f"a whole number from {OWN_FROM} on: the pack's are below",
    ),
    "id": (lambda it: isinstance(it, str) and bool(_ID.fullmatch(it)), "lower-case words with dashes between them"),
    "title": (_is_text, "a text"),
    "why": (_is_text, "a text"),
    "fix": (lambda it: _is_text(it) and not it.endswith("."), "a text without a full stop at its end"),
    "severity": (lambda it: isinstance(it, Severity), "a policies.Severity"),
    "enforcement": (lambda it: isinstance(it, Levels), "a policies.Levels"),
    "references": (_are_texts, "a tuple of texts"),
    "reads": (lambda it: isinstance(it, Mapping) and bool(it), "a mapping of type tokens to names of properties"),
    "check": (lambda it: it is None or callable(it), "a function"),
    "stack_check": (lambda it: it is None or callable(it), "a function"),
}


@dataclass(frozen=True)
class OwnRule:
    """One file with a rule."""

    path: Path
    control: Control
    cases: tuple[Case, ...]


def own_rules(file: Path, settings: PolicySettings) -> tuple[Control, ...]:
    """The rules that `settings`, read from `file`, name relative to its folder; in the order of their numbers.

    Raises InputError that names the file and line of what is wrong with one.
    """
    return tuple(sorted((rule.control for rule in named_rules(file, settings)), key=lambda control: control.number))


def named_rules(file: Path, settings: PolicySettings) -> tuple[OwnRule, ...]:
    """The same with their cases, in the order of the file. Raises InputError as `own_rules` does."""
    found = tuple(read_rule(_inside(file, place, name)) for place, name in enumerate(settings.rules))
    require_apart(found)
    return found


def controls_of(file: Path, settings: PolicySettings) -> tuple[Control, ...]:
    """The pack's rules, and then the factory's own. Raises InputError as `own_rules` does."""
    return (*CONTROLS, *own_rules(file, settings))


def read_rule(path: Path) -> OwnRule:
    """The rule in the file `path`. Raises InputError that says on which line what is wrong with it."""
    if not path.is_file():
        raise InputError(f"{path} is no file, so it holds no rule", hint=HINT)
    names = _run(path)
    faults = list(_faults(names))
    if faults:
        problems = tuple(_problem(path, name, message) for name, message in faults)
        raise InputError(f"{path} holds no rule that can be used", problems=problems, hint=HINT)
    return OwnRule(path, names[RULE], tuple(names[CASES]))


def _inside(file: Path, place: int, name: str) -> Path:
    """Where the rule stands: below the factory's root, in no hidden folder (agents write in `.millwright`).

    Raises InputError for one that a link leads away from there, or that is not there.
    """
    root = file.parent.resolve()
    path = root / name
    real = path.resolve()
    if not real.is_relative_to(root) or any(part.startswith(".") for part in real.relative_to(root).parts):
        why = "leads out of the factory's own files"
    elif not real.is_file():
        why = "is not there"
    else:
        return path
    problem = problem_at(load_document(file), ("rules", place), why)
    raise InputError(f"{file.name} names a rule that {why}", problems=(problem,), hint=HINT)


def _run(path: Path) -> dict[str, Any]:
    try:
        return runpy.run_path(str(path))
    except SyntaxError as error:
        line, why = error.lineno or 1, f"{type(error).__name__}: {error.msg}"
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- whatever a rule's file raises must stop the operation
        lines = [each.lineno for each in traceback.extract_tb(error.__traceback__) if each.filename == str(path)]
        line, why = (lines[-1] or 1) if lines else 1, f"{type(error).__name__}: {error}"
    problem = Problem(file=str(path), line=line, column=1, field="", message=why)
    raise InputError(f"{path} cannot be run, and with it a rule is missing", problems=(problem,), hint=HINT)


def _faults(names: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with what a file defines: the name that has to be mended, and why."""
    control, cases = names.get(RULE), names.get(CASES)
    if not isinstance(control, Control):
        yield RULE, "must be a policies.Control"
    else:
        yield from ((RULE, fault) for fault in _faults_of(control))
    if not isinstance(cases, list | tuple) or not all(isinstance(case, Case) for case in cases):
        yield CASES, "must be a list of policies.testing.Case"
    elif isinstance(control, Control):
        strange = {case.control for case in cases} - {control.id}
        if strange or not cases:
            yield CASES, f"must hold cases of {control.id}" + (f", not of {min(strange)}" if strange else "")


def _faults_of(control: Control) -> Iterator[str]:
    # Typed, but in a file that nobody has checked the types of.
    for name, (holds, must) in _MUST.items():
        if not holds(getattr(control, name)):
            yield f"{name} must be {must}"
    if control.id in {each.id for each in CONTROLS}:
        yield f"id {control.id} is that of a rule of the pack"
    if isinstance(control.reads, Mapping):
        yield from _faults_of_reads(control.reads)


def _faults_of_reads(reads: Mapping[Any, Any]) -> Iterator[str]:
    for token, properties in reads.items():
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            yield f"reads: {token!r} is no type token (aws:sqs/queue:Queue, or aws:* for every one)"
        if not _are_texts(properties):
            yield f"reads: the properties of {token!r} must be a tuple of names"


def require_apart(rules: Sequence[OwnRule]) -> None:
    """Raises InputError where two rules have one number or one id."""
    for name in ("number", "id"):
        seen: dict[Any, OwnRule] = {}
        for rule in rules:
            value = getattr(rule.control, name)
            if value in seen:
                problem = _problem(rule.path, RULE, f"{name} {value} is that of the rule in {seen[value].path}, too")
                raise InputError("two rules cannot be told apart", problems=(problem,), hint=HINT)
            seen[value] = rule


def _problem(path: Path, name: str, message: str) -> Problem:
    return Problem(file=str(path), line=_line_of(path, name), column=1, field=name, message=message)


def _line_of(path: Path, name: str) -> int:
    """Where the file assigns to `name`; 1 where it does not."""
    for node in ast.parse(path.read_bytes()).body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return node.lineno
    return 1
