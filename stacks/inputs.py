"""What else decides what a stack becomes, beside artefact and app.yaml: the app's own code and the configuration."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from factory.fingerprints import fingerprint
from factory.paths import FactoryRoot
from stacks.program.keys import password_key, secret_key

INFRA = "infra.py"
CONFIGURATION = "configuration"
Inputs = dict[str, Any]


def inputs_of(root: FactoryRoot, app: str, stack: str) -> Inputs:
    """The digest of infra.py (None without one), and of each configured value. Secrets count as they are kept."""
    return {INFRA: _file(root.apps / app / INFRA), CONFIGURATION: _configuration(root, stack)}


def differing(decided: Inputs | None, now: Inputs) -> str:
    """What is not what was decided, in words; "" when everything is."""
    if decided is None:
        return "it showed neither infra.py nor the configuration"
    wrong = [*([INFRA] if decided.get(INFRA) != now[INFRA] else []), *_keys(decided[CONFIGURATION], now[CONFIGURATION])]
    return f"changed after the decision: {', '.join(wrong)}" if wrong else ""


def _keys(decided: dict[str, str], now: dict[str, str]) -> Iterator[str]:
    yield from (key for key in decided if decided[key] != now.get(key))
    # A secret that came later is one that the decided spec does not have: nobody reads it.
    kept = (secret_key(""), password_key(""))
    yield from (key for key in now if key not in decided and not key.partition(":")[2].startswith(kept))


def _file(path: Path) -> str | None:
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _configuration(root: FactoryRoot, stack: str) -> dict[str, str]:
    path = root.stack_config / f"Pulumi.{stack}.yaml"
    if not path.is_file():
        return {}
    document = YAML(typ="safe").load(path.read_text()) or {}
    return {key: fingerprint(value) for key, value in (document.get("config") or {}).items()}
