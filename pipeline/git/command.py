"""Runs `git` so that nothing but its arguments decides what it does: no configuration, hooks, filters or helpers."""

import os
import re
import shutil
import subprocess
import tempfile
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from factory.errors import MillwrightError

SECONDS = 120
STDERR_LENGTH = 2000
IDENTITY = "Millwright factory"
# A lock on a ref is held for milliseconds; another writer gets the time to finish.
REF_LOCK_MILLISECONDS = 5000
SAFE = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null",
    "core.protectHFS=true",
    "core.protectNTFS=true",
    "core.symlinks=true",
    "core.autocrlf=false",
    "core.pager=cat",
    f"core.filesRefLockTimeout={REF_LOCK_MILLISECONDS}",
    "protocol.allow=never",
    "credential.helper=",
    "commit.gpgSign=false",
    "diff.external=",
    "submodule.recurse=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "advice.detachedHead=false",
)
ENVIRONMENT = {
    "PATH": os.defpath,
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "TZ": "UTC",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    # git accepts an empty address; nobody is to get mail.
    "GIT_AUTHOR_NAME": IDENTITY,
    "GIT_AUTHOR_EMAIL": "",
    "GIT_COMMITTER_NAME": IDENTITY,
    "GIT_COMMITTER_EMAIL": "",
}


class GitFailed(MillwrightError):
    """A git command ended badly; the message holds what it said."""


@dataclass(frozen=True)
class Answer:
    """What a git command left: its exit code and its standard output."""

    code: int
    out: bytes

    @property
    def text(self) -> str:
        """The output as text, without the newline at its end; bytes that are no UTF-8 survive as surrogates."""
        return os.fsdecode(self.out).rstrip("\n")


@dataclass(frozen=True)
class Git:
    """Git commands on one git folder. `keep` are descriptors (locks) that live as long as each command does.

    `environment` are variables for all of them: where the objects of a push wait, for the hook that looks at them.
    """

    folder: Path
    keep: tuple[int, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(
        self,
        *arguments: str,
        data: bytes = b"",
        expect: Collection[int] = (0,),
        environment: Mapping[str, str] | None = None,
    ) -> Answer:
        """Run one command with `data` as its input. Raises GitFailed unless it ends with a code in `expect`."""
        try:
            ran = subprocess.run(
                self._command(arguments),
                input=data,
                capture_output=True,
                timeout=SECONDS,
                check=False,
                cwd=self.folder,
                env={**ENVIRONMENT, **self.environment, **(environment or {})},
                pass_fds=self.keep,
            )
        except subprocess.TimeoutExpired:
            raise GitFailed(f"git {arguments[0]} took longer than {SECONDS} s", hint="try again") from None
        if ran.returncode not in expect:
            raise GitFailed(_message(arguments, ran.returncode, ran.stderr), hint="see docs/explanation/git.md")
        return Answer(ran.returncode, ran.stdout)

    def beginning(self, *arguments: str, limit: int) -> tuple[bytes, bool]:
        """At most `limit` bytes of what a command prints, and whether there was more."""
        # What it says goes to a file: a pipe that nobody reads while it prints would stop it.
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(
                self._command(arguments),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=said,
                cwd=self.folder,
                env={**ENVIRONMENT, **self.environment},
                pass_fds=self.keep,
            )
            with process:
                out = process.stdout.read(limit + 1) if process.stdout else b""
                if cut := len(out) > limit:
                    process.kill()
            if not cut and process.returncode:
                said.seek(0)
                raise GitFailed(_message(arguments, process.returncode, said.read()))
        return out[:limit], cut

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        options = [part for setting in SAFE for part in ("-c", setting)]
        return [_program(), "--no-pager", f"--git-dir={self.folder}", *options, *arguments]


def visible(text: str, keep: str = "\n\t") -> str:
    """`text` with every character that a terminal would obey, or an eye would miss, spelled out."""
    return "".join(
        char if char in keep or not unicodedata.category(char).startswith("C") else _spelled(char) for char in text
    )


def _spelled(char: str) -> str:
    number = ord(char)
    if 0xDC80 <= number <= 0xDCFF:  # noqa: PLR2004 -- PEP 383: a byte that is no UTF-8
        return f"\\x{number - 0xDC00:02x}"
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"  # noqa: PLR2004 -- one byte, two digits


def _message(arguments: tuple[str, ...], code: int, stderr: bytes) -> str:
    said = re.sub(r"\s+", " ", visible(stderr[-STDERR_LENGTH:].decode(errors="replace"))).strip()
    return f"git {arguments[0]} failed ({code}): {said or 'it said nothing'}"


@cache
def _program() -> str:
    found = shutil.which("git")
    if found is None:
        raise MillwrightError("git is not installed", hint="install git 2.38 or newer")
    return found
