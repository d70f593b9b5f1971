"""What a task's commands may reach: nothing, or the hosts that app.yaml names for its function, through the proxy."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from access.client import Asker
from agents.brief import EgressWay
from factory.spec import Function
from pipeline.context import Context
from pipeline.records import ChangeRecord

WAY = "way"


@contextmanager
def way_out(
    context: Context, record: ChangeRecord, function: str, task: str, folder: Path
) -> Iterator[EgressWay | None]:
    """The task's way out, open while the block runs; None, and nothing is opened, where app.yaml names no host.

    Raises MillwrightError when there should be one and nothing can decide and record what goes through it.
    """
    hosts = context.spec(record.app).agents[Function(function)].egress
    asker = Asker(app=record.app, change=record.change, task=task, function=function)
    with context.proxies.opened(context.root, context.database, asker, hosts, folder / WAY) as way:
        yield EgressWay(socket=way.socket, proxy=way.proxy, hosts=hosts) if way else None
