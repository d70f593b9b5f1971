"""What the demo ends with: built, decided by whom, spent, and what of it is stand-in."""

from rich.panel import Panel
from rich.table import Table
from sqlalchemy import Connection

from console.demo.place import APP
from console.demo.scenes import Stage
from console.show import OUT, escaped
from factory import db, decisions, releases, requests
from pipeline import records

STAND_INS = (
    (
        "AWS",
        "embedded local cloud (moto in one process); IAM decides only what an app's copies ask of it",
        "aws: account",
    ),
    ("ECS", "confined processes behind a loopback ingress, started from what the ECS records say", "aws: account"),
    ("CI", "CodePipeline and CodeBuild are records, which nothing runs here", "aws: account"),
    ("egress proxy", "beside the worker; the one that a network declares is a record, not run here", "aws: account"),
    ("the model", "authored scripts over HTTP: nobody thinks, nothing is charged", "model: live"),
    ("people", "demo people with keys made on this machine; refused wherever a target is not local", "people.yaml"),
    ("state", "files in .millwright, passphrase beside them", "backend: s3://... or Pulumi Cloud"),
)


def show(stage: Stage, times: list[tuple[str, float]]) -> None:
    """Print every part of the summary."""
    _times(times)
    with db.transaction(stage.desk.database) as connection:
        made = list(reversed(releases.of_app(connection, APP)))
        asked = _asked(connection)
        tasks = [task for record in stage.ended for task in records.tasks_of(connection, record.app, record.change)]
    built = Table("release", "environment", "artefact", "of", "state", box=None)
    for release in made:
        change = release.change or "-"
        built.add_row(str(release.id), release.environment, release.artefact[:19], change, release.state.value)
    OUT.print(Panel(built, title="Built and released", title_align="left"))
    decided = Table("#", "gate", "about", "decided by", "verdict", box=None)
    for request, said in asked:
        who = ", ".join(f"{each.person} (stand-in)" for each in said) or "[yellow]waits in the inbox[/]"
        about = escaped(f"{request.change or request.app}")
        decided.add_row(str(request.id), request.gate.value, about, who, said[-1].verdict.value if said else "-")
    OUT.print(Panel(decided, title="Decided", title_align="left"))
    _spent(tasks)
    stand_ins = Table("stand-in", "what it is here", "its real counterpart", box=None)
    for row in STAND_INS:
        stand_ins.add_row(*row)
    OUT.print(Panel(stand_ins, title="What is stand-in here", title_align="left"))


def _times(times: list[tuple[str, float]]) -> None:
    table = Table("what", "seconds", box=None)
    for title, seconds in times:
        table.add_row(title, f"{seconds:.1f}")
    table.add_row("[bold]all[/]", f"[bold]{sum(seconds for _, seconds in times):.1f}[/]")
    OUT.print(Panel(table, title="Done", title_align="left"))


def _asked(connection: Connection) -> list[tuple[requests.Request, list[decisions.Decision]]]:
    number, found = 1, []
    while request := requests.read(connection, number):
        found.append((request, decisions.decisions_of(connection, number)))
        number += 1
    return [(request, made) for request, made in found if made or request.state == "open"]


def _spent(tasks: list[records.TaskRecord]) -> None:
    table = Table("task", "ended", "turns", "tokens in", "tokens out", "dollars", box=None)
    for task in tasks:
        charge = "scripted, no charge" if task.scripted else f"{task.dollars:.4f}"
        used = (str(task.turns), str(task.input_tokens), str(task.output_tokens))
        table.add_row(task.id.removeprefix(f"{APP}."), task.state, *used, charge)
    OUT.print(Panel(table, title="Spent on the model, from recorded usage", title_align="left"))
