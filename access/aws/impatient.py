"""HTTP connections that wait for nobody: one on which no request comes in time is closed, however it is kept busy."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


def impatient(seconds: float) -> type[asyncio.Protocol]:
    """uvicorn's own protocol, which by itself waits for a request's head for ever."""

    class Impatient(H11Protocol):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._look_later()

        def _look_later(self) -> None:
            self.loop.call_later(seconds, self._look, self.cycle, self._waits())

        def _waits(self) -> bool:
            return self.cycle is None or self.cycle.response_complete

        def _look(self, before: Any, waited: bool) -> None:
            if self.transport.is_closing():
                return
            if waited and self.cycle is before:
                # Not with TLS's own farewell, for whose answer it would wait again.
                self.transport.abort()
            else:
                self._look_later()

    return Impatient
