"""The same for a queue's grant: one client that calls over and over, and one in the middle of a call that waits."""

import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aws_place import AwsPlace, aws_place
from botocore.exceptions import BotoCoreError, ClientError

from access.daemon import CUT_SECONDS, LOOK_SECONDS
from access.grants import State
from factory.spec import Scope

DEAD = (ClientError, BotoCoreError)
SECONDS = 60.0


@dataclass
class Measured:
    """Seconds after the word, each time, until the first call that is refused, and until the waiting one ends."""

    calls: list[float] = field(default_factory=list)
    waiting: list[float] = field(default_factory=list)


def measured(times: int, repeat: Callable[[Callable[[], None], float, threading.Event], None]) -> Measured:
    """So many revocations; `repeat` is how the daemon's threads go on."""
    found, stop = Measured(), threading.Event()
    with tempfile.TemporaryDirectory(prefix="millwright-bench-") as folder, aws_place(Path(folder)) as place:
        for do, seconds in ((place.broker.cut, CUT_SECONDS), (place.broker.work, LOOK_SECONDS)):
            threading.Thread(target=repeat, args=(do, seconds, stop), daemon=True).start()
        try:
            for _ in range(times):
                place.place.log()
                _once(place, found)
        finally:
            stop.set()
    return found


def _once(place: AwsPlace, found: Measured) -> None:
    given = place.place.ask(resource="queues.queue", scope=Scope.READ)
    _until(lambda: place.place.state(given.grant) is State.ACTIVE)
    calling, waiting = place.boto(given), place.boto(given)
    calling.get_queue_attributes(QueueUrl=place.url)
    dead: dict[str, float] = {}

    def until_dead(name: str, call: Callable[[], Any]) -> None:
        try:
            while True:
                call()
        except DEAD:
            dead[name] = time.monotonic()

    def waits() -> Any:
        return waiting.receive_message(QueueUrl=place.url, WaitTimeSeconds=20)

    wait = threading.Thread(target=until_dead, args=("waiting", waits))
    wait.start()
    _until(lambda: any(each.get("operation") == "ReceiveMessage" for each in place.records(given.grant)))
    said = time.monotonic()
    place.place.desk.end(place.place.read(given.grant), "measured", actor="bench")
    until_dead("calls", lambda: calling.get_queue_attributes(QueueUrl=place.url))
    wait.join(SECONDS)
    found.calls.append(dead["calls"] - said)
    found.waiting.append(dead["waiting"] - said)
    _until(lambda: place.place.state(given.grant) is State.ENDED)


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("it does not happen")
        time.sleep(0.005)
