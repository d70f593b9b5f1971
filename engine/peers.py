"""Who is at the other end of a connection on loopback: a host that runs programs runs them for its own user only.

Any user of a machine may connect to a port on loopback. Linux tells the owner of each connection (proc(5), net/tcp).
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc

if TYPE_CHECKING:
    # Generic for the type checker alone.
    Interceptor = grpc.ServerInterceptor[Any, Any]
    Handler = grpc.RpcMethodHandler[Any, Any]
else:
    Interceptor, Handler = grpc.ServerInterceptor, grpc.RpcMethodHandler

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
ESTABLISHED = "01"
ROOT = 0


class OwnUserOnly(Interceptor):
    """Refuses calls of every other user than this process's (and root, who may do anything anyway)."""

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Handler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """The handler, which first looks who asks."""
        handler: Any = continuation(handler_call_details)
        if handler is None:
            return None
        kind = "unary_stream" if handler.response_streaming else "unary_unary"
        make = getattr(grpc, f"{kind}_rpc_method_handler")
        ways = handler.request_deserializer, handler.response_serializer
        guarded: Handler = make(_guarded(getattr(handler, kind)), *ways)
        return guarded


def _guarded(answer: Callable[[Any, grpc.ServicerContext], Any]) -> Callable[[Any, grpc.ServicerContext], Any]:
    def call(request: Any, context: grpc.ServicerContext) -> Any:
        if not is_own(context.peer()):
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "this serves the user who started it, and nobody else")
        return answer(request, context)

    return call


def is_own(peer: str) -> bool:
    """Whether a gRPC peer (`ipv4:127.0.0.1:4711`) is a connection of this user or root; where nobody can say, it is."""
    if not TABLES[0].exists():
        return True
    port = peer.rpartition(":")[2]
    owners = set(_owners(int(port))) if port.isdigit() else set()
    return bool(owners) and owners <= {os.getuid(), ROOT}


def _owners(port: int) -> Iterator[int]:
    """The users who own a connection from that port of this machine."""
    for table in TABLES:
        if not table.exists():
            continue
        for line in table.read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == ESTABLISHED and int(fields[1].rpartition(":")[2], 16) == port:
                yield int(fields[7])
