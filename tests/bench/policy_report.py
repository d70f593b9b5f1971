"""What `tests.bench.policy` found, as tables and as JSON."""

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, TypeVar

from rich.console import Console
from rich.table import Table

from tests.bench.cost import Cost
from tests.bench.policy_packs import NO_PACK, OURS, SILENT, STOCK, Preview

WITH, WITHOUT = "with the pack", "without"
CHECKOV, CHECK = "Checkov", "millwright policy check"
DRIVER: Mapping[str, str] = {
    "up": "up from nothing",
    "preview": "preview, nothing changed",
    "again": "up, nothing changed",
    "destroy": "destroy",
}
NOTE = (
    "Added: to the preview without a pack. Judged: added, less what a pack that says nothing adds (the engine's calls, "
    "its display, a Python process). The validators of the stock analyzer call the very checks of Millwright's pack. "
    "CPU seconds are the engine's process tree; what else the machine does is in the seconds, and hardly in them."
)
Measured = TypeVar("Measured")


@dataclass(frozen=True, kw_only=True)
class Found:
    """Everything, one figure for each round.

    `previews` by number of resources and pack; `driver` by measure (see `DRIVER`) and whether the pack was on;
    `scans` of what is equivalent, by tool; `checks`: Checkov's own summary of one; `starts`: the CPU seconds until a
    pack's modules are imported, by pack. `load`: the machine's, before and after.
    """

    rounds: int
    load: tuple[float, float]
    controls: int
    previews: Mapping[int, Mapping[str, Sequence[Preview]]]
    driver: Mapping[str, Mapping[str, Sequence[Cost]]]
    starts: Mapping[str, Sequence[Cost]]
    scans: Mapping[str, Sequence[Cost]]
    checks: Mapping[str, Any]
    not_compared: str = ""

    def as_json(self) -> dict[str, object]:
        """Everything, with the machine it was measured on."""
        return {"cores": os.cpu_count(), "python": platform.python_version(), **asdict(self)}


def show(found: Found, out: Console) -> None:
    """Print the tables, and what must be known to read them."""
    load = f"load {found.load[0]:.1f} before and {found.load[1]:.1f} after"
    out.print(f"{found.controls} controls; medians of {found.rounds} round(s); {os.cpu_count()} cores, {load}")
    for resources, previews in found.previews.items():
        out.print(_previews(resources, previews))
        for line in _ratios(previews):
            out.print(line, soft_wrap=True)
    out.print(NOTE, soft_wrap=True)
    out.print(_driver(found.driver))
    for pack, costs in found.starts.items():
        out.print(f"{pack}: imported in {_seconds(costs):.2f} s, {_cpu(costs):.2f} CPU s", soft_wrap=True)
    _show_scans(found, out)


def _previews(resources: int, previews: Mapping[str, Sequence[Preview]]) -> Table:
    title = f"preview of {resources} resources, nothing made yet, by the plain door (each process starts cold)"
    table = Table("", "seconds", "added", "CPU s", "added", "CPU s of the pack", title=title, title_justify="left")
    without = previews[NO_PACK]
    for pack, measured in previews.items():
        seconds, cpu = _median(measured, _wall), _median(measured, _used)
        more = [seconds - _median(without, _wall), cpu - _median(without, _used), _median(measured, _own)]
        added = ["", "", ""] if pack == NO_PACK else [f"{value:.2f}" for value in more]
        table.add_row(pack, f"{seconds:.2f}", added[0], f"{cpu:.2f}", added[1], added[2])
    return table


def _ratios(previews: Mapping[str, Sequence[Preview]]) -> list[str]:
    """The stock analyzer, divided by ours."""

    def compared(what: str, less: str, value: Callable[[Preview], float]) -> str:
        mine, theirs = (_median(previews[pack], value) - _floor(less, value) for pack in (OURS, STOCK))
        ratio = f"{theirs / mine:.1f}x" if mine > 0 and theirs > 0 else "no ratio (within the noise)"
        return f"{what}: the stock analyzer {theirs:.2f}, ours {mine:.2f}: {ratio}"

    def _floor(less: str, value: Callable[[Preview], float]) -> float:
        return _median(previews[less], value) if less else 0.0

    return [
        compared("added seconds", NO_PACK, _wall),
        compared("added CPU s", NO_PACK, _used),
        compared("judged, CPU s", SILENT, _used),
        compared("CPU s of the pack's process", "", _own),
        compared("judged, CPU s of the pack's process", SILENT, _own),
    ]


def _driver(driver: Mapping[str, Mapping[str, Sequence[Cost]]]) -> Table:
    title = "the driver, links' build environment (its processes are warm)"
    table = Table("", "", "seconds", "CPU s", title=title, title_justify="left")
    for measure, label in DRIVER.items():
        on, off = driver[measure][WITH], driver[measure][WITHOUT]
        table.add_row(label, WITH, f"{_seconds(on):.2f}", f"{_cpu(on):.2f}")
        table.add_row("", WITHOUT, f"{_seconds(off):.2f}", f"{_cpu(off):.2f}")
        share = [_share(_seconds(on), _seconds(off)), _share(_cpu(on), _cpu(off))]
        table.add_row("", "the pack", *share, end_section=True)
    return table


def _share(on: float, off: float) -> str:
    return f"{on - off:+.2f} ({(on - off) / on:.0%})"


def _show_scans(found: Found, out: Console) -> None:
    if found.not_compared:
        out.print(f"not compared with Checkov: {found.not_compared}", markup=False, soft_wrap=True)
        return
    summary = found.checks
    checks = (
        f"{summary['passed']} passed and {summary['failed']} failed checks of {summary['resource_count']} resources"
    )
    out.print(f"{CHECKOV} {summary['checkov_version']} on the equivalent Terraform plan: {checks}", soft_wrap=True)
    for tool, costs in found.scans.items():
        out.print(f"{tool}: {_seconds(costs):.2f} s, {_cpu(costs):.2f} CPU s", soft_wrap=True)
    ratio = _cpu(found.scans[CHECKOV]) / _cpu(found.scans[CHECK])
    out.print(f"{CHECKOV}, divided by {CHECK} (the controls without an engine): {ratio:.1f}x of its CPU s")


def _wall(preview: Preview) -> float:
    return preview.cost.seconds


def _used(preview: Preview) -> float:
    return preview.cost.cpu_seconds


def _own(preview: Preview) -> float:
    return preview.pack_cpu_seconds


def _seconds(costs: Sequence[Cost]) -> float:
    return _median(costs, lambda cost: cost.seconds)


def _cpu(costs: Sequence[Cost]) -> float:
    return _median(costs, lambda cost: cost.cpu_seconds)


def _median(measured: Sequence[Measured], value: Callable[[Measured], float]) -> float:
    return median(map(value, measured))
