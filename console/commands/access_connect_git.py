"""`millwright access connect git`: git at an app's repository, through the door that records every fetch and push."""

import base64
import shutil
from typing import Annotated

import typer

from access.git.judging import CHANGES, is_branch
from access.grants import Wanted
from console.access_clients import client_of
from console.access_connected import connected, run_below
from console.access_session import AccessSession
from console.commands.access_options import RUNS_ANOTHER, App, HowFar, Minutes, Reason
from console.identity import OwnKey, Who, identify
from factory.errors import InputError
from factory.spec import Environment, Scope
from factory.spec.access import REPOSITORY

Change = Annotated[
    str | None,
    typer.Option(
        "--change",
        metavar="ID",
        help="The change whose branch you push to. Default: your own, `people/YOU/...`.",
        show_default=False,
    ),
]


def git(  # noqa: PLR0913, PLR0917 -- one option for each thing that is asked for
    context: typer.Context,
    name: App,
    change: Change = None,
    reason: Reason = "",
    scope: HowFar = Scope.READ,
    minutes: Minutes = None,
    person: Who = None,
    key: OwnKey = None,
) -> None:
    """Run git at an app's repository, which is `millwright:APP`. After `--`: what git is to do.

    As in: millwright access connect git links -- clone millwright:links. Every fetch and push is recorded; the grant
    ends with git.
    """
    here = AccessSession.opened()
    who, key = identify(here.session, person, key)
    wanted = Wanted(
        app=name,
        environment=here.place(name, Environment.BUILD),
        resource=REPOSITORY,
        scope=scope,
        principal=who.id,
        change=named(change),
        reason=reason or "git",
        minutes=minutes,
    )
    client = shutil.which("git")
    if client is None:
        raise InputError("git is not here", hint="apt-get install git")
    with connected(here, wanted, key) as (grant, token):
        told = client_of(here.session.root, grant)["environment"]
        code = run_below([client, *context.args], {**told, **_shown(grant.door, token)})
    raise typer.Exit(code)


def named(change: str | None) -> str | None:
    """The change that a person names. Raises InputError for a name that no change has."""
    if change is not None and not is_branch(CHANGES + change):
        raise InputError(f"{change!r} is no id of a change", hint="millwright change list")
    return change


def register(connect: typer.Typer) -> None:
    """Add `git` to `millwright access connect`."""
    connect.command("git", context_settings=RUNS_ANOTHER)(git)


def _shown(door: str, token: str) -> dict[str, str]:
    """The token to this door and to no other host, so that git asks nobody for it."""
    basic = base64.b64encode(f"grant:{token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "2",
        # No user in it: git would send that one, without a password, beside the header.
        "GIT_CONFIG_KEY_0": f"url.https://{door}.insteadOf",
        "GIT_CONFIG_KEY_1": f"http.https://{door.partition('/')[0]}/.extraHeader",
        "GIT_CONFIG_VALUE_1": f"Authorization: Basic {basic}",
    }
