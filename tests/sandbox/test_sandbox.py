"""What a confined process cannot do, each beside what it can; and that nothing runs when nothing confines."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest

import sandbox
from factory.errors import InputError, SandboxUnavailable
from sandbox import Bind, Confined, Limits, bubblewrap, python_binds, run, running, start_service

REPOSITORY = Path(__file__).parents[2]


def python(code: str, *binds: Bind, env: dict[str, str] | None = None, limits: Limits | None = None) -> sandbox.Ran:
    confined = Confined(
        argv=("python", "-c", textwrap.dedent(code)),
        binds=(*binds, *python_binds()),
        env=env or {},
        cwd="/",
        limits=limits or Limits(seconds=20),
    )
    return run(confined)


def test_a_command_runs_with_what_is_bound_and_its_words_arrive_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "seen").write_text("here")
    words = ("--", "-x", "two\nlines", "qu\"o'te", "ä €", "")
    ran = python("import sys; print(open('/own/seen').read(), sys.argv[1:])", Bind(tmp_path, "/own"))
    assert (ran.code, ran.out.strip()) == (0, "here []")
    echoed = run(Confined(argv=("/usr/bin/printf", "%s|", *words), cwd="/"))
    assert echoed.out == "|".join([*words, ""])


@pytest.mark.parametrize(
    "path",
    [
        "/etc/shadow",
        str(Path.home() / ".ssh"),
        str(REPOSITORY / "README.md"),
        str(REPOSITORY / ".git"),
        "/etc/resolv.conf",
    ],
)
def test_the_hosts_files_are_not_there(path: str) -> None:
    assert python(f"import os; print(os.path.exists({path!r}), os.path.exists('/usr'))").out.strip() == "False True"


def test_what_is_bound_read_only_stays_as_it_is_and_links_lead_nowhere(tmp_path: Path) -> None:
    locked, free = tmp_path / "locked", tmp_path / "free"
    locked.mkdir()
    free.mkdir()
    (locked / "a").write_text("a")
    (free / "out").symlink_to(locked / "a")
    ran = python(
        """
        for path in ("/locked/b", "/usr/b", "/free/out", "/free/b"):
            try:
                open(path, "w").write("x"); print(path, "written")
            except OSError as error:
                print(path, "refused")
        """,
        Bind(locked, "/locked"),
        Bind(free, "/free", writable=True),
    )
    assert ran.out.split("\n")[:4] == ["/locked/b refused", "/usr/b refused", "/free/out refused", "/free/b written"]
    assert (locked / "a").read_text() == "a"


def test_there_is_no_network_and_no_socket_of_the_host(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind("\0millwright-test-" + tmp_path.name)
        abstract.listen()
        port, name = tcp.getsockname()[1], abstract.getsockname().decode()
        code = f"""
            import socket
            def reach(family, address):
                try:
                    socket.socket(family).connect(address); return "reached"
                except OSError:
                    return "refused"
            print(reach(socket.AF_INET, ("127.0.0.1", {port})), reach(socket.AF_UNIX, {name!r}))
            own = socket.create_server(("127.0.0.1", 0))
            print(reach(socket.AF_INET, own.getsockname()))
        """
        assert python(code).out.split() == ["refused", "refused", "reached"]
        with socket.create_connection(("127.0.0.1", port), 2):
            pass


def test_nothing_of_the_host_is_inherited(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SECRET_OF_THE_HOST", "leak")
    with (tmp_path / "open").open("w") as held:
        os.set_inheritable(held.fileno(), True)
        ran = python("import os; print(sorted(os.environ), len(os.listdir('/proc/self/fd')))", env={"GIVEN": "1"})
    assert "SECRET_OF_THE_HOST" not in ran.out
    assert "GIVEN" in ran.out
    # Its three streams, and the one that lists.
    assert ran.out.split()[-1] == "4"


def test_a_value_of_the_environment_is_not_on_the_hosts_command_line() -> None:
    confined = Confined(argv=("/bin/sleep", "3"), env={"TOKEN": "s3cret-value"}, cwd="/", limits=Limits(seconds=5))
    with bubblewrap.told(confined) as told:
        words = bubblewrap.command_line(bubblewrap.program(), confined, told)
    assert "s3cret-value" not in " ".join(words)
    assert run(Confined(argv=("/usr/bin/env",), env={"TOKEN": "s3cret-value"}, cwd="/")).out.count("s3cret-value") == 1


def test_inside_there_is_one_account_and_nothing_is_kept_of_it_outside(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ran = run(Confined(argv=("/bin/sh", "-c", "id -un; cut -d: -f1 /etc/passwd /etc/group; ls /"), cwd="/"))
    assert ran.out.split()[:3] == ["nobody"] * 3
    assert "etc" in ran.out.split()
    # A process that is killed here could not remove it.
    assert list(tmp_path.iterdir()) == []


def test_other_processes_are_neither_seen_nor_signalled() -> None:
    ran = python(
        f"""
        import os
        print(len([p for p in os.listdir("/proc") if p.isdigit()]) < 6)
        try:
            os.kill({os.getpid()}, 0); print("signalled")
        except ProcessLookupError:
            print("nobody")
        """
    )
    assert ran.out.split() == ["True", "nobody"]


def test_a_user_namespace_of_its_own_is_refused() -> None:
    assert run(Confined(argv=("/usr/bin/unshare", "--user", "true"), cwd="/")).code != 0
    assert run(Confined(argv=("/usr/bin/mount", "-t", "tmpfs", "x", "/proc"), cwd="/")).code != 0
    assert run(Confined(argv=("/usr/bin/true",), cwd="/")).code == 0


def test_time_ends_everything_inside_also_what_has_left_the_session(tmp_path: Path) -> None:
    code = """
        import os, subprocess, time
        loop = "while sleep 0.2; do date +%s%N > /own/alive; done"
        subprocess.Popen(["/bin/sh", "-c", loop], start_new_session=True)
        time.sleep(60)
    """
    ran = python(code, Bind(tmp_path, "/own", writable=True), limits=Limits(seconds=1.5))
    assert ran.timed_out
    time.sleep(0.3)
    last = (tmp_path / "alive").read_text()
    time.sleep(0.8)
    assert (tmp_path / "alive").read_text() == last


def test_memory_files_and_output_are_bounded(tmp_path: Path) -> None:
    assert python("x = bytearray(700 * 2**20)", limits=Limits(memory_mib=256)).code != 0
    grown = python(
        "open('/own/f', 'wb').write(b'x' * 30 * 2**20)",
        Bind(tmp_path, "/own", writable=True),
        limits=Limits(file_mib=5),
    )
    assert grown.code != 0
    assert (tmp_path / "f").stat().st_size <= 5 * 2**20
    said = python("print('x' * 5_000_000)", limits=Limits(output_bytes=1000))
    assert (said.code, len(said.out), said.truncated) == (0, 1000, True)
    small = python("x = bytearray(2**20); print('ok')", limits=Limits(memory_mib=512))
    assert (small.code, small.out, small.truncated) == (0, "ok\n", False)


def test_without_bubblewrap_nothing_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def none() -> Path:
        raise SandboxUnavailable("no bubblewrap")

    running.probe.cache_clear()
    monkeypatch.setattr(running, "program", none)
    with pytest.raises(SandboxUnavailable):
        run(Confined(argv=("/usr/bin/touch", "/own/ran"), binds=(Bind(tmp_path, "/own", writable=True),), cwd="/own"))
    monkeypatch.undo()
    running.probe.cache_clear()
    assert not (tmp_path / "ran").exists()
    run(Confined(argv=("/usr/bin/touch", "/own/ran"), binds=(Bind(tmp_path, "/own", writable=True),), cwd="/own"))
    assert (tmp_path / "ran").exists()


SERVER = "import http.server as h; h.HTTPServer(('127.0.0.1', 8080), h.SimpleHTTPRequestHandler).serve_forever()"


def _served(folder: Path) -> sandbox.Served:
    confined = Confined(argv=("python", "-u", "-c", SERVER), binds=python_binds(), cwd="/")
    return start_service(confined, port=8080, socket=folder / "s", log=folder / "log")


def _ask(path: Path) -> bytes:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(2)
                client.connect(str(path))
                client.sendall(b"GET / HTTP/1.0\r\n\r\n")
                if answer := client.recv(100):
                    return answer
        except OSError:
            pass
        time.sleep(0.05)
    return b""


def test_a_service_is_reached_by_its_socket_and_ends_when_it_is_stopped(tmp_path: Path) -> None:
    served = _served(tmp_path)
    try:
        assert _ask(served.socket).startswith(b"HTTP/1.0 200")
        assert served.alive()
    finally:
        served.stop()
    assert not served.alive()
    assert not served.socket.exists()
    assert "GET / HTTP" in (tmp_path / "log").read_text()
    with pytest.raises(InputError, match="longer than a socket's path"):
        start_service(Confined(argv=("true",)), port=1, socket=tmp_path / ("x" * 120), log=tmp_path / "log")


def test_a_service_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    code = f"""
import sys, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from test_sandbox import _served
served = _served(Path({str(tmp_path)!r}))
print(served.pid, flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert _ask(tmp_path / "s").startswith(b"HTTP/1.0 200")
    os.kill(parent.pid, signal.SIGKILL)
    parent.communicate()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split(")")[1][:3]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
