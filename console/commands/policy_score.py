"""`millwright policy score`: how apps stand with the policies, update by update."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table

from console import completion
from console.commands.options import WHICH_APP, Json
from console.show import OUT, escaped, print_json
from factory.paths import find_root
from factory.settings import load
from stacks.driver.scores import Point, app_points, read_scores

BARS: Final = "▁▂▃▄▅▆▇█"
WIDTH: Final = 24
"""The newest so many points are drawn."""
SEVERITIES: Final = ("critical", "high", "medium", "low")


def show_scores(
    app: Annotated[
        str | None,
        typer.Argument(metavar="[APP]", help=f"{WHICH_APP} Default: all.", autocompletion=completion.stacks),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            "--since", formats=["%Y-%m-%d"], help="Leave what is older out of the trend (UTC).", show_default=False
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show how apps stand with the policies, and how that came: 100 means that every verdict is a pass.

    Recorded after each update, by either door; what was destroyed keeps its history. An app's score is that of its
    worst environment. JSON is one document for each update.
    """
    root = find_root(Path.cwd())
    points = read_scores(root, load(root), app=app)
    begin = since.date().isoformat() if since else ""
    shown = [point for point in points if point.time >= begin]
    if as_json:
        for point in shown:
            print_json(point.as_json())
        return
    if not points:
        OUT.print("no update has been judged yet" + (f" of {escaped(app)}" if app else ""))
        return
    lowest = min((point.score.points for point in shown if point.score), default=100.0)
    table = Table(box=None)
    for column in ("app", "environment", "score", *SEVERITIES, "undecided", "judgements", "judged at"):
        table.add_column(column)
    table.add_column(f"trend ({lowest:g} to 100)")
    for name in dict.fromkeys(point.app for point in points):
        for cells in _rows([point for point in points if point.app == name], begin, lowest):
            table.add_row(*cells)
    OUT.print(table)


def _rows(points: Sequence[Point], begin: str, lowest: float) -> Iterator[list[str]]:
    """One app's: the app itself, where it has several environments, and each of them."""
    stacks = sorted({point.stack for point in points})
    if len(stacks) > 1:
        worst = list(app_points(points))
        now = "-" if worst[-1] is None else f"{worst[-1]:.1f}"
        blank = [""] * (len(SEVERITIES) + 3)
        shown = [each for point, each in zip(points, worst, strict=True) if point.time >= begin]
        yield [escaped(points[0].app), "", f"[bold]{now}[/]", *blank, _drawn(shown, lowest)]
    for stack in stacks:
        own = [point for point in points if point.stack == stack]
        drawn = [point.score.points if point.score else None for point in own if point.time >= begin]
        yield [escaped(own[-1].app), escaped(own[-1].environment), *_now(own[-1]), _drawn(drawn, lowest)]


def _now(point: Point) -> Iterator[str]:
    score = point.score
    time = point.time.partition(".")[0].replace("T", " ")
    if score is None:
        yield from ("destroyed", *[""] * (len(SEVERITIES) + 2), time)
        return
    yield f"{score.points:.1f}"
    for severity in SEVERITIES:
        count = score.failed.get(severity, 0)
        yield f"[red]{count}[/]" if count else "0"
    yield str(sum(score.undecided.values()))
    yield str(score.judgements)
    yield time


def _drawn(points: Sequence[float | None], lowest: float) -> str:
    """The newest points as bars from `lowest` to 100; a dot where nothing stood."""
    return "".join("·" if each is None else _bar(each, lowest) for each in points[-WIDTH:])


def _bar(points: float, lowest: float) -> str:
    if lowest >= 100:  # noqa: PLR2004 -- of a hundred
        return BARS[-1]
    return BARS[int((points - lowest) / (100 - lowest) * (len(BARS) - 1))]
