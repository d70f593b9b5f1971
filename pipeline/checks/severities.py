"""How bad what the scanners report is, each with its reason. One table: to rate a rule otherwise, change its row."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from factory.findings import Severity


@dataclass(frozen=True)
class Rating:
    """A severity and why."""

    severity: Severity
    why: str


_RUNS_TEXT: Final = Rating(Severity.HIGH, "runs text as code: whoever supplies the text runs code")
_RUNS_SHELL: Final = Rating(Severity.HIGH, "hands text to a shell: one metacharacter in it is another command")
_LOADS_CODE: Final = Rating(Severity.HIGH, "loading data of this form can run code that the data chooses")
_PASSWORD: Final = Rating(Severity.HIGH, "looks like a password in the code; by its name alone, so a person looks")
_TLS: Final = Rating(Severity.HIGH, "switches off what makes TLS trustworthy")
_STARTS: Final = Rating(Severity.LOW, "starts a process with a list of arguments: fine unless the program is chosen")

# Rules of ruff's group S. None is critical: a rule sees one line, and cannot tell whether it is ever reached with
# what an attacker sends. A critical one stops the change, and that is for what is certain: secrets, the policy pack.
RUFF: Final[dict[str, Rating]] = {
    "S101": Rating(Severity.LOW, "`assert` is gone under -O, so it guards nothing in the service"),
    "S102": _RUNS_TEXT,
    "S103": Rating(Severity.MEDIUM, "gives a file to more users than its owner"),
    "S104": Rating(Severity.MEDIUM, "listens on every address, not on the one that the load balancer uses"),
    "S105": _PASSWORD,
    "S106": _PASSWORD,
    "S107": _PASSWORD,
    "S108": Rating(Severity.LOW, "a known name in a shared folder; the sandbox shares none"),
    "S110": Rating(Severity.LOW, "hides an error"),
    "S112": Rating(Severity.LOW, "hides an error"),
    "S113": Rating(Severity.LOW, "waits without an end"),
    "S301": _LOADS_CODE,
    "S302": _LOADS_CODE,
    "S306": Rating(Severity.MEDIUM, "a name that somebody else can take before the file is made"),
    "S307": _RUNS_TEXT,
    "S311": Rating(Severity.LOW, "predictable numbers: bad for secrets, fine for anything else"),
    "S324": Rating(Severity.MEDIUM, "a broken hash: bad for signatures, fine for naming things"),
    "S501": _TLS,
    "S502": _TLS,
    "S503": _TLS,
    "S504": _TLS,
    "S506": _LOADS_CODE,
    "S602": _RUNS_SHELL,
    "S603": _STARTS,
    "S604": _RUNS_SHELL,
    "S605": _RUNS_SHELL,
    "S606": _STARTS,
    "S607": _STARTS,
    "S608": Rating(Severity.HIGH, "SQL put together from text: whoever supplies the text queries"),
    "invalid-syntax": Rating(Severity.HIGH, "what cannot be parsed was not scanned"),
}
RUFF_OTHERWISE: Final = Rating(Severity.MEDIUM, "a rule without a rating of its own")
# What is only run by tests, and there is how they are written.
RUFF_IN_TESTS: Final[dict[str, Rating]] = {
    "S101": Rating(Severity.INFO, "how tests check"),
    "S603": Rating(Severity.INFO, "how tests start the service"),
}
SECRET: Final = Rating(Severity.CRITICAL, "what stands in a repository is known to all who can read it, for good")
UNREADABLE: Final[dict[str, Rating]] = {
    "binary": Rating(Severity.MEDIUM, "no scanner knows what it is for; only the letters in it were scanned"),
    # Critical, so that a person looks: the rest of it may hold what would be critical.
    "too-large": Rating(Severity.CRITICAL, "only its beginning was scanned"),
    "link": Rating(Severity.HIGH, "points somewhere else: what is used is not what was scanned"),
    "name": Rating(Severity.HIGH, "not scanned, and not what it seems to be"),
    "special": Rating(Severity.HIGH, "neither a file nor a folder"),
    "source-encoding": Rating(Severity.HIGH, "Python reads it in an encoding in which the scanners do not"),
}
# A violation whose control the pack's table does not know: fail closed.
POLICY_UNKNOWN: Final = Rating(Severity.HIGH, "a control without a record")


def of_ruff(rule: str, path: str) -> Rating:
    """How bad a rule of ruff is in that file."""
    if _in_tests(PurePosixPath(path)) and rule in RUFF_IN_TESTS:
        return RUFF_IN_TESTS[rule]
    return RUFF.get(rule, RUFF_OTHERWISE)


def _in_tests(path: PurePosixPath) -> bool:
    return "tests" in path.parts[:-1] or path.name == "conftest.py"
