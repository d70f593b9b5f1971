"""Functions: what each kind of agent is there for, which tools it has, and the form of what it hands in.

The prompts stand beside this file as text; what `<function>-<tool>.md` says is only for who has the tool. Only the loop
and the twin import this.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from agents.tools.inputs import INPUTS, SUBMIT, ToolInput
from factory.findings import Severity
from factory.spec import FUNCTION_TOOLS, Function

HERE = Path(__file__).parent
Text = Annotated[str, Field(min_length=1, max_length=10_000)]


class CoderSubmission(ToolInput):
    """Hand the work in: every change is made. Ends the task."""

    summary: Text = Field(description="What was done and why, for the people who review it.")


class Comment(ToolInput):
    """One remark on a line of the change."""

    path: str = Field(max_length=400, description="The file, relative to the app's root.")
    line: int = Field(ge=0, description="The line, counted from 1; 0 for the file as a whole.")
    severity: Severity = Field(description="How bad it is.")
    message: Text = Field(description="What is wrong, and what would mend it.")


class ReviewSubmission(ToolInput):
    """Hand the review in. Ends the task."""

    verdict: Literal["approve", "changes"] = Field(description="`changes` sends the work back to the coder.")
    summary: Text = Field(description="What the change does and how well, for the person who decides.")
    comments: list[Comment] = Field(default=[], max_length=50, description="Remarks on lines of the change.")


@dataclass(frozen=True)
class AgentFunction:
    """What one kind of agent is: its tools (besides `submit`), and its submission. Its prompt is in `<name>.md`."""

    name: str
    tools: tuple[str, ...]
    submission: type[ToolInput]

    @property
    def prompt(self) -> str:
        """The system prompt, without what belongs to one task."""
        about_tools = (HERE / f"{self.name}-{tool}.md" for tool in self.tools)
        files = [HERE / "common.md", HERE / f"{self.name}.md", *(path for path in about_tools if path.is_file())]
        return "\n".join(path.read_text() for path in files)

    def only(self, offered: Iterable[str]) -> Self:
        """The same function with those of its tools that are offered; it gains none."""
        return replace(self, tools=tuple(tool for tool in self.tools if tool in set(offered)))

    def input_of(self, tool: str) -> type[ToolInput] | None:
        """The form of one tool's input; None when the function does not have the tool."""
        if tool == SUBMIT:
            return self.submission
        return INPUTS[tool] if tool in self.tools else None

    def for_model(self) -> list[dict[str, Any]]:
        """The tools as the Messages API takes them."""
        forms = {name: INPUTS[name] for name in self.tools} | {SUBMIT: self.submission}
        return [
            {"name": name, "description": form.description(), "input_schema": form.schema_for_model()}
            for name, form in forms.items()
        ]


SUBMISSIONS: dict[Function, type[ToolInput]] = {
    Function.CODER: CoderSubmission,
    Function.CODE_REVIEWER: ReviewSubmission,
}
FUNCTIONS: dict[str, AgentFunction] = {
    function.value: AgentFunction(function.value, tuple(t.value for t in FUNCTION_TOOLS[function]), submission)
    for function, submission in SUBMISSIONS.items()
}
