"""What else decides what a stack becomes, beside artefact and app.yaml: the app's own code and the configuration."""

from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML

from factory.fingerprints import fingerprint
from factory.paths import FactoryRoot
from stacks.infra_code import INFRA, how_infra_changed
from stacks.program.keys import password_key, secret_key

CONFIGURATION = "configuration"
Inputs = dict[str, Any]


def inputs_of(root: FactoryRoot, stack: str, infra: str) -> Inputs:
    """The digest of the app's code (None without any), and of each configured value."""
    return {INFRA: infra or None, CONFIGURATION: configured(root, stack)}


def configured(root: FactoryRoot, stack: str) -> dict[str, str]:
    """The digest of each value that a stack is configured with now. Secrets count as they are kept, encrypted."""
    path = root.stack_config / f"Pulumi.{stack}.yaml"
    if not path.is_file():
        return {}
    document = YAML(typ="safe").load(path.read_text()) or {}
    return {key: fingerprint(value) for key, value in (document.get("config") or {}).items()}


def differing(decided: Inputs | None, now: Inputs) -> str:
    """What is not what was decided, in words; "" when everything is."""
    if decided is None:
        return "it showed neither infra.py nor the configuration"
    keys = differing_keys(decided[CONFIGURATION], now[CONFIGURATION])
    code = how_infra_changed(decided.get(INFRA) or "", now[INFRA] or "")
    wrong = [*([code] if code else []), *keys]
    return f"changed after the decision: {', '.join(wrong)}" if wrong else ""


def differing_keys(before: dict[str, str], now: dict[str, str]) -> Iterator[str]:
    """The keys whose values are not what they were."""
    yield from (key for key in before if before[key] != now.get(key))
    # A secret that came later is one that the earlier spec does not have: nobody reads it.
    kept = (secret_key(""), password_key(""))
    yield from (key for key in now if key not in before and not key.partition(":")[2].startswith(kept))
