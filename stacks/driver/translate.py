"""The engine's events as the driver's: one pure function, and what an operation remembers of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pulumi.automation.events import EngineEvent, StepEventMetadata

from policies.model import DEFERRED
from stacks.driver.model import MARK, Diagnostic, StackEvent, Step, StepDone, StepFailed, StepStarted, Violation

ROOT = "pulumi:pulumi:Stack"
MASK = "[secret]"
# How the Automation API tells that a program raised something it does not know.
INLINE = "python inline source runtime error:"
# How the engine says the program's error once more, having been told it by the program.
AGAIN = "an unhandled error occurred: "
TRACEBACK = "\nTraceback (most recent call last):"
# What the engine says of each thing that it did not begin any more, because of another error.
CANCELED = "context canceled"
# The engine sends program output and policy verdicts as diagnostics too; debug is for its own developers.
_SHOWN = {"info", "info#err", "warning", "error"}


def translate(stack: str, event: EngineEvent) -> Iterator[StackEvent]:
    """What one event of the engine means for the user of the driver: nothing, or one event."""
    if event.resource_pre_event:
        yield StepStarted(stack=stack, step=_step(event.resource_pre_event.metadata))
    elif event.res_outputs_event:
        yield StepDone(stack=stack, step=_step(event.res_outputs_event.metadata))
    elif event.res_op_failed_event:
        yield StepFailed(stack=stack, step=_step(event.res_op_failed_event.metadata))
    elif event.diagnostic_event and event.diagnostic_event.severity in _SHOWN:
        found = event.diagnostic_event
        message = _told(_uncoloured(found.message).strip())
        if message and not found.ephemeral:
            severity = found.severity.removesuffix("#err")
            yield Diagnostic(stack=stack, severity=severity, message=message, urn=found.urn or "")
    elif event.policy_event:
        verdict = event.policy_event
        message = _uncoloured(verdict.message).strip()
        yield Violation(
            stack=stack,
            policy=verdict.policy_name,
            level="mandatory" if verdict.enforcement_level == "mandatory" else "advisory",
            message=message,
            urn=verdict.resource_urn or "",
            deferred=message.startswith(DEFERRED),
        )


@dataclass
class Memory:
    """What the events of one engine run add up to."""

    steps: dict[str, Step] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    changes: dict[str, int] = field(default_factory=dict)
    # The stack's, without the values of secrets.
    outputs: dict[str, Any] = field(default_factory=dict)
    policy_packs: frozenset[str] = frozenset()

    @property
    def reasons(self) -> list[str]:
        """Each error once, without those that follow from another."""
        own = [error for error in dict.fromkeys(self.errors) if not error.endswith(CANCELED)]
        return own or self.errors

    def take(self, event: EngineEvent, translated: StackEvent | None) -> None:
        """Remember one event."""
        if event.summary_event:
            self.changes = {str(getattr(k, "value", k)): n for k, n in event.summary_event.resource_changes.items()}
            # The engine names a local pack `<name>|local|<folder>`.
            self.policy_packs = frozenset(name.split("|")[0] for name in event.summary_event.policy_packs or {})
        done = event.res_outputs_event
        if done and done.metadata.type == ROOT and done.metadata.new:
            self.outputs = {name: _masked(value) for name, value in (done.metadata.new.outputs or {}).items()}
        if isinstance(translated, StepDone | StepFailed):
            self.steps[translated.step.urn] = translated.step
        elif isinstance(translated, Diagnostic) and translated.severity == "error":
            self.errors.append(translated.message)
        elif isinstance(translated, Violation) and translated.level == "mandatory":
            self.violations.append(translated)


def _told(message: str) -> str:
    """A message without the SDK's frames: what an app's own code raises comes with its own (`stacks.program`)."""
    message = message.removeprefix(AGAIN)
    if not message.startswith(INLINE):
        return message
    return f"the program failed: {message.removeprefix(INLINE).partition(TRACEBACK)[0].strip()}"


def _masked(value: Any) -> Any:
    """A value as `pulumi stack output --json` shows it."""
    if isinstance(value, Mapping):
        return MASK if MARK in value else {name: _masked(each) for name, each in value.items()}
    return [_masked(each) for each in value] if isinstance(value, list) else value


def _step(metadata: StepEventMetadata) -> Step:
    urn = metadata.urn
    op = metadata.op
    changed = metadata.detailed_diff or metadata.diffs or ()
    return Step(
        urn=urn,
        type=metadata.type,
        name=urn.rsplit("::", 1)[-1],
        action=str(getattr(op, "value", op)),
        properties=tuple(sorted(changed)),
    )


def _uncoloured(text: str) -> str:
    # The engine marks colours as <{%fg 1%}> when it writes events.
    while (start := text.find("<{%")) >= 0 and (end := text.find("%}>", start)) >= 0:
        text = text[:start] + text[end + 3 :]
    return text
