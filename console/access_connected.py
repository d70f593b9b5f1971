"""To be let in, work with some program, and be out again when it ends: what every `access connect` does."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from access.grants import Grant, Overtaken, Wanted
from console.access_session import AccessSession
from console.show import ERR
from factory.errors import MillwrightError


@contextlib.contextmanager
def connected(here: AccessSession, wanted: Wanted, key: Path | None) -> Iterator[tuple[Grant, str]]:
    """The open grant and its token, while the block runs. `key` is that of the person who asks (`wanted.principal`).

    Raises AccessDenied, InputError, CloudUnavailable.
    """
    here.broker()
    given = here.desk.ask(wanted, here.signs(wanted.principal, key))
    left = "it was left"
    try:
        grant = here.opened_grant(given.grant, decided=True)
        ERR.print(f"[dim]grant {grant.id}: {grant.scope}, recorded, until {str(grant.lease_until)[11:19]} UTC[/]")
        yield grant, given.token
    except KeyboardInterrupt:
        left = "it was given up"
        raise
    finally:
        with contextlib.suppress(Overtaken, MillwrightError):
            here.desk.end(here.read(given.grant), left, actor=wanted.principal)


def run_below(command: Sequence[str], told: Mapping[str, str], without: tuple[str, ...] = ()) -> int:
    """Run a program that a person works with, told by variables beside our own (but for those that begin as `without`
    says); its exit status.

    Ctrl-C is its own: in psql it ends a query and not psql, and whoever waits for that must not end either.
    """
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        # What is secret goes by the environment: arguments are for everybody to see.
        kept = {name: value for name, value in os.environ.items() if not name.startswith(without)}
        return subprocess.run(command, env={**kept, **told}, check=False).returncode
    finally:
        signal.signal(signal.SIGINT, before)
