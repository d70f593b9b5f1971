"""`millwright demo` and `millwright demo --clean`."""

import shutil
import sys

from rich.panel import Panel
from rich.table import Table

from console.demo.inventory import Cloud, inventory
from console.demo.scenes import APP, SCENES, STANDING, DemoFailed, Stage, timed
from console.session import Session
from console.show import ERR, OUT
from console.watch import follow
from factory import daemons
from factory.errors import InputError
from factory.spec import Environment, app_names, load_app
from stacks.driver import Kind

STAND_INS = (
    (
        "AWS",
        "embedded local cloud (moto in one process); enforces no IAM, keeps nothing over a restart",
        "aws: account",
    ),
    ("what runs", "nothing: ECS services and agent tasks are declared, and started by a later version", "-"),
    ("state", "files in .millwright, passphrase beside them", "backend: s3://... or Pulumi Cloud"),
)


def play(session: Session) -> None:
    """Play every scene; the summary says what was shown, how long it took, and what is stand-in."""
    _require_local(session)
    if APP not in app_names(session.root):
        raise InputError(
            f"the demo is about the app {APP!r}, which this factory has not", hint="run it in the repository"
        )
    stage = Stage(session)
    times: list[tuple[str, float]] = []
    for number, (title, scene) in enumerate(SCENES, 1):
        ERR.print(f"\n[bold cyan]{number}. {title}[/]")
        times.append((title, timed(scene, stage)))
    OUT.print()
    table = Table("what", "seconds", box=None)
    for title, seconds in times:
        table.add_row(title, f"{seconds:.1f}")
    table.add_row("[bold]all[/]", f"[bold]{sum(seconds for _, seconds in times):.1f}[/]")
    OUT.print(Panel(table, title="Done", title_align="left"))
    stand_ins = Table("stand-in", "what it is here", "its real counterpart", box=None)
    for row in STAND_INS:
        stand_ins.add_row(*row)
    OUT.print(Panel(stand_ins, title="What is stand-in here", title_align="left"))
    OUT.print(f"The local cloud still runs. Next: millwright up {APP} {STANDING[0]}; or: make demo-clean")


def clean(session: Session) -> None:
    """Destroy every stack through the driver, prove by boto3 that nothing is left, stop the cloud, remove the files."""
    _require_local(session)
    root = session.root
    standing = [
        (app, environment.value)
        for app in app_names(root)
        for environment in load_app(root, app).environments
        if environment is not Environment.PRODUCTION
    ]
    run_file = daemons.read(root, daemons.LOCAL_CLOUD)
    if run_file is None:
        ERR.print("the local cloud does not run, and keeps nothing when it stops: there is nothing to destroy")
    else:
        follow([session.driver.start(Kind.DESTROY, app, environment) for app, environment in standing])
        for region in sorted({load_app(root, app).region for app, _ in standing}):
            if left := inventory(Cloud(region, run_file.addresses["http"])):
                raise DemoFailed(
                    f"after destroying every stack, {region} still holds {left}",
                    hint="somebody made it by hand; `millwright cloud reset` removes it too",
                )
            ERR.print(f"[green]✓[/] boto3 finds nothing left in {region}")
    daemons.stop(root, daemons.LOCAL_CLOUD)
    if root.state.exists():
        shutil.rmtree(root.state)
    sys.stderr.write(f"removed {root.state}\n")


def _require_local(session: Session) -> None:
    if session.settings.aws != "local":
        raise InputError("the demo runs on the local cloud only", hint="`aws: local` in millwright.yaml")
