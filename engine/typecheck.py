"""The `typechecker` runtime option of `Pulumi.yaml`: the program's types are checked before it runs.

As Pulumi's own host does: https://www.pulumi.com/docs/iac/languages-sdks/python/#type-checking
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from engine.interpreters import Interpreter
from factory.errors import InputError

CHECKERS = ("mypy", "pyright")
# Without a cache both read the whole SDK, which is large.
SECONDS = 600
MISSING = "No module named"


def check_types(options: Mapping[str, object], chosen: Interpreter, program: Path, environment: dict[str, str]) -> None:
    """Check the program's types when its options ask for it.

    Raises InputError with the checker's findings, for an unknown checker, and when it is not installed.
    """
    checker = str(options.get("typechecker") or "")
    if not checker:
        return
    if checker not in CHECKERS:
        raise InputError(
            f"unknown typechecker {checker!r} in the runtime options of Pulumi.yaml",
            hint=f"one of {', '.join(CHECKERS)}",
        )
    # A cache beside the program, as whoever runs the checker by hand has it.
    command = [chosen.python, "-m", checker, "." if program.is_dir() else program.name]
    folder = program if program.is_dir() else program.parent
    try:
        ran = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise InputError(f"{checker} did not end within {SECONDS} s", hint="run it by hand") from None
    if MISSING in ran.stderr:
        raise InputError(
            f"`typechecker: {checker}` is set, but {checker} is not installed for {chosen.python}",
            hint=f"{chosen.python} -m pip install {checker}",
        )
    if ran.returncode:
        raise InputError(f"{checker} found problems:\n{(ran.stdout or ran.stderr).strip()}", hint="mend the types")
