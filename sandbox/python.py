"""The factory's own Python inside a sandbox: read-only, without the factory's code or state."""

import sys
from pathlib import Path

from sandbox.model import Bind

# Not at its own path: that may lie below another bind, such as /work.
VENV = "/opt/venv"


def python_binds() -> tuple[Bind, ...]:
    """The virtual environment and the Python it stems from. The repository that it was installed from is not there."""
    base = Path(sys.base_prefix).resolve()
    binds = [Bind(Path(sys.prefix).resolve(), VENV)]
    if not base.is_relative_to("/usr"):
        # Where the environment's links lead.
        binds.append(Bind(base, str(base)))
    return tuple(binds)


def python_environment() -> dict[str, str]:
    """The variables under which `python` is that Python, writes no bytecode and asks nobody's home.

    pytest loads only the plugins that the app names: those that happen to be installed are the factory's own, and
    loading them takes longer than many an app's tests.
    """
    folders = (f"{VENV}/bin", "/usr/local/bin", "/usr/bin", "/bin")
    return {
        "PATH": ":".join(folders),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONUTF8": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
