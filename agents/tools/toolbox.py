"""One function's tools on one worktree: checks a call, carries it out, and can tell whether it has taken effect."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from agents.tools import files
from agents.tools.files import Change
from agents.tools.inputs import INPUTS, Edit, Read, Run, Search, ToolInput
from agents.tools.places import Place
from agents.tools.results import Result, failed, refused
from agents.tools.runs import Runner

# What may change the worktree.
EFFECTS = frozenset({"edit", "run"})


@dataclass(frozen=True)
class Toolbox:
    """What one function may do. A call of any other tool is refused, whatever a text told the model."""

    names: frozenset[str]
    place: Place
    runner: Runner

    def parse(self, name: str, arguments: Any) -> ToolInput | Result:
        """The call's input, or why it is none."""
        if name not in self.names:
            return refused(f"there is no tool {name!r} here; there are: {', '.join(sorted(self.names))}")
        try:
            return INPUTS[name].model_validate(arguments)
        except ValidationError as error:
            return failed(f"the input of {name} is wrong: {in_words(error)}")

    def prepare(self, asked: ToolInput) -> Change | Result | None:
        """What an edit would change; None for any other call."""
        return files.prepare(self.place, asked) if isinstance(asked, Edit) else None

    def carry_out(self, asked: ToolInput, change: Change | None, seconds: float) -> Result:
        """Do it. `change` is what `prepare` found for an edit; a run may take `seconds`."""
        match asked:
            case Read():
                return self._read(asked)
            case Search():
                return self._search(asked)
            case Edit() if change is not None:
                return files.apply(self.place, change)
            case Run():
                return self.runner.run(asked, seconds)
        raise TypeError(f"no tool carries out {type(asked).__name__}")

    def _read(self, asked: Read) -> Result:
        """What a run has written into a file is read like any other text."""
        return _without_secrets(files.read(self.place, asked), self.runner.redactor.text)

    def _search(self, asked: Search) -> Result:
        redactor = self.runner.redactor

        def line_by_line(found: str) -> str:
            # One that is as long as they get may end with the beginning of a secret.
            return "\n".join(redactor.text(line, cut=len(line) >= files.HIT_LENGTH) for line in found.split("\n"))

        return _without_secrets(files.search(self.place, asked), line_by_line)

    def stands_at(self, path: str) -> str:
        """The digest of a file's content now; "" when there is none."""
        return files.digest_at(self.place, path)


def _without_secrets(result: Result, redact: Callable[[str], str]) -> Result:
    return result if result.data is None else replace(result, data=redact(result.data))


def in_words(error: ValidationError) -> str:
    """A validation error in one line."""
    return "; ".join(f"{'.'.join(str(p) for p in e['loc']) or 'input'}: {e['msg']}" for e in error.errors())
