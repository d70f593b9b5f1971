"""What a stack would become, in a file: the engine's own plan, as `millwright policy check` reads it."""

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from pulumi.automation import CommandResult, OnOutput

from factory.errors import InputError
from stacks.driver.known import KnownCommand

PREVIEW = "preview"


class PlanningCommand(KnownCommand):
    """A CLI whose previews keep their plan in `file`, also where the policies refuse it: they see the whole of it."""

    def __init__(self, path: Path, version: str, file: Path) -> None:
        super().__init__(path, version)
        self._file = file

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: OnOutput | None = None,
        on_error: OnOutput | None = None,
    ) -> CommandResult:
        """As the library's. Raises InputError where the file cannot be written."""
        if args[0] != PREVIEW:
            return super().run(args, cwd, additional_env, on_output, on_error)
        lines: list[str] = []
        # Without what stays the same, rules over a whole stack would not see it. The events go to a file of their own.
        asked = [*args, "--json", "--show-sames"]
        try:
            return super().run(asked, cwd, additional_env, lines.append, on_error)
        finally:
            _keep("\n".join(lines), self._file)


def _keep(text: str, file: Path) -> None:
    """Write a plan, whole or not at all; what is none, as the engine came to no plan, is not kept."""
    try:
        document = json.loads(text)
    except ValueError:
        return
    if not isinstance(document, dict) or "steps" not in document:
        return
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text)
        draft.replace(file)
    except OSError as error:
        # The folder may be what is wrong.
        with contextlib.suppress(OSError):
            draft.unlink()
        raise InputError(f"{file} cannot be written: {error.strerror}", hint="name another folder") from None
