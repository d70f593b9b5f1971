"""What a benchmark found, as tables and as JSON."""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from rich.console import Console
from rich.table import Table

MEASURES: Mapping[str, str] = {
    "create": "create",
    "preview": "no change,\nby the state",
    "refreshed_preview": "no change,\nlooked up",
    "destroy": "destroy",
}


@dataclass(frozen=True, kw_only=True)
class Report:
    """Seconds by contestant and measure, one figure per run; `peer` is the contestant that ratios refer to.

    `together`: the seconds of each of several stacks that were worked on at once, by measure. `load`: the 1-minute load
    average when it began: what else the machine did. `call_milliseconds`: the median of single AWS calls, by call and
    door.
    """

    resources: int
    runs: int
    load: float
    seconds: Mapping[str, Mapping[str, Sequence[float]]]
    together: Mapping[str, Sequence[float]]
    peer: str | None
    not_compared: str
    call_milliseconds: Mapping[str, Mapping[str, float]]

    def as_json(self) -> dict[str, object]:
        """Everything, with the machine it was measured on."""
        return {"cores": os.cpu_count(), "python": platform.python_version(), **asdict(self)}


def show(report: Report, out: Console) -> None:
    """Print the tables."""
    out.print(_engine_table(report))
    if report.peer:
        out.print(f"n.nx: the median of {report.peer}, divided by this one", soft_wrap=True)
    if report.not_compared:
        out.print(f"not compared: {report.not_compared}", markup=False, soft_wrap=True)
    if report.call_milliseconds:
        out.print(_call_table(report))


def _engine_table(report: Report) -> Table:
    machine = f"{os.cpu_count()} cores, load {report.load:.1f} at the start"
    title = f"{report.resources} resources, {report.runs} runs, {machine}; seconds: median, min-max"
    table = Table("", *MEASURES.values(), title=title, title_justify="left", show_lines=True)
    for name, measured in report.seconds.items():
        table.add_row(name, *(_cell(report, measured, measure) for measure in MEASURES))
    if report.together:
        stacks = len(report.together["create"]) // report.runs
        cells = (f"{median(s):.2f}\n{min(s):.2f}-{max(s):.2f}" for s in map(report.together.__getitem__, MEASURES))
        table.add_row(f"{stacks} stacks at once, warm:\neach of them", *cells)
    return table


def _cell(report: Report, measured: Mapping[str, Sequence[float]], measure: str) -> str:
    seconds = measured[measure]
    middle = median(seconds)
    ratio = f"  {median(report.seconds[report.peer][measure]) / middle:.1f}x" if report.peer else ""
    return f"{middle:.2f}{ratio}\n{min(seconds):.2f}-{max(seconds):.2f}"


def _call_table(report: Report) -> Table:
    doors = list(next(iter(report.call_milliseconds.values())))
    table = Table("one AWS call", *doors, title="milliseconds: median", title_justify="left")
    for call, by_door in report.call_milliseconds.items():
        table.add_row(call, *(f"{by_door[door]:.1f}" for door in doors))
    return table
