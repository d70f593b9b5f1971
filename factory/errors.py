"""The one error tree and the one enum of exit codes.

Every error a user can meet is a `MillwrightError`: a message that says what happened, a hint that says what to do,
and the exit code the command ends with. Anything else that reaches the top of a command is a bug.
"""

from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """What a `millwright` command's exit status means. Documented in docs/reference/exit-codes.md."""

    OK = 0
    """The command did what it was asked to do."""
    FAILED = 1
    """It failed for a reason without a code of its own; from `doctor`: something needs mending."""
    USAGE = 2
    """The command line is wrong: an unknown command or option, or a missing argument."""
    UNDECIDED = 3
    """No verdict could be reached. From `isolation`: nothing reaches over, but not everything could be judged."""
    INVALID_INPUT = 4
    """A file, a setting or an argument's value is wrong; the message names the place."""
    POLICY_VIOLATION = 5
    """A mandatory policy refused the operation, or the policy pack did not run."""
    DECISION_REQUIRED = 6
    """The action needs a person's decision that has not been made."""
    ENGINE_UNAVAILABLE = 7
    """No usable Pulumi CLI was found, and none could be built."""
    BUSY = 8
    """Another live process owns what the command needs: a stack, a daemon's place."""
    CLOUD_UNAVAILABLE = 9
    """The cloud that the settings name cannot be reached, or is not the expected one."""
    UPDATE_FAILED = 10
    """The engine ran and reported failure; what had been applied is in the stack's state."""
    CHANGES_FOUND = 11
    """From `drift`: the cloud is no longer as the last update left it."""
    SANDBOX_UNAVAILABLE = 12
    """No confined process can be made here, so nothing that needs one was started."""
    DATA_AT_RISK = 13
    """From `preview`: the update would replace or delete what holds data; the output names each such resource. From
    `rollback`: the way back would, so nothing was done."""
    NOT_ISOLATED = 14
    """From `isolation`: something of one app or environment reaches another's; the output names it."""
    OVERDUE = 15
    """From `secrets list`: the value of a secret is older than its app.yaml says it may grow. From `policy report`: an
    exception has expired."""
    AUDIT_BROKEN = 16
    """From `audit verify`: a log is not what it was, or does not tell what happened; the output names each place."""
    ACCESS_DENIED = 17
    """The access plane does not give it: no rule allows it, it is over, or nothing can be given now."""
    INTERRUPTED = 130
    """The user stopped it (Ctrl-C); the engine ended what was under way and saved its state."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One mistake in an input file: where it stands, what stands there, what may stand there, how to mend it.

    `line` and `column` count from 1; 0 means the file as a whole.
    """

    file: str
    line: int
    column: int
    field: str
    message: str
    found: str | None = None
    allowed: str | None = None
    fix: str | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        text = f"{place}: {self.field}: {self.message}" if self.field else f"{place}: {self.message}"
        if self.found is not None:
            text += f" (found {self.found})"
        if self.allowed:
            text += f"; allowed: {self.allowed}"
        if self.fix:
            text += f"; {self.fix}"
        return text


class MillwrightError(Exception):
    """Base of every error shown to a user: `str(error)` is the message, `hint` what to do next."""

    exit_code: ExitCode = ExitCode.FAILED

    def __init__(self, message: str, *, hint: str = "", problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message)
        self.hint = hint
        self.problems = problems

    def rendered(self) -> str:
        """The whole error as plain text: message, every located problem, hint; one per line."""
        return "\n".join(
            [str(self), *(f"  {p}" for p in self.problems), *([f"hint: {self.hint}"] if self.hint else [])]
        )


class InputError(MillwrightError):
    """A file or an argument is wrong. `problems` holds every mistake found, not only the first."""

    exit_code = ExitCode.INVALID_INPUT


class EngineUnavailable(MillwrightError):
    """No usable Pulumi CLI was found and none could be built."""

    exit_code = ExitCode.ENGINE_UNAVAILABLE


class CloudUnavailable(MillwrightError):
    """The cloud that the settings name cannot be reached or is not the expected one."""

    exit_code = ExitCode.CLOUD_UNAVAILABLE


class SandboxUnavailable(MillwrightError):
    """No confined process can be made here; nothing runs unconfined instead."""

    exit_code = ExitCode.SANDBOX_UNAVAILABLE


class Busy(MillwrightError):
    """Another live process owns what this one needs (a stack, a daemon's place)."""

    exit_code = ExitCode.BUSY


class DecisionRequired(MillwrightError):
    """The action needs a person's decision that has not been made."""

    exit_code = ExitCode.DECISION_REQUIRED


class AccessDenied(MillwrightError):
    """Nobody is let in, and the message says why: the rules, the people, the time, or that nothing can be recorded."""

    exit_code = ExitCode.ACCESS_DENIED


class LossUndecided(DecisionRequired):
    """The update would replace or delete what holds data, and no architect has approved that; the request is named."""


class DataAtRisk(MillwrightError):
    """The way back to an earlier release would replace or delete what holds data, so it was not begun."""

    exit_code = ExitCode.DATA_AT_RISK


class PolicyViolation(MillwrightError):
    """A mandatory policy refused the operation, or the policy pack did not run."""

    exit_code = ExitCode.POLICY_VIOLATION


class UpdateFailed(MillwrightError):
    """The engine ran and reported failure; what had been applied is in the state."""

    exit_code = ExitCode.UPDATE_FAILED


class Interrupted(MillwrightError):
    """The user stopped the operation; the engine ended what was under way and saved its state."""

    exit_code = ExitCode.INTERRUPTED
