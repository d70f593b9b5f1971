"""A change as a person sees it: where it stands, what it waits for, who did what and what that cost."""

from collections import Counter
from collections.abc import Iterator

from console.show import escaped
from factory.decisions import Decision
from factory.events import Event
from factory.findings import Finding, Severity
from factory.people import DEMO_PREFIX
from factory.releases import Release
from factory.requests import Request, RequestState
from pipeline.client import ChangeView
from pipeline.git import visible
from pipeline.records import ChangeRecord, ChangeState, Stage, TaskRecord

LAST_EVENTS = 10
SHORT = 12
COLOURS = {
    ChangeState.RELEASED: "green",
    ChangeState.WAITING: "yellow",
    ChangeState.ROLLED_BACK: "red",
    ChangeState.FAILED: "red",
}
SEVERITY_COLOURS = {Severity.CRITICAL: "bold red", Severity.HIGH: "red", Severity.MEDIUM: "yellow"}


def plain(text: str) -> str:
    """Text that others wrote (agents, tools, files): no markup, nothing that a terminal would obey."""
    return escaped(visible(text))


def who(actor: str) -> str:
    """Somebody who acts, as people may read it; demo people are said to be stand-ins."""
    return plain(actor) + (" (stand-in)" if actor.startswith(DEMO_PREFIX) else "")


def one_line(text: str) -> str:
    """The same, on one line."""
    return plain(" ".join(text.split()))


def lines(view: ChangeView) -> Iterator[str]:
    """The whole view, line by line, as markup."""
    yield from _header(view.record)
    yield stage_line(view.record)
    yield f"waits for: {one_line(view.waits_for)}" if view.waits_for else "waits for: nothing, it has ended"
    yield from _section("tasks", [task_line(task) for task in view.tasks])
    yield from _section("findings", _findings(view.findings))
    yield from _section("decisions", [request_line(request, view.decisions) for request in view.requests])
    yield from _section("releases", [release_line(release, view.decisions) for release in view.releases])
    yield from _section("last events", [event_line(event) for event in view.events[-LAST_EVENTS:]])


def stage_line(record: ChangeRecord) -> str:
    """`intake ✓  generate ✓  test …`: what is done, where it is, what is left."""
    order = list(Stage)
    here = order.index(record.stage)
    parts = []
    for number, stage in enumerate(order):
        if number < here or record.state is ChangeState.RELEASED:
            parts.append(f"{stage} [green]✓[/]")
        elif number > here:
            parts.append(f"[dim]{stage}[/]")
        else:
            parts.append(f"[bold]{stage}[/] " + ("[red]✗[/]" if record.ended else "…"))
    return "  ".join(parts)


def task_line(task: TaskRecord) -> str:
    """One agent's run: how it ended, how much it used of which model."""
    used = f"{task.input_tokens} tokens in, {task.output_tokens} out"
    cost = "scripted, no charge" if task.scripted else f"${task.dollars:.4f}"
    reason = f": {one_line(task.reason)}" if task.reason else ""
    turns = f"{task.turns} turn{'' if task.turns == 1 else 's'}"
    return f"{task.function:<14} {plain(task.state):<10} {turns}, {used}, {plain(task.model)} ({cost}){reason}"


def request_line(request: Request, decisions: list[Decision]) -> str:
    """One gate: who decided what and why, or who may; how many more it takes."""
    asked = f"{request.gate:<20} request {request.id}, {request.state}"
    made = [decision for decision in decisions if decision.request == request.id]
    said = "; ".join(_said(decision) for decision in made)
    if request.state is RequestState.OPEN and made:
        return f"{asked}: {len(made)} of {request.approvals} needed: {said}"
    if said or request.reason:
        return f"{asked}: {one_line(request.reason) or said}"
    if request.approvals > 1:
        return f"{asked}: {request.approvals} people with the role {request.role} decide"
    return f"{asked}: a person with the role {request.role} decides"


def _said(decision: Decision) -> str:
    why = f": {one_line(decision.reason)}" if decision.reason else ""
    return f"{who(decision.person)} decided {decision.verdict}{why}"


def release_line(release: Release, decisions: list[Decision]) -> str:
    """One release: what serves where, who approved it, and what became of it."""
    why = f": {one_line(release.reason)}" if release.reason else ""
    artefact = release.artefact.removeprefix("sha256:")[:SHORT]
    people = [who(decision.person) for decision in decisions if decision.request == release.request]
    by = f", approved by {', '.join(people)}" if people else ""
    return f"{release.environment:<12} {release.state:<10} release {release.id}, artefact {artefact}{by}{why}"


def event_line(event: Event) -> str:
    """One event: when, what, by whom."""
    return f"[dim]{event.time[:19]}[/] {event.kind:<22} {who(event.actor)}"


def change_row(record: ChangeRecord) -> tuple[str, ...]:
    """A change as a row of a table: app, change, title, stage, state, what happens."""
    colour = COLOURS.get(record.state, "")
    state = f"[{colour}]{record.state}[/]" if colour else str(record.state)
    return record.app, record.change, one_line(record.title), str(record.stage), state, one_line(record.detail)


def _header(record: ChangeRecord) -> Iterator[str]:
    colour = COLOURS.get(record.state, "bold")
    yield f"[bold]{plain(record.id)}[/]  {one_line(record.title)}  [{colour}]{record.state}[/]"
    facts = [f"by {who(record.author)}", f"submitted {record.submitted[:19]}", f"attempt {record.attempt}"]
    facts += [f"commit {record.head[:SHORT]}"] if record.head else []
    facts += [f"artefact {record.artefact.removeprefix('sha256:')[:SHORT]}"] if record.artefact else []
    yield f"[dim]{', '.join(facts)}[/]"
    # While nothing else stops it, what it waits for is just this.
    if record.ended and record.detail:
        yield plain(record.detail)


def _findings(found: list[Finding]) -> list[str]:
    if not found:
        return []
    counts = Counter(finding.severity for finding in found)
    summary = ", ".join(f"{counts[severity]} {severity}" for severity in Severity if counts[severity])
    order = list(Severity)
    ranked = sorted(found, key=lambda finding: (order.index(finding.severity), finding.path, finding.line))
    return [summary, *(_finding_line(finding) for finding in ranked)]


def _finding_line(finding: Finding) -> str:
    colour = SEVERITY_COLOURS.get(finding.severity, "dim")
    place = f"{finding.path}:{finding.line}" if finding.line else finding.path
    what = f"{plain(finding.tool)}/{plain(finding.rule)}"
    return f"[{colour}]{finding.severity:<8}[/] {what} {plain(place)}: {one_line(finding.message)}"


def _section(title: str, rows: list[str]) -> Iterator[str]:
    if rows:
        yield ""
        yield f"[bold]{title}[/]"
        yield from (f"  {row}" for row in rows)
