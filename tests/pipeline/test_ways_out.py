"""A task that app.yaml lets out has its proxy for as long as it runs, and no other task has one."""

import json
from pathlib import Path

import pytest
from task_bench import BEGIN, SUBMITS, SUBMITTED, TaskBench, make_task_bench

from access.client import Proxies
from factory.errors import MillwrightError

# Asks the proxy, as the forwarder in a sandbox does, for a host that is on no list; keeps what it is told.
ASKS = """python3 - <<'PROGRAM'
import socket
with socket.socket(socket.AF_UNIX) as way:
    way.settimeout(60)
    way.connect("way/s")
    way.sendall(b"127.128.0.1 3128\\n")
    way.recv(1)
    way.sendall(b"CONNECT evil.example.net:443 HTTP/1.1\\r\\nHost: evil.example.net:443\\r\\n\\r\\n")
    open("answer", "wb").write(way.recv(12))
PROGRAM
"""


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TaskBench:
    return make_task_bench(tmp_path, monkeypatch)


def let_out(bench: TaskBench, *hosts: str) -> None:
    """Write the list of the coder's hosts into the app's file."""
    path = bench.context.root.apps / "links" / "app.yaml"
    text = path.read_text()
    assert "  coder:\n" in text
    path.write_text(text.replace("  coder:\n", f"  coder:\n    egress: {json.dumps(hosts)}\n", 1))


def test_a_task_asks_the_proxy_while_it_runs_and_finds_nothing_afterwards(bench: TaskBench) -> None:
    let_out(bench, "api.example.com")
    bench.agent(BEGIN + ASKS + "cp given.json outcome.json")
    folder = bench.context.root.tasks / "links.tags.coder.1"
    assert bench.run() == SUBMITTED
    assert (folder / "answer").read_bytes() == b"HTTP/1.1 403"
    assert json.loads((folder / "brief.json").read_text())["egress"] == {
        "socket": str(folder / "way" / "s"),
        "proxy": "http://127.128.0.1:3128",
        "hosts": ["api.example.com"],
    }
    assert not (folder / "way" / "s").exists()
    (refused,) = bench.told("egress.refused")
    assert (refused.task, refused.properties["host"]) == ("links.tags.coder.1", "evil.example.net")
    assert bench.told("task.started")[0].properties["egress"] == ["api.example.com"]
    bench.context.proxies.close()


def test_a_task_of_another_function_has_no_way(bench: TaskBench) -> None:
    let_out(bench, "api.example.com")
    bench.agent(SUBMITS)
    assert bench.run(function="code-reviewer") == SUBMITTED
    folder = bench.context.root.tasks / "links.tags.code-reviewer.1"
    assert json.loads((folder / "brief.json").read_text())["egress"] is None
    assert not (folder / "way").exists()
    assert bench.context.proxies._running == {}


def test_a_task_that_is_let_out_does_not_begin_without_its_proxy(
    bench: TaskBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_out(bench, "api.example.com")
    monkeypatch.setattr(bench.context.proxies, "_command", ("/bin/false",))
    with pytest.raises(MillwrightError, match=r"egress proxy does not (answer|run)"):
        bench.run()
    assert not (bench.folder("links.tags.coder.1") / "begun").exists()
    monkeypatch.setattr(bench.context.proxies, "_command", Proxies()._command)
    assert bench.run() == SUBMITTED
    bench.context.proxies.close()
