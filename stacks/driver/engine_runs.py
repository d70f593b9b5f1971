"""Runs of the engine through the Automation API: what it reports becomes events, a result, or an explained error."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from pulumi import automation as auto
from pulumi.automation.errors import CommandError
from pulumi.automation.events import EngineEvent

from factory.errors import CloudUnavailable, InputError, Interrupted, MillwrightError, PolicyViolation, UpdateFailed
from factory.paths import private_folder
from policies import PACK_NAME
from stacks import rollback
from stacks.driver.model import Diagnostic, Request, StackEvent, Violation
from stacks.driver.translate import Memory, translate

OnEvent = Callable[[EngineEvent], None]
Answer = TypeVar("Answer")
LOG_TAIL = 4000
# What the CLI says.
WRONG_KEY = "incorrect passphrase"
# What the engine says of a deletion, which it comes to when the program has declared everything.
PROTECTED = "because it is protected"
NO_KEY = "operation error KMS"


@dataclass
class Reporter:
    """Where events go, and whether the user has asked the operation to stop."""

    send: Callable[[StackEvent], None]
    interrupted: threading.Event = field(default_factory=threading.Event)

    def check(self, what: str) -> None:
        """Raises Interrupted when the user has asked to stop; called wherever nothing is under way."""
        if self.interrupted.is_set():
            raise Interrupted(f"{what} was interrupted; its state is saved", hint="run it again to go on")


@dataclass(frozen=True)
class EngineRuns:
    """Runs the engine once per call and turns what it reports into events, results and errors."""

    request: Request
    reporter: Reporter
    stack: auto.Stack
    goes_back: bool

    def run(self, call: Callable[[OnEvent], Answer], *, quiet: bool = False) -> tuple[Answer, Memory]:
        """`quiet`: only what stops the operation is reported (the run is a check before another one)."""
        self.reporter.check(f"{self.request.kind} of {self.request.stack}")
        memory = Memory()

        def take(event: EngineEvent) -> None:
            translated = next(translate(self.request.stack, event), None)
            again = isinstance(translated, Diagnostic) and translated.message in memory.errors
            memory.take(event, translated)
            if translated is not None and not again and (not quiet or _stops(translated)):
                self.reporter.send(translated)

        try:
            return call(take), memory
        except CommandError as error:
            raise self._explained(memory, str(error)) from None

    def require_policies(self, memory: Memory) -> None:
        """Refuse a run in which the policy pack did not take part: no verdict, no action."""
        if PACK_NAME not in memory.policy_packs:
            raise PolicyViolation(
                f"{self.request.stack}: the policy pack {PACK_NAME} did not run, so nothing may go on",
                hint="see `millwright doctor`",
            )

    def _explained(self, memory: Memory, output: str) -> MillwrightError:
        stack, kind = self.request.stack, self.request.kind
        if self.goes_back and any(PROTECTED in error for error in memory.errors):
            # The engine stops at the first thing that production protects, and lists no other.
            standing = (self.stack.export_stack().deployment or {}).get("resources", [])
            rollback.require_data_kept(stack, [*memory.steps.values(), *rollback.not_declared(standing, memory.steps)])
        if memory.violations:
            listed = "\n".join(f"{v.policy}: {v.message} ({v.urn.rsplit('::', 1)[-1]})" for v in memory.violations)
            hint = "mend what the policy names, or ask somebody of security to accept it: millwright policy except"
            return PolicyViolation(f"{kind} of {stack} refused by policy:\n{listed}", hint=hint)
        if self.reporter.interrupted.is_set():
            return Interrupted(f"{kind} of {stack} was interrupted; its state is saved", hint="run it again to go on")
        if WRONG_KEY in output:
            return InputError(
                f"{kind} of {stack}: {self.request.env.passphrase_file} does not hold the passphrase that its secrets "
                "are encrypted with",
                hint="put the right one back, or name its file: passphrase_file in millwright.yaml",
            )
        if NO_KEY in output:
            return CloudUnavailable(
                f"{kind} of {stack}: the key that its secrets are encrypted with cannot be used: {_own_errors(output)}",
                hint="see the credentials and AWS_ENDPOINT_URL of this shell, and secrets_provider in millwright.yaml",
            )
        log = private_folder(self.request.root.logs) / f"{self.request.stack}-{self.request.id}.log"
        log.write_text(output)
        reason = "\n".join(memory.reasons) or _own_errors(output) or output[-LOG_TAIL:]
        return UpdateFailed(f"{kind} of {stack} failed: {reason}", hint=f"the engine's whole output: {log}")


def _own_errors(output: str) -> str:
    """What the command itself says is wrong, when no event of the engine did: it never came so far."""
    lines = (line.strip().removeprefix("stderr: ") for line in output.splitlines())
    return "\n".join(line.removeprefix("error: ") for line in lines if line.startswith("error: "))


def _stops(event: StackEvent) -> bool:
    return (isinstance(event, Violation) and event.level == "mandatory") or (
        isinstance(event, Diagnostic) and event.severity == "error"
    )
