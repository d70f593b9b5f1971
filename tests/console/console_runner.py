"""Runs the command line in this process, as the `millwright` script does: arguments in, exit code and streams out."""

import json
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from console.cli import main


@dataclass(frozen=True)
class Answer:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def documents(self) -> list[Any]:
        """Standard output as JSON, one document per line; every line must be one."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class Runner:
    """`runner("app", "list")` runs `millwright app list` in the present folder."""

    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str) -> Answer:
        self.monkeypatch.setattr(sys, "argv", ["millwright", *arguments])
        self.capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        streams = self.capsys.readouterr()
        return Answer(code, streams.out, streams.err)
