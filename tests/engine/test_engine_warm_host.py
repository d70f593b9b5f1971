"""The language host that the driver forks: it serves the real engine, and ends with whoever started it."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from engine_helpers import ONE_THING, MakeProject, gone, make_pack

pytestmark = pytest.mark.engine
REPOSITORY = Path(__file__).parents[2]

PACK = """
import os
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

def resource(args, report):
    if args.name == "forbidden":
        report(f"no resource may have this name, says process {os.getpid()} of {os.environ['WHOSE']}")

PolicyPack("pack", enforcement_level=EnforcementLevel.MANDATORY, policies=[
    ResourceValidationPolicy(name="names", description="names", validate=resource),
])
"""
STARTER = """
import sys
from pathlib import Path
import pulumi.policy
from engine import warm_host
host = warm_host.start(Path(sys.argv[1]), packs=1)
print(host.port, flush=True)
sys.stdin.readline()
host.close()
sys.stdin.readline()
"""


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return make_pack(tmp_path, PACK)


@pytest.fixture
def starter(pack: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-P", "-c", STARTER, str(pack)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def port_of(starter: "subprocess.Popen[str]") -> int:
    assert starter.stdout is not None
    return int(starter.stdout.readline())


def below(starter: "subprocess.Popen[str]") -> list[psutil.Process]:
    """The host, and the process that stands ready to run the pack."""
    found = psutil.Process(starter.pid).children(recursive=True)
    assert len(found) == 2
    return found


def test_a_pack_runs_in_the_process_that_stands_ready_and_later_in_one_of_its_own(
    make_project: MakeProject, pack: Path, starter: "subprocess.Popen[str]"
) -> None:
    project = make_project(ONE_THING.replace("NAME", "forbidden"), pack=pack)
    project.extra |= {"PULUMI_DEBUG_LANGUAGES": f"python:{port_of(starter)}", "WHOSE": "the engine"}
    ready = {process.pid for process in below(starter)}
    said = []
    for _ in range(2):
        preview = project.run("preview", "-s", "dev")
        assert preview.returncode != 0
        found = re.search(r"no resource may have this name, says process (\d+) of the engine", preview.stdout)
        assert found, preview.stdout
        said.append(int(found[1]))
    assert said[0] in ready
    assert said[1] not in ready
    project.folder.joinpath("__main__.py").write_text(ONE_THING.replace("NAME", "allowed"))
    assert project.run("preview", "-s", "dev").returncode == 0


def test_it_ends_when_it_is_closed(starter: "subprocess.Popen[str]") -> None:
    port_of(starter)
    started = below(starter)
    assert starter.stdin is not None
    starter.stdin.write("\n")
    starter.stdin.flush()
    assert gone(started)
    assert starter.poll() is None


def test_it_ends_when_who_started_it_is_killed_and_not_by_a_ctrl_c_at_the_terminal(
    starter: "subprocess.Popen[str]",
) -> None:
    port_of(starter)
    started = below(starter)
    # A terminal's SIGINT goes to the group of the foreground.
    assert os.getsid(starter.pid) not in {os.getsid(process.pid) for process in started}
    assert os.getpgid(starter.pid) not in {os.getpgid(process.pid) for process in started}
    starter.send_signal(signal.SIGKILL)
    assert gone(started)


BEGUN = """
import os, sys
from pathlib import Path
from engine import prepared
prepared.PACK_RUNNER = "sleeper"
pack = prepared.Prepared()
pack.begin(["x" * 300_000], cwd=Path(sys.argv[1]), environment={})
assert pack.stdout.readline() == b"300000\\n"
print(pack.pid, flush=True)
sys.stdin.readline()
"""


def test_a_pack_that_has_begun_ends_when_its_host_is_killed(tmp_path: Path) -> None:
    (tmp_path / "sleeper.py").write_text("import sys, time; print(len(sys.argv[1])); time.sleep(60)")
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{REPOSITORY}"}
    host = subprocess.Popen(
        [sys.executable, "-c", BEGUN, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    )
    with host:
        assert host.stdout is not None
        pack = psutil.Process(int(host.stdout.readline()))
        assert pack.is_running()
        host.kill()
    assert gone([pack])


def test_a_process_that_runs_threads_is_not_forked() -> None:
    code = "import threading, time; from pathlib import Path; from engine import warm_host\n"
    code += "threading.Thread(target=time.sleep, args=(30,), daemon=True).start()\n"
    code += "print(warm_host.start(Path('.'), 1))"
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, timeout=30, check=True
    )
    assert ran.stdout == "None\n", ran.stderr
