"""A host that runs what it is asked to run serves the user who started it, and nobody else on the machine."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import language_pb2_grpc as services

from engine import language_host, peers
from engine.children import Children

NOBODY = 65534


@contextmanager
def connected(listener: socket.socket, user: int) -> Iterator[str]:
    """A connection that a process of `user` holds open, as gRPC names it."""
    end, life = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(life)
        if user != os.getuid():
            os.setuid(user)
        client = socket.create_connection(listener.getsockname())
        os.read(end, 1)
        client.close()
        os._exit(0)
    os.close(end)
    accepted, (address, port) = listener.accept()
    try:
        yield f"ipv4:{address}:{port}"
    finally:
        os.close(life)
        os.waitpid(child, 0)
        accepted.close()


def test_another_users_connection_is_told_from_ones_own() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with connected(listener, os.getuid()) as own:
            assert peers.is_own(own)
        if os.getuid() != peers.ROOT:
            pytest.skip("only root can become another user")
        with connected(listener, NOBODY) as other:
            assert not peers.is_own(other)


@pytest.mark.parametrize("peer", ["unix:/tmp/socket", "ipv4:127.0.0.1:1", "", "ipv4:127.0.0.1:"])
def test_a_connection_that_nobody_owns_is_refused(peer: str) -> None:
    assert not peers.is_own(peer)


def test_the_language_host_answers_its_own_user_and_refuses_every_other(monkeypatch: pytest.MonkeyPatch) -> None:
    server, port = language_host.serve("", Children())
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = services.LanguageRuntimeStub(channel)
            assert stub.GetPluginInfo(Empty(), timeout=10).version
            monkeypatch.setattr(peers, "is_own", lambda _: False)
            for call in (stub.GetPluginInfo, lambda *a, **k: list(stub.RunPlugin(*a, **k))):
                with pytest.raises(grpc.RpcError) as refused:
                    call(Empty(), timeout=10)
                assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    finally:
        server.stop(grace=None)
