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
    "preview": "nothing changed\n(by the state)",
    "refreshed_preview": "nothing changed\n(looked up)",
    "destroy": "destroy",
}


@dataclass(frozen=True, kw_only=True)
class Report:
    """Seconds by contestant and measure, one figure per run; `peer` is the contestant that ratios refer to.

    `call_milliseconds`: the median of single AWS calls, by call and door.
    """

    resources: int
    runs: int
    seconds: Mapping[str, Mapping[str, Sequence[float]]]
    peer: str | None
    not_compared: str
    call_milliseconds: Mapping[str, Mapping[str, float]]

    def as_json(self) -> dict[str, object]:
        """Everything, with the machine it was measured on."""
        return {"cores": os.cpu_count(), "python": platform.python_version(), **asdict(self)}


def show(report: Report, out: Console) -> None:
    """Print the tables."""
    out.print(_engine_table(report))
    if report.not_compared:
        out.print(f"not compared: {report.not_compared}", markup=False, soft_wrap=True)
    if report.call_milliseconds:
        out.print(_call_table(report))


def _engine_table(report: Report) -> Table:
    title = f"{report.resources} resources, seconds: median (min-max) of {report.runs}; {os.cpu_count()} cores"
    table = Table("", *MEASURES.values(), title=title, title_justify="left")
    for name, measured in report.seconds.items():
        table.add_row(name, *(_spread(measured[measure]) for measure in MEASURES))
    if report.peer:
        table.add_section()
        peer = report.seconds[report.peer]
        for name, measured in report.seconds.items():
            if name != report.peer:
                ratios = (median(peer[measure]) / median(measured[measure]) for measure in MEASURES)
                table.add_row(f"{report.peer} / {name}", *(f"{ratio:.1f}x" for ratio in ratios))
    return table


def _call_table(report: Report) -> Table:
    doors = list(next(iter(report.call_milliseconds.values())))
    table = Table("one AWS call", *doors, title="milliseconds: median", title_justify="left")
    for call, by_door in report.call_milliseconds.items():
        table.add_row(call, *(f"{by_door[door]:.1f}" for door in doors))
    return table


def _spread(seconds: Sequence[float]) -> str:
    return f"{median(seconds):.2f} ({min(seconds):.2f}-{max(seconds):.2f})"
