"""A live line per operation at the foot of a terminal: what it does now, how much is done, for how long."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from console.show import escaped, short_type
from stacks.driver.model import Failed, Finished, StackEvent, Started, StepDone, StepStarted, Waiting


class Board(AbstractContextManager["Board"]):
    """Shows itself on a terminal only; elsewhere every method does nothing."""

    def __init__(self, stacks: Sequence[str], console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("[bold]{task.fields[stack]:<16}[/]"),
            TextColumn("{task.completed:>3.0f} done"),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.description}[/]"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {
            stack: self._progress.add_task("starting", total=None, stack=stack) for stack in stacks
        }

    def __enter__(self) -> "Board":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def take(self, event: StackEvent) -> None:
        """Show what `event` changes."""
        task = self._tasks[event.stack]
        match event:
            case Waiting():
                self._progress.update(task, description=escaped(f"waits: {event.reason}"))
            case Started():
                self._progress.update(task, description=event.kind.value)
            case StepStarted():
                step = f"{event.step.action} {short_type(event.step.type)} {event.step.name}"
                self._progress.update(task, description=escaped(step))
            case StepDone():
                self._progress.advance(task)
            case Finished() | Failed():
                self._progress.remove_task(task)
