"""`millwright access connect ssh|sftp|scp`: OpenSSH's own programs at a host, through the bastion that records."""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from access.grants import Wanted
from console import ssh_files
from console.access_connected import connected, run_below
from console.access_session import AccessSession
from console.commands.access_options import RUNS_ANOTHER, App, Minutes, Reason
from console.commands.options import AppEnvironment
from console.identity import OwnKey, Who, identify
from console.ssh_files import Files
from factory.errors import InputError
from factory.spec import Scope

Host = Annotated[
    str | None,
    typer.Option("--host", metavar="NAME", help="Where app.yaml declares several.", show_default=False),
]
HowFar = Annotated[Scope, typer.Option("--scope", help="How far: read gets files, write puts them, admin runs.")]
Arguments = Callable[[Files], Sequence[str]]


def ssh(  # noqa: PLR0913, PLR0917 -- one option for each thing that is asked for
    context: typer.Context,
    name: App,
    environment: AppEnvironment,
    host: Host = None,
    reason: Reason = "",
    scope: HowFar = Scope.ADMIN,
    minutes: Minutes = None,
    person: Who = None,
    key: OwnKey = None,
) -> None:
    """Open a shell at a host, or run what comes after `--`. What passes is recorded; nothing outlives the session."""
    asked = _Asked(name, environment, host, reason or "ssh", scope, minutes)
    _run("ssh", asked, person, key, lambda files: [files.name, *context.args])


def sftp(  # noqa: PLR0913, PLR0917 -- as above
    context: typer.Context,
    name: App,
    environment: AppEnvironment,
    host: Host = None,
    reason: Reason = "",
    scope: HowFar = Scope.READ,
    minutes: Minutes = None,
    person: Who = None,
    key: OwnKey = None,
) -> None:
    """Look at a host's files, get them, and with the scope write put them. After `--`: sftp's options."""
    asked = _Asked(name, environment, host, reason or "sftp", scope, minutes)
    _run("sftp", asked, person, key, lambda files: [*context.args, files.name])


def scp(  # noqa: PLR0913, PLR0917 -- as above
    context: typer.Context,
    name: App,
    environment: AppEnvironment,
    host: Host = None,
    reason: Reason = "",
    scope: HowFar = Scope.READ,
    minutes: Minutes = None,
    person: Who = None,
    key: OwnKey = None,
) -> None:
    """Copy files. After `--`: what scp is given, with the host by its name in app.yaml: `-- legacy:/etc/motd .`."""
    asked = _Asked(name, environment, host, reason or "scp", scope, minutes)
    _run("scp", asked, person, key, lambda _: context.args)


def register(connect: typer.Typer) -> None:
    """Add them to `millwright access connect`."""
    for command in (ssh, sftp, scp):
        connect.command(context_settings=RUNS_ANOTHER)(command)


@dataclass(frozen=True)
class _Asked:
    app: str
    environment: str
    host: str | None
    reason: str
    scope: Scope
    minutes: int | None


def _run(program: str, asked: _Asked, person: str | None, key: Path | None, arguments: Arguments) -> None:
    client = shutil.which(program)
    if client is None:
        raise InputError(f"{program} is not here", hint="apt-get install openssh-client")
    here = AccessSession.opened()
    who, key = identify(here.session, person, key)
    wanted = Wanted(
        app=asked.app,
        environment=here.place(asked.app, asked.environment),
        resource=here.resource(asked.app, "hosts", asked.host),
        scope=asked.scope,
        principal=who.id,
        reason=asked.reason,
        minutes=asked.minutes,
    )
    with (
        tempfile.TemporaryDirectory(prefix="millwright-ssh-") as folder,
        connected(here, wanted, key) as (grant, token),
    ):
        files = ssh_files.write(here.session.root, grant, token, Path(folder))
        code = run_below([client, "-F", str(files.config), *arguments(files)], {})
    raise typer.Exit(code)
