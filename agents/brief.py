"""What a task is told and what it ends with: the two files between the pipeline and the agent's process."""

from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from agents.prices import price_of
from factory.spec import Tool
from factory.usage import Usage

# The functions that have tools and a prompt; the others of app.yaml have no agent yet.
FunctionName = Literal["coder", "code-reviewer"]
NO_CHARGE = "scripted, no charge"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TaskLimits(_Part):
    """What one task may use; each is checked before every call of the model."""

    turns: int = Field(ge=1)
    minutes: float = Field(gt=0)
    dollars: float = Field(gt=0)


class ContextPart(_Part):
    """One named text that the model is given at the beginning. It is data, whoever wrote it."""

    name: str
    text: str


class EgressWay(_Part):
    """The way out of a task's commands: the socket of its gate, the proxy's URL inside, the hosts behind it."""

    socket: Path
    proxy: str
    hosts: list[str] = Field(min_length=1)


class TaskBrief(_Part):
    """Everything that a task's process knows. `door` is the worker's own address for tasks (a loopback URL).

    `quiet` is the file whose lock a tool holds while it runs the app's code (`factory.quiet`).

    `egress` is the way out of its commands; without one they have no network.
    `databases` and `apis` are those that its commands reach: each one's variable, and how far it may be used (`read`);
    `secrets` are the variables in which they have values of secrets.
    `tools` are those that the app's file leaves to the function; any other call is refused.

    `attempt` is a number, with a part after a point when the same attempt is looked at again ("2", "2.1").
    """

    task: str
    app: str
    change: str
    function: FunctionName
    attempt: str = Field(pattern=r"^[1-9][0-9]{0,3}(\.[0-9]{1,4})?$")
    worktree: Path
    quiet: Path
    model_name: str
    scripted: bool
    limits: TaskLimits
    tools: tuple[Tool, ...]
    context: list[ContextPart]
    door: str
    egress: EgressWay | None = None
    databases: dict[str, str] = {}
    apis: dict[str, str] = {}
    secrets: list[str] = []

    @property
    def script(self) -> str:
        """Which authored script belongs to this task: `<app>/<change>/<function>/<attempt>`."""
        return f"{self.app}/{self.change}/{self.function}/{self.attempt}"


class OutcomeState(StrEnum):
    """How a task ended."""

    SUBMITTED = "submitted"
    """The agent handed its work in."""
    LIMIT = "limit"
    """A limit of the brief was reached."""
    STUCK = "stuck"
    """The same call failed in the same way again and again."""
    FAILED = "failed"
    """The model could not be asked, or its answer made no sense."""
    REFUSED = "refused"
    """The model declined the task."""
    CANCELLED = "cancelled"
    """Its change was cancelled, or ended without it."""


class Outcome(_Part):
    """What came of a task. `dollars` is 0 for a scripted model: nobody is charged.

    `submission` is set exactly when the state is `submitted`; its form is the function's (`agents.functions`).
    """

    state: OutcomeState
    reason: str
    turns: int
    input_tokens: int
    output_tokens: int
    dollars: float
    model: str
    scripted: bool
    submission: dict[str, Any] | None = None

    @classmethod
    def failed(cls, reason: str, brief: TaskBrief, *, turns: int, usage: Usage) -> Self:
        """The outcome of a task that came to none of its own; what it has used by then has been paid for."""
        model, scripted = brief.model_name, brief.scripted
        return cls.without_own(OutcomeState.FAILED, reason, turns=turns, usage=usage, model=model, scripted=scripted)

    @classmethod
    def without_own(
        cls, state: OutcomeState, reason: str, *, turns: int, usage: Usage, model: str, scripted: bool
    ) -> Self:
        """What a task ends with that nobody lets go on."""
        price = price_of(model)
        return cls(
            state=state,
            reason=reason,
            turns=turns,
            input_tokens=usage.all_input,
            output_tokens=usage.output,
            dollars=0.0 if scripted or price is None else price.dollars(usage),
            model=model,
            scripted=scripted,
        )

    @property
    def charge(self) -> str:
        """What it has cost, in words."""
        return NO_CHARGE if self.scripted else f"${self.dollars:.4f}"

    def as_event(self) -> dict[str, Any]:
        """The outcome as an event's properties."""
        return {**self.model_dump(mode="json"), "charge": self.charge}
