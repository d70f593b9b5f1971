"""What `tests.bench.driver` found, as tables and as JSON."""

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from rich.console import Console
from rich.table import Table

from tests.bench.cost import Cost

MIB = 1024 * 1024
OURS, PEER = "Millwright", "Terraform"
LABELS: Mapping[str, str] = {
    "create": "up from nothing",
    "again": "nothing changed, by the state",
    "again_looked_up": "nothing changed, looked up",
    "change": "one change",
    "destroy": "destroy",
}
NOTE = (
    "Millwright also runs the policy pack (in a preview of its own before each update), encrypts the secrets in its "
    "state, takes the stack's lock and records who did what; Terraform does none of it. Terraform's seconds hold its "
    "provider's fixed waits between two looks, made for the real cloud; CPU seconds do not."
)


@dataclass(frozen=True, kw_only=True)
class Size:
    """The costs of so many apps at once: by side and measure, one for each round.

    `declared`: what each side made, by app. `load`: the machine's, before and after. `slowest`: Terraform's slowest
    single resource, in seconds.
    """

    apps: int
    rounds: int
    load: tuple[float, float]
    costs: Mapping[str, Mapping[str, Sequence[Cost]]]
    declared: Mapping[str, set[str]]
    slowest: tuple[int, str]

    @property
    def missing(self) -> list[str]:
        """What one side made and the other did not."""
        every = set().union(*self.declared.values())
        return sorted(f"{side} lacks {each}" for side, made in self.declared.items() for each in every - made)

    def as_json(self) -> dict[str, object]:
        """Everything, with the machine it was measured on."""
        machine = {"cores": os.cpu_count(), "python": platform.python_version()}
        return {**machine, **asdict(self), "declared": {side: sorted(made) for side, made in self.declared.items()}}


def show(sizes: Sequence[Size], not_compared: str, left_out: Sequence[str], out: Console) -> None:
    """Print the tables, and what must be known to read them."""
    for size in sizes:
        out.print(_table(size))
        for each in size.missing:
            out.print(f"not the same: {each}", markup=False, soft_wrap=True)
        if size.slowest[0]:
            seconds, which = size.slowest
            out.print(f"Terraform's slowest single resource took {seconds} s: {which}", markup=False, soft_wrap=True)
    for each in left_out:
        out.print(f"this version of Terraform's provider has no {each}", markup=False, soft_wrap=True)
    if not_compared:
        out.print(f"not compared: {not_compared}", markup=False, soft_wrap=True)
    else:
        out.print("n.nnx: Millwright divided by Terraform, both of this run, in turn", soft_wrap=True)
        out.print(NOTE, soft_wrap=True)


def _table(size: Size) -> Table:
    made = ", ".join(f"{side} {len(declared)}" for side, declared in size.declared.items())
    machine = f"{os.cpu_count()} cores, load {size.load[0]:.1f} before and {size.load[1]:.1f} after"
    title = f"{size.apps} app(s) at once; cloud resources: {made}; medians of {size.rounds} round(s); {machine}"
    table = Table("", "", "seconds", "CPU s", "CPU s of the cloud", "peak MiB", title=title, title_justify="left")
    for measure, label in LABELS.items():
        for side, measured in size.costs.items():
            table.add_row(label, side, *(f"{value:.1f}" for value in _medians(measured[measure])))
            label = ""  # noqa: PLW2901 -- once for both
        if PEER in size.costs:
            ours, theirs = (_medians(size.costs[side][measure]) for side in (OURS, PEER))
            ratios = (f"{mine / yours:.2f}x" if yours else "" for mine, yours in zip(ours, theirs, strict=True))
            table.add_row("", "", *ratios, end_section=True)
    return table


def _medians(costs: Sequence[Cost]) -> list[float]:
    values: Sequence[Callable[[Cost], float]] = (
        lambda cost: cost.seconds,
        lambda cost: cost.cpu_seconds,
        lambda cost: cost.cloud_cpu_seconds,
        lambda cost: cost.peak / MIB,
    )
    return [median(value(cost) for cost in costs) for value in values]
