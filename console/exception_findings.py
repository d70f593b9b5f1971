"""Which finding is meant: as a stack in a file shows it, as scanners found it, or as somebody types it."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from console.session import Session
from factory import db, findings
from factory.errors import InputError
from factory.exceptions import in_pattern, place_of, policy_fingerprint, scanner_fingerprint
from policies import load_policies
from policies.exported import load_stack
from policies.offline import check
from policies.own import controls_of
from policies.settings import settings_file


class Wanted(NamedTuple):
    """What is known of a finding: its rule, where it is, and perhaps what it says."""

    rule: str
    urn: str | None
    pattern: str | None
    app: str | None
    path: str | None
    message: str | None


class Stated(NamedTuple):
    """What a finding says, of which property or file."""

    path: str
    message: str
    fingerprint: str


def found(session: Session, wanted: Wanted, files: Sequence[Path]) -> Stated:
    """The one finding that is wanted. Raises InputError: there is none, or there are several that differ."""
    if wanted.message is not None:
        return _stated(wanted, wanted.path or "", wanted.message)
    shown = _scanned(session, wanted) if "/" in wanted.rule else _judged(session, wanted, files)
    narrowed = {each for each in shown if wanted.path in (None, each.path)}
    if len(narrowed) == 1:
        return narrowed.pop()
    if not narrowed:
        raise InputError(f"there is no finding of {wanted.rule} there", hint="see it with `millwright policy check`")
    told = "\n".join(sorted(f"  {each.path or '(no path)'}: {each.message}" for each in narrowed))
    raise InputError(
        f"there are {len(narrowed)} findings, and an exception is of one:\n{told}", hint="say which: --path"
    )


def _stated(wanted: Wanted, path: str, message: str) -> Stated:
    tool, _, rule = wanted.rule.rpartition("/")
    if tool:
        return Stated(path, message, scanner_fingerprint(tool, rule, path, message))
    return Stated(path, message, policy_fingerprint(wanted.rule, path, message))


def _judged(session: Session, wanted: Wanted, files: Sequence[Path]) -> set[Stated]:
    if not files:
        raise InputError("what does the finding say?", hint="--state FILE that shows it, or --path and --message")
    settings = load_policies(session.root)
    rules = controls_of(settings_file(session.root), settings)
    asked = [control for control in rules if control.id == wanted.rule]
    told = [
        each
        for file in files
        for each in check(asked, *load_stack(file), settings).findings
        if _concerns(wanted, each.urn)
    ]
    return {_stated(wanted, each.path, each.message) for each in told}


def _concerns(wanted: Wanted, urn: str) -> bool:
    if wanted.pattern is None:
        # A finding of a stack as a whole has no resource; an exception names the stack's own.
        place = place_of(wanted.urn or "")
        return urn == wanted.urn or (not urn and place is not None and place.type == "pulumi:pulumi:Stack")
    return in_pattern(wanted.pattern, urn)


def _scanned(session: Session, wanted: Wanted) -> set[Stated]:
    if wanted.app is None:
        raise InputError("whose file is it in?", hint="--app APP")
    tool, _, rule = wanted.rule.partition("/")
    with db.transaction(db.connect(session.root, session.settings)) as connection:
        known = findings.of_app(connection, wanted.app, tool=tool, rule=rule)
    return {_stated(wanted, each.path, each.message) for each in known}
