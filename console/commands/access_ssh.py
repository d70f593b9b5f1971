"""`millwright access authority` and `ssh-config`: what hosts trust, and files for OpenSSH's programs."""

from pathlib import Path
from typing import Annotated

import typer

from access.ssh.authorities import Keys, public_line
from console import ssh_files
from console.access_session import AccessSession
from console.commands.options import Json
from console.session import open_session
from console.show import OUT, print_json, report_engine
from factory.errors import AccessDenied


def authority(as_json: Json = False) -> None:
    """Print the line that a host's administrator puts into the file of sshd's TrustedUserCAKeys."""
    line = public_line(open_session(report_engine).root, Keys.HOSTS)
    if as_json:
        print_json({"authority": line})
    else:
        typer.echo(line)


def ssh_config(
    id: Annotated[
        str, typer.Argument(metavar="GRANT", help="Its id, or so much of its beginning or end.", show_default=False)
    ],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to; it is made.", show_default=False)],
    token: Annotated[
        str,
        typer.Option(
            "--token",
            envvar="MILLWRIGHT_GRANT",
            help="The grant's; best by the variable.",
            prompt=True,
            hide_input=True,
            show_default=False,
        ),
    ],
    as_json: Json = False,
) -> None:
    """Make a key of one use, its certificate until the grant's lease, and a configuration: for ssh, sftp and scp -F."""
    here = AccessSession.opened()
    grant = here.grant(id)
    if grant.provider_kind != "ssh":
        raise AccessDenied(f"the grant {grant.id} is for {grant.resource}, which is no host")
    files = ssh_files.write(here.session.root, grant, token, folder)
    if as_json:
        print_json({"config": str(files.config), "name": files.name})
        return
    for line in (f"ssh -F {files.config} {files.name}", f"sftp -F {files.config} {files.name}"):
        OUT.print(line, markup=False, soft_wrap=True)


def register(access: typer.Typer) -> None:
    """Add them to `millwright access`."""
    access.command()(authority)
    access.command("ssh-config")(ssh_config)
