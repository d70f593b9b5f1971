"""Nothing survives its sandbox, also what has taken hold of the sandbox's own first process."""

import os
import platform
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox import Bind, Confined, Limits, Served, bubblewrap, python_binds, run, running, start_service, syscalls

# A filter that lets everything pass.
ALLOWING = struct.pack("=HBBI", syscalls.RETURN, 0, 0, syscalls.ALLOW)
REPOSITORY = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="the attack is written for its registers")

# Makes pid 1 call prctl(PR_SET_PDEATHSIG, 0) by ptrace, then leaves a child that writes for as long as it lives.
ATTACK = """
import ctypes, os, struct, sys, time
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.restype, libc.ptrace.argtypes = ctypes.c_long, [ctypes.c_long] * 4
def registers(request, values=None):
    buffer = ctypes.create_string_buffer(struct.pack("27Q", *(values or [0] * 27)), 27 * 8)
    libc.ptrace(request, 1, 0, ctypes.addressof(buffer))
    return list(struct.unpack("27Q", buffer.raw))
attached = libc.ptrace(16, 1, 0, 0) == 0
if attached:
    os.waitpid(1, 0x40000000)
    before = registers(12)
    orig_rax, rip = before[15], before[16]
    calling = list(before)
    calling[10], calling[15], calling[16] = 157, 2**64 - 1, rip - 2
    calling[14], calling[13], calling[12], calling[7], calling[9] = 1, 0, 0, 0, 0
    registers(13, calling)
    libc.ptrace(9, 1, 0, 0)
    os.waitpid(1, 0x40000000)
    after = registers(12)
    again = list(before)
    again[10], again[15], again[16] = orig_rax, 2**64 - 1, rip - 2
    registers(13, again)
    libc.ptrace(17, 1, 0, 0)
    attached = after[10] == 0
print("held" if attached else "refused", flush=True)
if os.fork() == 0:
    os.setsid()
    nothing = os.open("/dev/null", os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    while True:
        open("/own/alive", "w").write(str(time.monotonic_ns()))
        time.sleep(0.05)
while not os.path.exists("/own/alive"):
    time.sleep(0.01)
time.sleep(STAYS)
"""


def confined(folder: Path, stays: float, seconds: float = 20) -> Confined:
    return Confined(
        argv=("python", "-c", ATTACK.replace("STAYS", str(stays))),
        binds=(*python_binds(), Bind(folder, "/own", writable=True)),
        cwd="/",
        limits=Limits(seconds=seconds),
    )


def alive(folder: Path) -> bool:
    """Whether the child still writes, a moment after its sandbox's end."""
    time.sleep(0.3)
    last = (folder / "alive").read_text()
    time.sleep(0.4)
    return (folder / "alive").read_text() != last


def served(folder: Path) -> Served:
    made = start_service(confined(folder, 60), port=8080, socket=folder / "s", log=folder / "log")
    deadline = time.monotonic() + 10
    while not (folder / "alive").exists():
        assert time.monotonic() < deadline, (folder / "log").read_text()
        time.sleep(0.02)
    return made


@pytest.fixture(autouse=True)
def first_process_can_be_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the filter of system calls, so that this defence is seen alone."""
    running.probe()
    monkeypatch.setattr(syscalls, "refusing", lambda: ALLOWING)


@pytest.mark.long
def test_a_control_without_the_outer_namespace_it_survives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bubblewrap, "_outer", lambda *_: [])
    ran = run(confined(tmp_path, 0))
    held = ran.out.startswith("held")
    survived = alive(tmp_path)
    # Its own folder is how it is found and ended.
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and str(tmp_path).encode() in _words(entry):
            os.kill(int(entry.name), signal.SIGKILL)
    assert (held, survived) == (True, True)
    time.sleep(0.2)
    assert not alive(tmp_path)


def _words(entry: Path) -> bytes:
    try:
        return (entry / "cmdline").read_bytes()
    except OSError:
        return b""


def test_it_ends_with_the_command(tmp_path: Path) -> None:
    assert run(confined(tmp_path, 0)).out == "held\n"
    assert not alive(tmp_path)


def test_it_ends_when_time_is_over(tmp_path: Path) -> None:
    ran = run(confined(tmp_path, 60, seconds=2))
    assert (ran.timed_out, ran.out) == (True, "held\n")
    assert not alive(tmp_path)


def test_it_ends_with_the_service(tmp_path: Path) -> None:
    service = served(tmp_path)
    assert not service.socket.exists() or service.alive()
    service.stop(0.2)
    assert "held" in (tmp_path / "log").read_text()
    assert not alive(tmp_path)


def test_it_ends_with_the_process_that_started_the_sandbox(tmp_path: Path) -> None:
    code = f"""
import sys, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
import test_sandbox_ends as own
from sandbox import running, syscalls
running.probe()
syscalls.refusing = lambda: own.ALLOWING
own.served(Path({str(tmp_path)!r}))
print("up", flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "up\n"
    assert "held" in (tmp_path / "log").read_text()
    assert alive(tmp_path)
    parent.kill()
    parent.communicate()
    assert not alive(tmp_path)


def test_the_filter_of_system_calls_alone_refuses_the_attack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert run(confined(tmp_path, 0)).out == "refused\n"
    assert not alive(tmp_path)


def test_a_service_that_behaves_is_asked_to_end_before_it_is_ended(tmp_path: Path) -> None:
    code = (
        "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7));"
        " open('/own/up', 'w'); time.sleep(60)"
    )
    asked = Confined(
        argv=("python", "-c", code), binds=(*python_binds(), Bind(tmp_path, "/own", writable=True)), cwd="/"
    )
    service = start_service(asked, port=8080, socket=tmp_path / "s", log=tmp_path / "log")
    deadline = time.monotonic() + 10
    while not (tmp_path / "up").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    service.stop(10)
    assert service.exit_code() == 7
