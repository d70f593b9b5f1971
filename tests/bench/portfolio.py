"""How long a portfolio of apps takes to stand up: `python -m tests.bench.portfolio --apps 100`.

Every app is a copy of links with its own network; `millwright up --all` brings its build environment up. The peer is
the run itself: the last ten stacks against the first ten, for what grows with what stands already. Afterwards
everything must be there, and a preview of one stack must change nothing; then all is removed with the folder.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from factory import daemons
from factory.paths import FactoryRoot
from tests.bench.cost import Memory

REPOSITORY = Path(__file__).parents[2]
MILLWRIGHT = str(Path(sys.executable).parent / "millwright")
EDGE = 10
MIB = 1024 * 1024


def main() -> None:
    """Declare the apps, bring them up, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--apps", type=int, default=100)
    arguments = parser.parse_args()
    if not 2 <= arguments.apps <= 250:
        parser.error("--apps: 2 to 250 (each has a /16 of 10.0.0.0/8)")
    with tempfile.TemporaryDirectory() as folder:
        root = FactoryRoot(Path(folder).resolve() / "factory")
        declare(root, arguments.apps)
        try:
            measure(root, arguments.apps)
        finally:
            daemons.stop(root, daemons.LOCAL_CLOUD)


def declare(root: FactoryRoot, apps: int) -> None:
    """A factory of `apps` apps."""
    subprocess.run([MILLWRIGHT, "init", str(root.path), "--app", "app-0"], check=True, capture_output=True)
    shutil.rmtree(root.apps / "app-0")
    source = REPOSITORY / "apps" / "links"
    declared = (source / "app.yaml").read_text()
    for number in range(apps):
        app = root.apps / f"app-{number}"
        shutil.copytree(source / "source", app / "source", ignore=shutil.ignore_patterns("__pycache__", ".*"))
        text = declared.replace("name: links", f"name: app-{number}").replace("10.20.0.0/16", f"10.{number}.0.0/16")
        (app / "app.yaml").write_text(text)


def measure(root: FactoryRoot, apps: int) -> None:
    """Print the time, the memory, and the last stacks against the first."""
    begun = time.monotonic()
    command = [MILLWRIGHT, "up", "--all", "-e", "build", "--json"]
    with subprocess.Popen(command, cwd=root.path, stdout=subprocess.PIPE, text=True) as process:
        memory = Memory([process.pid], root)
        finished = [event for line in process.stdout or () if (event := json.loads(line))["event"] == "finished"]
        peak = memory.end()
    if process.returncode:
        raise SystemExit(f"up --all ended with {process.returncode}")
    seconds = time.monotonic() - begun
    results = [event["result"] for event in finished]
    made = sum(sum(each["changes"].values()) for each in results)
    print(f"{len(results)} stacks, {made} resources in {seconds / 60:.1f} min; peak {peak // MIB} MiB", flush=True)
    first, last = ([each["duration"] for each in part] for part in (results[:EDGE], results[-EDGE:]))
    ratio = median(last) / median(first)
    print(f"first {len(first)}: median {median(first):.1f} s; last: {median(last):.1f} s; {ratio:.2f}x", flush=True)
    if len(results) != apps:
        raise SystemExit(f"{apps} apps are declared, and {len(results)} were brought up")
    require_settled(root, f"app-{apps - 1}")


def require_settled(root: FactoryRoot, app: str) -> None:
    """A preview of what stands must change nothing."""
    command = [MILLWRIGHT, "preview", app, "build", "--json"]
    ran = subprocess.run(command, cwd=root.path, capture_output=True, text=True, check=True)
    changes: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])["result"]["changes"]
    if set(changes) != {"same"}:
        raise SystemExit(f"a preview of {app} after it was brought up says {changes}")


if __name__ == "__main__":
    main()
