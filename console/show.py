"""How answers look: errors, engine progress, steps; for a person on a terminal, or as JSON lines for a program."""

import json
import sys
from collections import Counter, defaultdict
from typing import Any

from rich.console import Console
from rich.markup import escape

from engine import Progress
from factory.errors import MillwrightError
from stacks.driver.model import (
    Diagnostic,
    Failed,
    Finished,
    StackEvent,
    Started,
    StepDone,
    StepFailed,
    Violation,
    Waiting,
    error_json,
)

# Results go to standard output, everything about the way there to standard error.
# Where nobody looks at a terminal, a table is not folded into 80 columns.
OUT = Console(highlight=False, soft_wrap=True, emoji=False, width=None if sys.stdout.isatty() else 200)
ERR = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)

ACTIONS = {
    "create": ("+", "green"),
    "update": ("~", "yellow"),
    "delete": ("-", "red"),
    "replace": ("±", "magenta"),
    "create-replacement": ("±", "magenta"),
    "delete-replaced": ("-", "red"),
}


def print_json(value: Any) -> None:
    """One JSON document on one line, at once."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def print_error(error: MillwrightError, *, as_json: bool = False) -> None:
    """The error with every located problem and its hint."""
    if as_json:
        print_json(error_json(error))
        return
    ERR.print(f"[bold red]error:[/] {escaped(str(error))}")
    for problem in error.problems:
        ERR.print(f"  {escaped(str(problem))}")
    if error.hint:
        ERR.print(f"[bold]hint:[/] {escaped(error.hint)}")


def escaped(text: str) -> str:
    """`text` with nothing that rich would take for markup, also not together with a tag right behind it."""
    body = text.rstrip("\\")
    # rich's own function doubles one backslash at the end and lets three pass, the last of which escapes the tag.
    return escape(body) + "\\" * 2 * (len(text) - len(body))


class EngineReport:
    """Lines about finding or building the engine: each phase once, and then every twentieth part of it."""

    STEPS = 20

    def __init__(self) -> None:
        self._last: tuple[str, int] | None = None

    def __call__(self, progress: Progress) -> None:
        """Take one step; show it when it says something new."""
        part = -1 if progress.fraction is None else int(progress.fraction * self.STEPS)
        if (progress.phase, part) == self._last and progress.phase in ("download", "compile"):
            return
        self._last = (progress.phase, part)
        share = "" if progress.fraction is None else f" {progress.fraction:4.0%}"
        ERR.print(f"[dim]engine: {progress.phase}{share}  {escaped(progress.detail)}[/]")


report_engine = EngineReport()


def event_line(event: StackEvent) -> str | None:
    """One event as one line of markup; None for what a person need not see."""
    text = _event_text(event)
    return None if text is None else f"[bold]{event.stack:<16}[/] {text}"


def _event_text(event: StackEvent) -> str | None:
    text = None
    match event:
        case Waiting():
            text = f"waits: {escaped(event.reason)}"
        case Started():
            text = f"{event.kind} started"
        case StepDone() if event.step.action in ACTIONS:
            sign, colour = ACTIONS[event.step.action]
            changed = f" [dim]({escaped(', '.join(event.step.properties))})[/]" if event.step.properties else ""
            text = f"[{colour}]{sign}[/] {short_type(event.step.type):<34} {escaped(event.step.name)}{changed}"
        case StepFailed():
            text = f"[red]✗ {short_type(event.step.type):<34} {escaped(event.step.name)}[/]"
        # Dozens in a preview of something new: `Deferred` counts them.
        case Violation(deferred=False):
            colour = "red" if event.level == "mandatory" else "yellow"
            name = escaped(event.urn.rsplit("::", 1)[-1])
            text = f"[{colour}]policy {event.policy} ({event.level})[/] {name}: {escaped(event.message)}"
        case Diagnostic():
            colour = {"error": "red", "warning": "yellow"}.get(event.severity, "dim")
            text = f"[{colour}]{escaped(event.message)}[/]"
        case Finished():
            counts = ", ".join(f"{count} {action}" for action, count in sorted(event.result.changes.items()) if count)
            text = f"{event.result.kind} done in {event.result.duration:.1f} s: {counts or 'nothing to do'}"
        case Failed():
            text = "[red]failed[/]"
    return text


class Deferred:
    """Counts, by stack, the verdicts that a preview cannot give."""

    def __init__(self) -> None:
        self._rules: dict[str, Counter[str]] = defaultdict(Counter)

    def take(self, event: StackEvent) -> str | None:
        """Count; at the end of a stack's operation: what was deferred in it, as one line of markup."""
        if isinstance(event, Violation) and event.deferred:
            self._rules[event.stack][event.policy] += 1
        if not isinstance(event, Finished) or not (rules := self._rules.pop(event.stack, None)):
            return None
        listed = ", ".join(f"{rule} {count}" for rule, count in rules.most_common())
        verdicts = "verdict" if rules.total() == 1 else "verdicts"
        said = f"{rules.total()} policy {verdicts} left to the update, which knows the values: {listed}"
        return f"[bold]{event.stack:<16}[/] [dim]{escaped(said)}[/]"


def short_type(token: str) -> str:
    """A type token as people say it: `aws:ec2/vpc:Vpc` becomes `ec2.Vpc`."""
    package, module, name = token.split(":", 2)
    module = module.split("/")[0]
    return f"{module}.{name}" if package == "aws" else f"{package}.{name}"
