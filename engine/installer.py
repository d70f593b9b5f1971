"""The third way to an engine: the vendor's own installer, through the SDK. It needs the vendor's site."""

import subprocess
import threading
import urllib.request
from importlib.metadata import version as installed_version
from pathlib import Path

from engine.machine import Machine, NotThisWay
from engine.path_cli import version_of
from engine.progress import Progress, Report

# Without the site (offline, or behind a wall that drops packets) the next way must be tried soon.
PROBE_SECONDS = 6.0
INSTALL_SECONDS = 600.0
INSTALL = """
import sys
from pulumi.automation import PulumiCommand
from semver import VersionInfo
PulumiCommand.install(root=sys.argv[1], version=VersionInfo.parse(sys.argv[2]))
"""


def official_version() -> str:
    """The engine version that the installed SDK belongs to, which the vendor's installer fetches (`v3.272.0`)."""
    return f"v{installed_version('pulumi')}"


def install(machine: Machine, scratch: Path, report: Report, wanted: str) -> Path:
    """Install the official engine `wanted` under `scratch`; its `bin` folder, which holds the language hosts too.

    Raises NotThisWay when the site cannot be reached, or the installer fails or installs something else.
    """
    _probe(machine.installer_url)
    report(Progress("install", f"Pulumi {wanted} from its vendor"))
    root = scratch / "official"
    command = [machine.python, "-c", INSTALL, str(root), wanted.removeprefix("v")]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise NotThisWay(f"the installer did not end within {INSTALL_SECONDS:.0f} s") from None
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise NotThisWay(f"the installer failed: {last[0]}")
    found = version_of(root / "bin" / "pulumi")
    if found != wanted:
        raise NotThisWay(f"the installer installed {found} instead of {wanted}")
    return root / "bin"


def _probe(url: str) -> None:
    """Whether `url` answers. In a thread, because the time for a name look-up cannot be bounded otherwise."""
    failures: list[str] = []

    def ask() -> None:
        try:
            with urllib.request.urlopen(url, timeout=PROBE_SECONDS) as answer:  # noqa: S310  (a fixed https URL)
                answer.read(1)
        except (OSError, ValueError) as error:
            failures.append(str(error))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PROBE_SECONDS)
    if asking.is_alive():
        raise NotThisWay(f"{url} did not answer within {PROBE_SECONDS:.0f} s")
    if failures:
        raise NotThisWay(f"{url} cannot be reached: {failures[0]}")
