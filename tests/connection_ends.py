"""How a client sees that the other end of its connection is there, or has gone."""

import socket
import ssl


def closed(connection: socket.socket) -> bool:
    """Whether it comes to its end, which a client sees as an end or as a reset."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def is_open(connection: socket.socket) -> bool:
    """Whether it has come to none by now."""
    connection.setblocking(False)
    try:
        return connection.recv(1) != b""
    except (BlockingIOError, ssl.SSLWantReadError):
        return True
    finally:
        connection.setblocking(True)
