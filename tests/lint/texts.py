"""What no file of the repository may contain: paths of one machine, package index hosts, e-mail addresses.

The patterns are put together from pieces, so that this file does not contain what it looks for.
"""

import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SECONDS = 60
SLASH = "/"
AT = "@"
BINARY = b"\0"
GENERATED_FOLDERS = frozenset({"__pycache__", "node_modules"})


@dataclass(frozen=True)
class Rule:
    """`pattern` must not occur; what it finds is shown, with `advice`."""

    name: str
    pattern: re.Pattern[str]
    advice: str


def _alone(path: str) -> str:
    # Not part of a longer path: `.state/work/x` is no machine's.
    return r"(?<![\w.~)}-])" + path


RULES = (
    Rule(
        "machine path",
        re.compile(
            "|".join(
                (
                    _alone(SLASH + "root" + SLASH),
                    _alone(SLASH + "home" + SLASH + r"\w+"),
                    _alone(SLASH + "Users" + SLASH + r"\w+"),
                    _alone(SLASH + "work" + SLASH),
                    _alone(SLASH + "tmp" + SLASH + "(?:bash_jobs|w" + SLASH + ")"),
                )
            )
        ),
        "a path of one machine: take it from settings, a temporary folder or the file's own place",
    ),
    Rule(
        "package index",
        re.compile(
            "|".join(
                (
                    r"pypi" + r"\.org",
                    r"python" + r"hosted\.org",
                    r"(?:proxy|sum)" + r"\.golang\.org",
                    r"registry" + r"\.npmjs\.org",
                    r"https?:" + r"//[^\s\"'<>)]+/simple\b",
                    r"(?:extra-)?" + r"index-url\s*=",
                )
            )
        ),
        "the address of a package index: installers take it from the user's own configuration",
    ),
    # What is named so is no mailbox: SSH's own names of extensions end with their maker's domain (RFC 4251, section 6).
    Rule(
        "e-mail address",
        re.compile(r"\b(?!git" + AT + r")[\w.+-]+" + AT + r"(?!openssh\.com\b)[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}\b"),
        "an e-mail address: name a role or a page",
    ),
)
# File and rule, with the reason.
EXCEPTIONS: Mapping[tuple[str, str], str] = {
    ("tests/engine/test_engine_environment.py", "machine path"): "an invented user's home, as the test's input",
}


def repository_files(root: Path) -> list[str]:
    """What git tracks, and what it would take next (untracked, not ignored); without git, every visible file."""
    command = ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)
        names = [name for name in answer.stdout.split("\0") if name]
    except (FileNotFoundError, subprocess.CalledProcessError):
        names = [str(path.relative_to(root)) for path in root.rglob("*")]
        names = [name for name in names if not _hidden(Path(name))]
    # A file may be tracked and deleted.
    return sorted({name for name in names if (root / name).is_file()})


def offences(root: Path, files: Sequence[str], exceptions: Mapping[tuple[str, str], str] = EXCEPTIONS) -> Iterator[str]:
    """Every place of every file where a rule's pattern occurs, and exceptions that are none any more."""
    used = set()
    for name in files:
        content = (root / name).read_bytes()
        if BINARY in content:
            continue
        for number, line in enumerate(content.decode(errors="replace").splitlines(), start=1):
            for rule in RULES:
                if not (found := rule.pattern.search(line)):
                    continue
                if (name, rule.name) in exceptions:
                    used.add((name, rule.name))
                else:
                    yield f"{name}:{number}: {found[0]!r} is {rule.advice}"
    for name, rule_name in exceptions:
        if (name, rule_name) not in used:
            yield f"tests/lint/texts.py: {name} holds no {rule_name} (any more): take it off the list"


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") or part in GENERATED_FOLDERS for part in path.parts)
