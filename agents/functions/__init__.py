"""Functions: what each kind of agent is there for, which tools it has, and the form of what it hands in.

The prompts stand beside this file as text. Only the loop and the twin import this.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from agents.tools.inputs import INPUTS, SUBMIT, ToolInput
from factory.findings import Severity

HERE = Path(__file__).parent
Text = Annotated[str, Field(min_length=1, max_length=10_000)]


class CoderSubmission(ToolInput):
    """Hand the work in: every change is made, and the tests pass. Ends the task."""

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
    """What one kind of agent is: its tools (besides `submit`), its submission, the file of its prompt."""

    name: str
    tools: tuple[str, ...]
    submission: type[ToolInput]
    prompt_file: str

    @property
    def prompt(self) -> str:
        """The system prompt, without what belongs to one task."""
        return (HERE / "common.md").read_text() + "\n" + (HERE / self.prompt_file).read_text()

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


FUNCTIONS: dict[str, AgentFunction] = {
    "coder": AgentFunction("coder", ("read", "search", "edit", "run"), CoderSubmission, "coder.md"),
    "code-reviewer": AgentFunction("code-reviewer", ("read", "search"), ReviewSubmission, "code-reviewer.md"),
}
