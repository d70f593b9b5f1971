"""Authored scripts: `apps/<app>/scripts/<change>.<function>.yaml`, read strictly, every mistake with its place."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from agents.functions import FUNCTIONS, AgentFunction
from agents.tools.inputs import SUBMIT
from factory.document import Document, Location, load_document
from factory.errors import InputError, Problem
from factory.located import problem_at, validate

VERSION = "millwright-script/v1"
FOLDER = "scripts"
RAW = "raw"
ATTEMPT = re.compile(r"[1-9][0-9]{0,3}")
Fault = Literal[429, 500, 529, "hang", "broken"]
Texts = list[Annotated[str, Field(min_length=1)]]


def _a_pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return value


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class When(_Part):
    """What must hold of the last tool results (or, `prompt_...`, of the first message). All that is given must."""

    contains: Texts = Field(default=[], description="Every one stands in the results.")
    lacks: Texts = Field(default=[], description="None stands in the results.")
    matches: list[Annotated[str, AfterValidator(_a_pattern)]] = Field(
        default=[], description="Every pattern is found in the results (Python's syntax, lines by themselves)."
    )
    is_error: bool | None = Field(default=None, description="true: one of the results is an error; false: none is.")
    tool: Literal["read", "search", "edit", "run", "submit"] | None = Field(
        default=None, description="Only this tool's results count; without one, nothing holds."
    )
    prompt_contains: Texts = Field(default=[], description="Every one stands in the task's first message.")
    prompt_lacks: Texts = Field(default=[], description="None stands in the task's first message.")


class Raw(_Part):
    """A call as it stands, unchecked: to show what happens to one that no honest script holds."""

    name: str = Field(min_length=1, description="The tool's name.")
    input: dict[str, Any] = Field(default={}, description="Its input.")


class Use(_Part):
    """One call: exactly one of the keys."""

    read: dict[str, Any] | None = Field(default=None, description="Read lines of a file.")
    search: dict[str, Any] | None = Field(default=None, description="Search the worktree.")
    edit: dict[str, Any] | None = Field(default=None, description="Replace a text, or make a file.")
    run: dict[str, Any] | None = Field(default=None, description="Run a program in the sandbox.")
    submit: dict[str, Any] | None = Field(default=None, description="Hand the work in.")
    raw: Raw | None = Field(default=None, description="Any call, unchecked.")

    @property
    def call(self) -> tuple[str, dict[str, Any]]:
        """The tool's name and its input."""
        if self.raw is not None:
            return self.raw.name, self.raw.input
        return next((name, value) for name, value in self if isinstance(value, dict))


class TokenCounts(_Part):
    """What an answer says it used, instead of counted sizes."""

    input_tokens: int = Field(ge=0, description="Tokens of the request.")
    output_tokens: int = Field(ge=0, description="Tokens of the answer.")


class Branch(_Part):
    """One answer, with the condition under which it is given."""

    when: When | None = Field(default=None, description="What must hold; nothing if left out.")
    say: str = Field(default="", description="The answer's text.")
    use: list[Use] = Field(default=[], description="The answer's calls, in order.")
    then: list["Turn"] | None = Field(
        default=None, description="The turns that follow this branch, instead of the list's next ones."
    )
    faults: list[Fault] = Field(default=[], description="What goes wrong first, one per request.")
    usage: TokenCounts | None = Field(default=None, description="Tokens that the answer says it used.")
    stop: Literal["max_tokens", "refusal"] | None = Field(
        default=None, description="Why the answer stops, instead of the usual reason."
    )

    @property
    def submits(self) -> bool:
        """Whether the answer hands the work in."""
        return any(use.submit is not None for use in self.use)


class Turn(Branch):
    """One turn: an answer, or `choose` between several."""

    choose: list[Branch] | None = Field(
        default=None, min_length=1, description="The first branch whose `when` holds is played."
    )

    @property
    def branches(self) -> list[Branch]:
        """The answers that this turn can give."""
        return self.choose if self.choose is not None else [self]


Branch.model_rebuild()


class Attempt(_Part):
    """What is played in one attempt."""

    turns: list[Turn] = Field(min_length=1, description="The turns, in order.")


class Script(_Part):
    """One file: what a function's agent does on one change, attempt by attempt."""

    api_version: Literal["millwright-script/v1"] = Field(alias="apiVersion", description="Version of the format.")
    attempts: dict[str, Attempt] = Field(min_length=1, description="Attempts by number, from 1.")


def load_script(path: Path) -> Script:
    """The script in `path`, whose name says the function. Raises InputError with every mistake of the file."""
    function = FUNCTIONS.get(path.stem.rpartition(".")[2])
    if function is None or not path.stem.rpartition(".")[0]:
        raise InputError(f"{path}: a script is named <change>.<function>.yaml; functions: {', '.join(FUNCTIONS)}")
    document = load_document(path)
    script = validate(Script, document)
    if problems := tuple(_problems(script, function, document)):
        raise InputError(f"{path} has mistakes", problems=problems)
    return script


def scripts_of(apps: Path) -> list[Path]:
    """Every script of every app, sorted."""
    return sorted(apps.glob(f"*/{FOLDER}/*.yaml"))


def _problems(script: Script, function: AgentFunction, document: Document) -> Iterator[Problem]:
    for number, attempt in script.attempts.items():
        at: Location = ("attempts", number)
        if not ATTEMPT.fullmatch(number):
            yield problem_at(document, at, f"{number!r} is no number of an attempt", allowed="1, 2, 3, ...")
        yield from _of_turns(attempt.turns, function, document, (*at, "turns"))


def _of_turns(turns: list[Turn], function: AgentFunction, document: Document, at: Location) -> Iterator[Problem]:
    for index, turn in enumerate(turns):
        here = (*at, index)
        last = index == len(turns) - 1
        if turn.choose is None:
            yield from _of_branch(turn, function, document, here, last=last)
            continue
        if alone := sorted(turn.model_fields_set - {"choose"}):
            message = f"`choose` stands beside {', '.join(alone)}: these belong to its branches"
            yield problem_at(document, here, message)
        for number, branch in enumerate(turn.choose):
            yield from _of_branch(branch, function, document, (*here, "choose", number), last=last)


def _of_branch(
    branch: Branch, function: AgentFunction, document: Document, at: Location, *, last: bool
) -> Iterator[Problem]:
    if not (branch.say or branch.use or branch.stop):
        yield problem_at(document, at, "says nothing and calls nothing")
    if last and branch.then is None and not (branch.submits or branch.stop == "refusal"):
        yield problem_at(document, at, "the script ends here without a submission", fix="add `submit` or `then`")
    for index, use in enumerate(branch.use):
        yield from _of_use(use, function, document, (*at, "use", index))
    if branch.then is not None:
        if not branch.then:
            yield problem_at(document, (*at, "then"), "holds no turn", fix="remove it")
        yield from _of_turns(branch.then, function, document, (*at, "then"))


def _of_use(use: Use, function: AgentFunction, document: Document, at: Location) -> Iterator[Problem]:
    given = [name for name, value in use if value is not None]
    names = ", ".join((*function.tools, SUBMIT, RAW))
    if len(given) != 1:
        yield problem_at(document, at, "one call has exactly one key", allowed=names)
        return
    if given == [RAW]:
        return
    name, arguments = use.call
    form = function.input_of(name)
    if form is None:
        yield problem_at(document, (*at, name), f"{function.name} has no tool {name}", allowed=names)
        return
    try:
        form.model_validate(arguments)
    except ValidationError as error:
        for found in error.errors(include_url=False):
            yield problem_at(document, (*at, name, *found["loc"]), found["msg"])
