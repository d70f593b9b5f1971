"""An agent's `run` tool: with a list it has the proxy and nothing else, without one it has no network at all."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from egress_place import ASKER, HOST, PUBLIC, Host, host

from access.client import Proxies
from agents.brief import EgressWay, TaskBrief, TaskLimits
from agents.fence import Fence
from agents.prompt import first_message
from agents.task import toolbox
from agents.tools.inputs import Run
from agents.tools.results import Result
from factory import db, events
from factory.paths import FactoryRoot
from factory.settings import Settings

COMMAND = (sys.executable, "-P", str(Path(__file__).parent / "egress_standin.py"))
LOOK = """
import os, socket, ssl, sys, urllib.request
run = os.path.isdir("/run") and sorted(os.listdir("/run"))
print(sorted(name for name in os.environ if "proxy" in name.lower()), run)
try:
    socket.create_connection((sys.argv[2], int(sys.argv[3])), 2)
    print("net open")
except OSError:
    print("net shut")
context = ssl.create_default_context(cafile="host.pem")
try:
    print(urllib.request.urlopen(sys.argv[1], timeout=20, context=context).read().decode())
except OSError as error:
    print("nothing came")
"""


@pytest.fixture
def worktree(tmp_path: Path) -> Path:
    folder = tmp_path / "task" / "worktree"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def there(worktree: Path) -> Iterator[Host]:
    with host(worktree) as found:
        yield found


def brief(worktree: Path, egress: EgressWay | None) -> TaskBrief:
    return TaskBrief(
        **(ASKER.model_dump() | {"attempt": "1", "model_name": "m", "scripted": True, "door": "http://127.0.0.1:1"}),
        worktree=worktree,
        quiet=worktree.parent / "quiet.lock",
        limits=TaskLimits(turns=1, minutes=1, dollars=1),
        tools=("run",),
        context=[],
        egress=egress,
    )


def looked(given: TaskBrief, there: Host, *more: str) -> Result:
    argv = ["python", "-c", LOOK, f"https://{HOST}:{there.port}/", PUBLIC, str(there.port)]
    return toolbox(given, given.worktree.parent).runner.run(Run(argv=list(more) or argv), 60)


def test_a_run_has_the_way_of_its_task_and_no_network_beside_it(worktree: Path, there: Host, tmp_path: Path) -> None:
    root, proxies = FactoryRoot(tmp_path), Proxies(COMMAND)
    root.settings_file.write_text("aws: local\n")
    database, hosts = db.connect(root, Settings()), [f"{HOST}:{there.port}"]
    with proxies.opened(root, database, ASKER, hosts, worktree.parent / "way") as way:
        assert way
        given = brief(worktree, EgressWay(socket=way.socket, proxy=way.proxy, hosts=hosts))
        result = looked(given, there)
        # What it runs ends and fails as it does without a way.
        missing = looked(given, there, "no-such-program")
        failing = looked(given, there, "python", "-c", "raise SystemExit(3)")
    proxies.close()
    assert not result.error, result
    assert sorted((result.data or "").splitlines()) == [
        "['HTTPS_PROXY', 'https_proxy'] ['forwarder.py', 'way']",
        "hello",
        "net shut",
    ]
    assert (missing.said.split(" after ")[0], failing.said.split(" after ")[0]) == ("exit code 127", "exit code 3")
    with db.transaction(database) as connection:
        told = events.recent(connection, app="links")
    assert [(event.kind, event.actor) for event in told] == [
        ("egress.allowed", "agent:links/coder/links.sums.coder.1"),
        ("egress.ended", "agent:links/coder/links.sums.coder.1"),
    ]


def test_without_a_list_nothing_is_there(worktree: Path, there: Host) -> None:
    result = looked(brief(worktree, None), there)
    assert (result.data or "").splitlines() == ["[] False", "net shut", "nothing came"]
    assert there.reached == []


def test_the_model_is_told_of_the_hosts_where_there_are_any(worktree: Path) -> None:
    way = EgressWay(socket=worktree / "s", proxy="http://127.128.0.1:3128", hosts=[HOST, "*.files.example.com"])
    assert f"over TLS, and nothing else: {HOST}, *.files.example.com" in first_message(brief(worktree, way), Fence("n"))
    assert "TLS" not in first_message(brief(worktree, None), Fence("n"))
