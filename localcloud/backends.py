"""The state of the local AWS: moto's backends in this process, behind one lock, reached by one function, kept on disk.

Importing this imports moto: `localcloud.isolation.isolate` must have run before.
"""

import random
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data

from factory.errors import Busy, UpdateFailed
from localcloud import polling
from localcloud.dispatch import Dispatch
from localcloud.durable.determinism import Repeatable, install, install_loaded
from localcloud.durable.errors import StateFull
from localcloud.durable.log import CALL, END, Entry
from localcloud.durable.operations import changes
from localcloud.durable.state import Actions, Recovered, State
from localcloud.reply import Reply

CREDENTIAL = re.compile(r"Credential=(\d{12})(?:/|%2F)")
# Headers about the connection, not the call.
HOP_HEADERS = frozenset({"connection", "expect", "content-length", "transfer-encoding", "accept-encoding"})
# Random operation ids; 0 is no operation.
OPERATION_BITS = 63
SNAPSHOT_POLL_SECONDS = 0.02


class Backends:
    """All services of the local AWS. One lock: moto's backends read each other and break without it.

    What changes the state is kept on disk before it is answered (`localcloud.durable`).
    """

    def __init__(self, folder: Path, stop: Callable[[], None] = lambda: None, place: int | None = None) -> None:
        """`folder` holds the state; `stop` is called when it cannot be kept any more.

        `place` is the descriptor whose lock makes this process the only one that writes there. Raises StateBroken.
        """
        self._lock = threading.Lock()
        self._repeatable = Repeatable()
        self._dispatch = Dispatch(lambda: install_loaded(self._repeatable))
        self._changes: dict[str, Callable[[Any], Any]] = {CALL: self._dispatch}
        self._shared: dict[str, tuple[Callable[[], Any], Callable[[Any], None]]] = {}
        self._state = State(folder, place)
        self._local = threading.local()
        self._operations = 0
        self._full: StateFull | None = None
        self._stop = stop
        install(self._repeatable)

    def before_first_call(self, service: str, prepare: Callable[[], None]) -> None:
        """Run `prepare` when `service` (moto's name) is called for the first time, before the call; once."""
        self._dispatch.before_first_call(service, prepare)

    def register(self, kind: str, change: Callable[[Any], Any]) -> None:
        """`apply(kind, data)` is to call `change(data)`: a change of the state that is no AWS call.

        It runs under the lock, must depend on the state and `data` (which is pickled) alone, and is done again at a
        restart.
        """
        self._changes[kind] = change

    def share(self, name: str, tell: Callable[[], Any], take: Callable[[Any], None]) -> None:
        """Keep what `tell` returns in snapshots as well; `take` gets it back at a restart."""
        self._shared[name] = (tell, take)

    def recover(self) -> Recovered:
        """Bring back what the disk holds; before any call. Raises StateBroken, and then changes nothing there."""
        with self._lock:
            self._salt()
            self._state.recover(self._actions())
            return self._state.recovered

    def execute(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        wanted: Callable[[], bool] = lambda: True,
    ) -> Reply:
        """Answer one AWS call; the only way to the state. `wanted`: whether somebody still waits for the answer.

        `url` is absolute, header names are lower case (the case after `x-amz-meta-` is kept). Never raises: what
        the local AWS cannot do is answered 501, its own mistakes 500, both with a readable body.
        """
        call_headers = {name: value for name, value in headers.items() if name not in HOP_HEADERS}
        # moto takes no account from an access key; a twelve-digit key names the account here.
        if account := CREDENTIAL.search(headers.get("authorization") or url):
            call_headers["x-moto-account-id"] = account[1]
        call = method, url, call_headers, body
        receiver = polling.receiver(url, call_headers, body)
        if receiver and not polling.wait(receiver, self.held, wanted):
            # Messages that went to nobody would be hidden from everybody for a while.
            return self._dispatch.failure(call, "the caller has gone")
        with self._lock:
            try:
                if changes(method, url, call_headers, body):
                    return cast("Reply", self._keep(CALL, call))
                if self._full:
                    raise self._full
                return self._dispatch(call)
            except StateFull as error:
                return self._dispatch.failure(call, f"{error}; {error.hint}")

    def service_of(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> str:
        """moto's name of the service to which `execute` would take a call. Raises what moto does at an unreadable one.

        It asks no service, so it takes no lock.
        """
        return self._dispatch.service_of((method, url, headers, body))

    def service_at(self, host: str) -> str:
        """moto's name of the service that has a host, as `sqs.eu-central-1.amazonaws.com`."""
        return self._dispatch.service_at(host)

    def apply(self, kind: str, data: Any) -> Any:
        """Make a registered change and keep it. Raises StateFull."""
        with self._lock:
            return self._keep(kind, data)

    @contextmanager
    def operation(self) -> Iterator[None]:
        """This thread's changes until the end count together or, when the process ends before it, not at all."""
        self._local.operation, self._local.kept = random.SystemRandom().getrandbits(OPERATION_BITS) or 1, False
        with self._lock:
            self._operations += 1
        try:
            yield
        finally:
            with self._lock:
                self._operations -= 1
                kept, self._local.kept = self._local.kept, False
                try:
                    # One of which a change was refused is not whole.
                    if kept and not self._full:
                        self._append(END, None)
                finally:
                    self._local.operation = 0
                    self._snapshot_if_due()

    def snapshot(self, seconds: float) -> Mapping[str, Any]:
        """Write a snapshot now.

        Raises Busy when operations are under way for longer than `seconds`, UpdateFailed when the disk does not
        take it, StateFull when something was refused that the backends hold already.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with self._lock:
                if self._full:
                    raise self._full
                finish = self._state.snapshot(self._actions()) if self._quiet else None
            if finish:
                finish()
                told = self.kept()
                if told["problem"]:
                    raise UpdateFailed(told["problem"], hint="see the log: millwright cloud logs")
                return told
            time.sleep(SNAPSHOT_POLL_SECONDS)
        raise Busy("operations are under way all the time", hint="try again when no update runs")

    def reset(self) -> None:
        """Forget everything: every account, region and service. Raises StateFull, and then nothing is forgotten."""
        with self._lock:
            # On disk first: what is answered from now on is the new cloud's.
            self._state.begin()
            BackendDict.reset()
            reset_model_data()
            self._salt()

    def close(self) -> None:
        """End what still writes: whoever comes next must find nobody there."""
        with self._lock:
            self._state.settle()

    def kept(self) -> Mapping[str, Any]:
        """For people: what is on disk."""
        with self._lock:
            return self._state.told()

    @property
    def generation(self) -> str:
        """Names this cloud; another one after a reset, the same one after a restart."""
        return self._state.identity.generation

    @property
    def version(self) -> tuple[str, int]:
        """Another one after each change that is kept, and after a reset."""
        return self.generation, self._state.last

    @property
    def _quiet(self) -> bool:
        return not self._operations and not self._state.snapshotting

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep every call out, for whoever reads moto's records themselves. Not for use inside a call.

        What is written meanwhile is not kept: it must follow again from what is declared.
        """
        with self._lock:
            yield

    def _keep(self, kind: str, data: Any) -> Any:
        """Make a change repeatably, and keep it before anybody learns of it."""
        if self._full:
            raise self._full
        number, moment, keys = self._state.last + 1, time.time(), list[bytes]()
        with self._repeatable.call(number, moment, keys):
            result = self._changes[kind](data)
        self._append(kind, data, moment=moment, outcome=_outcome(result), keys=keys)
        if not self._operations:
            self._snapshot_if_due()
        return result

    def _append(self, kind: str, data: Any, **told: Any) -> None:
        entry = Entry(
            number=self._state.last + 1,
            kind=kind,
            data=data,
            operation=getattr(self._local, "operation", 0),
            **({"moment": time.time()} | told),
        )
        try:
            self._state.append(entry)
        except StateFull as error:
            # The backends are ahead of the disk now: nothing may be answered from them any more.
            self._full = error
            self._stop()
            raise
        self._local.kept = True

    def _replay(self, entry: Entry) -> tuple[int, int]:
        with self._repeatable.call(entry.number, entry.moment, list(entry.keys)):
            return _outcome(self._changes[entry.kind](entry.data))

    def _snapshot_if_due(self) -> None:
        if self._state.snapshot_due and not self._operations and not self._full:
            finish = self._state.snapshot(self._actions())
            threading.Thread(target=finish, name="snapshot", daemon=True).start()

    def _actions(self) -> Actions:
        return Actions(
            replay=self._replay,
            prepare=self._dispatch.prepare,
            others=lambda: {name: tell() for name, (tell, _) in self._shared.items()},
            restore=self._restore,
        )

    def _restore(self, others: Mapping[str, Any]) -> None:
        for name, (_, take) in self._shared.items():
            if name in others:
                take(others[name])

    def _salt(self) -> None:
        self._repeatable.salt, self._repeatable.born = self._state.identity.salt, self._state.identity.born


def _outcome(result: Any) -> tuple[int, int]:
    return (result.status, zlib.crc32(result.body)) if isinstance(result, Reply) else (0, 0)
