"""Licences of everything that Millwright links: the closure of its runtime dependencies on this machine.

Copyleft that would reach our own code is refused; weak copyleft (LGPL, MPL, EPL 2.0: its own files or library only) is
linked unchanged and stays separate, so it may be. A licence that is on neither list is an offence until a person has
read it.
"""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

SECONDS = 60
# Distributions whose metadata name no licence that the lists below know: what a person found, and where.
READ_BY_HAND: Mapping[str, str] = {
    "cedarpy": "Apache-2.0: the licence text in the distribution; its SBOM names permissive licences only",
}
REFUSED = re.compile(
    r"(?<![A-Z])A?GPL|(?<!Lesser )General Public|Affero|\bSSPL|Server Side Public|\bBUSL|Business Source|Commons Clause"
    r"|Elastic|\bEUPL|\bOSL|Open Software License|\bCDDL|\bCPAL|\bRPL|Non-?Commercial|-NC\b|Proprietary",
    re.IGNORECASE,
)
ALLOWED = re.compile(
    r"\b(?:MIT|0?BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Mozilla Public|LGPL|Lesser General Public|EPL-2\.0"
    r"|Unlicense|zlib|HPND|CNRI-Python|CC0|Public Domain)",
    re.IGNORECASE,
)
# A classifier about a licence, not a licence.
NO_LICENCE = frozenset({"DFSG approved", "OSI Approved"})


def offences(root: Path) -> Iterator[str]:
    """Runtime dependencies whose licence is refused, unknown, or not told."""
    declared = tomllib.loads((root / "pyproject.toml").read_text())["project"]["dependencies"]
    names, missing = closure([Requirement(text) for text in declared])
    for name in sorted(missing):
        yield f"licences: {name} is a runtime dependency and is not installed here: run `make setup`"
    told = installed_licences()
    for name in sorted(names):
        if reason := judge(name, told.get(name, ""), READ_BY_HAND):
            yield f"licences: {name}: {reason}"
    for name in sorted(set(READ_BY_HAND) - names):
        yield f"licences: {name} is in READ_BY_HAND and is no runtime dependency any more: remove it"


def closure(requirements: list[Requirement]) -> tuple[set[str], set[str]]:
    """Names of everything that `requirements` need on this machine, and of what of it is not installed."""
    seen: set[tuple[str, str]] = set()
    missing: set[str] = set()
    queue = [(requirement, "") for requirement in requirements]
    while queue:
        requirement, extra = queue.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        # "" stands for the distribution without any extra.
        for wanted in {"", *requirement.extras} - {known for other, known in seen if other == name}:
            seen.add((name, wanted))
            try:
                needs = metadata.requires(requirement.name) or []
            except metadata.PackageNotFoundError:
                missing.add(name)
                continue
            queue.extend((Requirement(text), wanted) for text in needs)
    return {name for name, _ in seen} - missing, missing


def installed_licences() -> dict[str, str]:
    """Name to licence of every installed distribution, as pip-licenses reads them from metadata and classifiers."""
    command = [sys.executable, "-m", "piplicenses", "--format=json", "--from=mixed", "--with-system"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)
    return {canonicalize_name(entry["Name"]): entry["License"] for entry in json.loads(answer.stdout)}


def judge(name: str, licence: str, by_hand: Mapping[str, str]) -> str:
    """Why the licence is an offence; "" when it is none.

    `A OR B` lets us choose; `A AND B` and a list of classifiers (`A; B`) bind us to all.
    """
    if name in by_hand:
        return ""
    worst = ""
    for part in re.split(r";|\bAND\b", licence):
        reasons = [_judge_one(choice.strip(" ()")) for choice in re.split(r"\bOR\b", part)]
        worst = worst or ("" if "" in reasons else reasons[0])
    return worst


def _judge_one(licence: str) -> str:
    if licence in NO_LICENCE:
        return ""
    # Refused first: a "GPL with MIT parts" must not pass for its second half.
    if REFUSED.search(licence):
        return f"its licence is {licence}, and copyleft that reaches our code is not linked"
    if not ALLOWED.search(licence):
        return (
            f"its licence is {licence or 'not told'}, which nobody has judged: read it, then list it in ALLOWED or "
            "READ_BY_HAND (tests/lint/licences.py)"
        )
    return ""
