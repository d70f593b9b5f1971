"""`millwright access connect`: a person walks the way that agents' tasks walk, and it is recorded alike."""

import typer

from console.commands import (
    access_connect_api,
    access_connect_aws,
    access_connect_git,
    access_connect_psql,
    access_connect_secret,
    access_connect_ssh,
)

connect = typer.Typer(no_args_is_help=True, help="Be let in, work, and be out again when you leave.")
access_connect_psql.register(connect)
access_connect_ssh.register(connect)
access_connect_aws.register(connect)
access_connect_secret.register(connect)
access_connect_api.register(connect)
access_connect_git.register(connect)


def register(access: typer.Typer) -> None:
    """Add `connect` to `millwright access`."""
    access.add_typer(connect, name="connect")
