"""`millwright factory backup|restore FILE`: everything of `.millwright` that cannot be made again, in one file."""

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.commands.options import Json
from console.session import open_session
from console.show import ERR, OUT, escaped, print_json, report_engine

if TYPE_CHECKING:
    from pipeline.backup import Manifest, Step

TENTHS = 10
Archive = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.", show_default=False)]


def backup(
    file: Archive,
    only_here: Annotated[
        bool,
        typer.Option("--only-here", help="Go on although the settings keep a part elsewhere, which is then not in it."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Save state, database, keys, repositories and the local cloud in one file; daemons stand still meanwhile.

    The file holds keys and secrets, so it is its owner's only.
    """
    # Imported late: no other command needs it (0.2 s).
    from pipeline.backup import save

    session = open_session(report_engine)
    _clean_up_when_ended()
    manifest = save(session.root, session.settings, file, only_here=only_here, report=_Shown())
    _show(manifest, file, as_json=as_json)
    if not as_json:
        for each in manifest.left_out:
            ERR.print(f"[yellow]left out:[/] {escaped(each)}")
        OUT.print(
            f"{escaped(str(file))}: {_mib(file.stat().st_size)}. It holds the factory's keys and secrets: keep it as "
            "you keep those."
        )


def restore(file: Archive, as_json: Json = False) -> None:
    """Make `.millwright` what a backup holds, whole or not at all; refused where there is anything in it."""
    # Imported late: no other command needs it (0.2 s).
    from pipeline.backup import restore as put_back

    session = open_session(report_engine)
    _clean_up_when_ended()
    manifest = put_back(session.root, session.settings, file, report=_Shown())
    _show(manifest, file, as_json=as_json)
    if not as_json:
        OUT.print("restored; `millwright factory up` starts its daemons")


def register(factory: typer.Typer) -> None:
    """Add these commands to `millwright factory`."""
    for command in (backup, restore):
        factory.command()(command)


def _clean_up_when_ended() -> None:
    # As Ctrl-C: nothing half-made is left.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


class _Shown:
    """Steps as lines: a new one, and each tenth of a long one."""

    def __init__(self) -> None:
        self._last: tuple[str, int] | None = None

    def __call__(self, step: "Step") -> None:
        """Show it when it says something new."""
        part = -1 if step.fraction is None else int(step.fraction * TENTHS)
        if (step.what, part) != self._last:
            self._last = (step.what, part)
            share = "" if step.fraction is None else f" {step.fraction:4.0%}"
            ERR.print(f"[dim]{escaped(step.what)}{share}[/]")


def _show(manifest: "Manifest", file: Path, *, as_json: bool) -> None:
    summary = manifest.summary()
    if as_json:
        print_json({"file": str(file), **summary})
        return
    for name, part in sorted(summary["parts"].items()):
        OUT.print(f"  {escaped(name):<16} {part['files']:>6} files {_mib(part['bytes']):>12}")
    for name, place in summary["elsewhere"].items():
        OUT.print(f"  [yellow]not in it:[/] {escaped(name)}, kept at {escaped(place)}")


def _mib(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB"
