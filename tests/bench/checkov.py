"""Checkov over a Terraform plan: the scanner that people know, on what is equivalent to the measured program.

It clashes with our own dependencies and is run as a command, from an environment of its own.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from factory.paths import FactoryRoot, private_folder
from tests.bench.commands import COMMAND_SECONDS, ContestantFailed, run
from tests.bench.cost import Command, Cost, measure
from tests.bench.driver import schemas_of
from tests.bench.terraform_config import Json, configuration

VERSION = "3.3.30"
VARIABLE = "MILLWRIGHT_BENCH_CHECKOV"
# The one that is repeated in a small state: see tests.bench.policy_program.
SERVICE = "bench-0"


def find_checkov(named: Path | None, environment: Mapping[str, str], folder: Path) -> Path | str:
    """Checkov's command, or why there is none: `named`, MILLWRIGHT_BENCH_CHECKOV, on the PATH, or put into `folder`."""
    for path in (named, environment.get(VARIABLE), shutil.which("checkov", path=environment.get("PATH"))):
        if path:
            return Path(path).absolute()
    uv = Path(sys.executable).with_name("uv")
    home = private_folder(folder / "checkov")
    try:
        for words in (
            ["venv", "--quiet", "--python", sys.executable, str(home)],
            ["pip", "install", "--quiet", "--python", str(home / "bin" / "python"), f"checkov=={VERSION}"],
        ):
            run([uv, *words], folder, environment)
    except (ContestantFailed, OSError) as error:
        return f"checkov is not on this machine, and cannot be installed: {str(error).splitlines()[-1]}"
    return home / "bin" / "checkov"


def repeated(deployment: Json, resources: int) -> Json:
    """The state of a program with one service, as that of one that has as many services as make `resources`.

    Services differ by their number alone, so a state of a thousand resources need not be brought up to be known.
    """
    clouds = [each for each in deployment["resources"] if each["type"].startswith("aws:")]
    service = [each for each in clouds if SERVICE in each["urn"].rpartition("::")[2]]
    text = json.dumps(service)
    found = list(deployment["resources"])
    number, left = 1, resources - len(clouds)
    while left > 0:
        again: list[Json] = json.loads(text.replace(SERVICE, f"bench-{number}"))[:left]
        found += again
        left -= len(again)
        number += 1
    return {**deployment, "resources": found}


def plan(deployment: Json, terraform: tuple[str, Path], root: FactoryRoot, endpoint: str) -> Path:
    """The Terraform plan, as JSON, that makes what `deployment` holds from nothing."""
    folder = private_folder(root.path / "plan")
    schemas, environment = schemas_of(folder, terraform)
    document = configuration(deployment, schemas, endpoint).document
    (folder / "main.tf.json").write_text(json.dumps(document))
    run([terraform[0], "plan", "-input=false", "-no-color", "-refresh=false", "-out", "plan"], folder, environment)
    shown = subprocess.run(
        [terraform[0], "show", "-json", "plan"],
        cwd=folder,
        env=environment,
        capture_output=True,
        check=True,
        timeout=COMMAND_SECONDS,
    ).stdout
    file = folder / "plan.json"
    file.write_bytes(shown)
    return file


def scan(checkov: Path, file: Path, root: FactoryRoot) -> tuple[Cost, Mapping[str, Any]]:
    """What one scan of a plan cost, and its own summary. Nothing is sent or fetched."""
    words = [str(checkov), "-f", str(file), "--framework", "terraform_plan", "--skip-download", "--compact"]
    words += ["--output", "json", "--soft-fail", "--quiet"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BC_", "CKV_", "PRISMA_"))}
    cost, (output,) = measure([Command(words, file.parent, kept | {"LOG_LEVEL": "ERROR"})], root)
    told = json.loads(output[output.index("{") :])
    return cost, told["summary"]
