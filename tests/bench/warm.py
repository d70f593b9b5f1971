"""One operation through the Automation API in a process that has the SDK already: what a driver's worker does.

Forked from a server that imported this module; the provider is the local cloud's, attached by EngineEnv.
"""

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from multiprocessing.connection import Connection
from pathlib import Path

from pulumi import automation as auto

from stacks.driver.known import KnownCommand, KnownStack
from tests.bench.declare import TYPES, declare
from tests.bench.plan import Plan

# Named once, they are loaded: the SDK's modules come with their first use, and a driver's server has had that.
LOADED = TYPES


class Work(Enum):
    """What a worker does. `NOTHING` makes the server import the SDK."""

    NOTHING = "nothing"
    CREATE = "create"
    PREVIEW = "preview"
    REFRESHED_PREVIEW = "refreshed preview"
    DESTROY = "destroy"


@dataclass(frozen=True)
class Job:
    """One operation on an existing stack."""

    work: Work
    stack: str
    plan: Plan
    folder: Path
    cli: Path
    version: str
    environment: Mapping[str, str]


def _stack(job: Job) -> KnownStack:
    return KnownStack(
        job.stack,
        auto.LocalWorkspace(
            work_dir=str(job.folder),
            program=lambda: declare(job.plan),
            env_vars={"PULUMI_BACKEND_URL": job.environment["PULUMI_BACKEND_URL"]},
            pulumi_command=KnownCommand(job.cli, job.version),
        ),
    )


def work(job: Job, connection: Connection) -> None:
    """Do `job` and send "" or what went wrong."""
    os.environ.clear()
    os.environ.update(job.environment)
    failed = ""
    try:
        _do(job)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 -- the edge: what is wrong must reach the caller
        failed = f"{type(error).__name__}: {error}"
    # A caller that was stopped listens no more.
    with contextlib.suppress(OSError):
        connection.send(failed)
    connection.close()
    # As the driver's process: there is nothing to wait for.
    os._exit(0)


def _do(job: Job) -> None:
    match job.work:
        case Work.CREATE:
            _stack(job).up()
        case Work.PREVIEW:
            _stack(job).preview(expect_no_changes=True)
        case Work.REFRESHED_PREVIEW:
            _stack(job).preview(expect_no_changes=True, refresh=True)
        case Work.DESTROY:
            _stack(job).destroy()
