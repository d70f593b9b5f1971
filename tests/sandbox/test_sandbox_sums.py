"""What one sandbox uses in sum is bounded, each beside what it may use."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox import Bind, Confined, Limits, Ran, Served, python_binds, run, start_service, usage

FILL = """
import os, sys, time
for number in range(int(sys.argv[1])):
    file = open(f"/own/{number}", "wb")
    if "removed" in sys.argv:
        os.unlink(file.name)
        globals()[f"kept{number}"] = file
    file.write(b"x" * 2**20)
    file.flush()
print("written", flush=True)
time.sleep(float(sys.argv[2]))
"""


def python(code: str, *words: str, folder: Path | None = None, limits: Limits | None = None) -> Ran:
    binds = (*python_binds(), *((Bind(folder, "/own", writable=True),) if folder else ()))
    argv = ("python", "-c", code, *words)
    return run(Confined(argv=argv, binds=binds, cwd="/", limits=limits or Limits(seconds=20)))


def test_only_the_places_that_have_a_size_can_be_written_to() -> None:
    code = """
import os
for place in ("/x", "/etc/x", "/run", "/dev/x", "/dev/shm/x", "/tmp/x"):
    try:
        open(place, "w").close(); print(place)
    except OSError: pass
for place in ("/dev/shm", "/tmp"):
    told = os.statvfs(place); print(told.f_blocks * told.f_frsize // 2**20)
"""
    assert python(code).out.split() == ["/dev/shm/x", "/tmp/x", "64", "512"]  # noqa: S108 -- of the sandbox


@pytest.mark.parametrize("how", ["named", "removed"])
def test_a_command_whose_folder_grows_over_the_limit_is_ended_and_told(tmp_path: Path, how: str) -> None:
    limits = Limits(seconds=15, disk_mib=20)
    over = python(FILL, "60", "10", how, folder=tmp_path, limits=limits)
    assert over.ended_for.startswith("DiskLimitExceeded")
    assert over.ended_for in over.err
    assert (over.code, over.timed_out) == (137, False)
    for file in tmp_path.iterdir():
        file.unlink()
    under = python(FILL, "10", "0.6", how, folder=tmp_path, limits=limits)
    assert (under.code, under.ended_for, under.out) == (0, "", "written\n")


def test_nothing_hides_from_the_limit_in_depth(tmp_path: Path) -> None:
    code = "import os, time\nos.chdir('/own')\nfor _ in range(300): os.mkdir('d'); os.chdir('d')\ntime.sleep(10)"
    deep = python(code, folder=tmp_path)
    assert deep.ended_for.startswith("DiskLimitExceeded")


def test_a_command_with_too_many_processes_is_ended_also_for_root() -> None:
    code = "import os, sys, time\nfor _ in range(int(sys.argv[1])):\n    if not os.fork(): time.sleep(8); os._exit(0)\n"
    limits = Limits(seconds=15, processes=20)
    over = python(code + "time.sleep(8)", "60", limits=limits)
    assert over.ended_for.startswith("ProcessLimitExceeded") or "BlockingIOError" in over.err
    under = python(code + "time.sleep(0.6)", "10", limits=limits)
    assert (under.code, under.ended_for) == (0, "")


@contextmanager
def served(folder: Path, code: str, limits: Limits | None = None) -> Iterator[Served]:
    own = folder / "own"
    own.mkdir()
    confined = Confined(
        argv=("python", "-c", code, "60", "30"),
        binds=(*python_binds(), Bind(own, "/own", writable=True)),
        cwd="/",
        limits=limits or Limits(memory_mib=4096),
    )
    service = start_service(confined, port=8080, socket=folder / "s", log=folder / "log")
    try:
        yield service
    finally:
        service.stop(0)


def test_a_service_whose_folder_grows_over_the_limit_is_ended_for_a_named_reason(tmp_path: Path) -> None:
    with served(tmp_path, FILL, Limits(disk_mib=20)) as service:
        deadline = time.monotonic() + 10
        while service.alive():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert service.ended_for.startswith("DiskLimitExceeded")


@pytest.mark.parametrize(
    "hold",
    [
        "import mmap; m = mmap.mmap(-1, 60 << 20); m.write(b'x' * (60 << 20))",
        "m = bytearray(b'x' * (60 << 20))",
        "open('/tmp/f', 'wb').write(b'x' * (60 << 20))",
        "open('/dev/shm/f', 'wb').write(b'x' * (60 << 20))",
        "import os; f = os.memfd_create('x'); os.write(f, b'x' * (60 << 20))",
    ],
)
def test_memory_is_counted_however_it_is_held(tmp_path: Path, hold: str) -> None:
    begin = "import time; open('/own/begun', 'w'); time.sleep(0.5)\n"
    with served(tmp_path, f"{begin}{hold}\nopen('/own/held', 'w'); time.sleep(30)") as service:
        seen = {}
        for name in ("begun", "held"):
            deadline = time.monotonic() + 10
            while not (tmp_path / "own" / name).exists():
                assert time.monotonic() < deadline, (tmp_path / "log").read_text()
                time.sleep(0.02)
            seen[name] = service.used_mib()
        # Where a bound is enough, it is never less than what is held; where it is not, what is held is told.
        assert seen["held"] <= service.used_mib(enough=4096) < 4096
        assert abs(service.used_mib(enough=1) - seen["held"]) <= 2
        assert 55 <= seen["held"] - seen["begun"] <= 130


def test_the_family_of_a_service_is_found_through_both_namespaces(tmp_path: Path) -> None:
    with served(tmp_path, "import time; open('/own/up', 'w'); time.sleep(30)") as service:
        deadline = time.monotonic() + 10
        while not (tmp_path / "own" / "up").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        names = [Path(f"/proc/{pid}/comm").read_text().strip() for pid in usage.family(service.pid)]
        # The shell watches the owner; see sandbox.owner.
        assert sorted(names) == ["bwrap"] * 4 + ["python"] * 2 + ["sh"]
