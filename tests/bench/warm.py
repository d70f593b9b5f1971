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
from pulumi.automation._stack import StackInitMode
from semver import VersionInfo

from tests.bench.declare import declare
from tests.bench.plan import Plan


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


class _Command(auto.PulumiCommand):
    """The known CLI: asking its version would cost a process per operation."""

    def __init__(self, job: Job) -> None:
        self.command = str(job.cli)
        self.version = VersionInfo.parse(job.version.removeprefix("v"))


class _Stack(auto.Stack):
    """A stack that exists: selecting it would cost a process."""

    def __init__(self, job: Job) -> None:
        self.name = job.stack
        self.workspace = auto.LocalWorkspace(
            work_dir=str(job.folder), program=lambda: declare(job.plan), pulumi_command=_Command(job)
        )
        self._mode = StackInitMode.SELECT


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


def _do(job: Job) -> None:
    match job.work:
        case Work.CREATE:
            _Stack(job).up()
        case Work.PREVIEW:
            _Stack(job).preview(expect_no_changes=True)
        case Work.REFRESHED_PREVIEW:
            _Stack(job).preview(expect_no_changes=True, refresh=True)
        case Work.DESTROY:
            _Stack(job).destroy()
