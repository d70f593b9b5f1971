"""Inside a service's sandbox: starts the app, and forwards a Unix socket to its port. Standard library only.

`python forwarder.py SOCKET PORT KEPT OUTWARD -- COMMAND ...`, where KEPT are the descriptors that the app has too, with
commas between. PORT is empty for an app that serves nothing. OUTWARD is empty, or `SOCKET:PORT,PORT`: what the app
sends to one of these ports goes to that socket, with the address in front. Ends with the app's own exit status.
"""

import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

CHUNK = 65536
CONNECTIONS = 256
STACK_BYTES = 256 * 1024
CONNECT_SECONDS = 5
# Longer than the host takes to decide and to connect.
HOST_SECONDS = 15
ADMITTED = b"+"
# Linger on, for no time: the other side is told that it was no orderly end.
RESET = struct.pack("ii", 1, 0)


def main() -> int:
    """Run the app; its exit status."""
    path, port, kept, outward, _, *command = sys.argv[1:]
    # Whoever started this may have had its signals blocked, and that is inherited.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    # Two threads per connection, within the memory that the app may address.
    threading.stack_size(STACK_BYTES)
    # Before the app starts: it may connect at once.
    listen_outward(outward)
    app = subprocess.Popen(command, pass_fds=[int(number) for number in kept.split(",") if number])
    signal.signal(signal.SIGTERM, lambda *_: app.terminate())
    if port:
        with contextlib.suppress(FileNotFoundError):
            Path(path).unlink()
        door = socket.socket(socket.AF_UNIX)
        door.bind(path)
        door.listen(CONNECTIONS)
        start(accept, door, threading.BoundedSemaphore(CONNECTIONS), lambda client: serve(client, int(port)))
    status = app.wait()
    return 128 - status if status < 0 else status


def listen_outward(outward: str) -> None:
    """Take what the app sends to these ports, at whatever address of its own loopback."""
    path, _, ports = outward.rpartition(":")
    room = threading.BoundedSemaphore(CONNECTIONS)
    for port in filter(None, ports.split(",")):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # There is no other network than this process's own loopback.
        listener.bind(("0.0.0.0", int(port)))  # noqa: S104 -- as said
        listener.listen(CONNECTIONS)
        start(accept, listener, room, lambda client: bring(client, path))


def start(work: Callable[..., None], *arguments: object) -> None:
    """Have it done beside."""
    threading.Thread(target=work, args=arguments, daemon=True).start()


def accept(door: socket.socket, room: threading.BoundedSemaphore, take: Callable[[socket.socket], None]) -> None:
    """Take connections for as long as the process lives."""
    while True:
        client, _ = door.accept()
        if room.acquire(blocking=False):
            start(within, room, take, client)
        else:
            client.close()


def within(room: threading.BoundedSemaphore, take: Callable[[socket.socket], None], client: socket.socket) -> None:
    """One connection, for which there is room until it ends. The other side sees a closed one when nobody answers."""
    try:
        with client, contextlib.suppress(OSError):
            take(client)
    finally:
        room.release()


def serve(client: socket.socket, port: int) -> None:
    """Join one connection with the app, if it listens."""
    with socket.create_connection(("127.0.0.1", port), CONNECT_SECONDS) as app:
        app.settimeout(None)
        join(client, app)


def bring(app: socket.socket, path: str) -> None:
    """Bring one connection of the app to the host, which decides; a refused one is reset."""
    address, port = app.getsockname()
    with socket.socket(socket.AF_UNIX) as host:
        host.settimeout(HOST_SECONDS)
        host.connect(path)
        host.sendall(f"{address}:{port}\n".encode())
        if host.recv(1) != ADMITTED:
            app.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            return
        host.settimeout(None)
        join(app, host)


def join(one: socket.socket, other: socket.socket) -> None:
    """Copy both directions until each has ended."""
    back = threading.Thread(target=pump, args=(other, one), daemon=True)
    back.start()
    pump(one, other)
    back.join()


def pump(source: socket.socket, target: socket.socket) -> None:
    """Copy one direction until its end, and pass the end on."""
    with contextlib.suppress(OSError):
        while chunk := source.recv(CHUNK):
            target.sendall(chunk)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)
