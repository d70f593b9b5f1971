"""Inside a service's sandbox: starts the app, and forwards a Unix socket to its port. Standard library only.

`python forwarder.py SOCKET PORT KEPT -- COMMAND ...`, where KEPT are the descriptors that the app has too, with commas
between. Ends with the app's own exit status.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

CHUNK = 65536
CONNECTIONS = 256
STACK_BYTES = 256 * 1024
CONNECT_SECONDS = 5


def main() -> int:
    """Run the app; its exit status."""
    path, port, kept, _, *command = sys.argv[1:]
    # Whoever started this may have had its signals blocked, and that is inherited.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    # Two threads per connection, within the memory that the app may address.
    threading.stack_size(STACK_BYTES)
    app = subprocess.Popen(command, pass_fds=[int(number) for number in kept.split(",") if number])
    signal.signal(signal.SIGTERM, lambda *_: app.terminate())
    with contextlib.suppress(FileNotFoundError):
        Path(path).unlink()
    door = socket.socket(socket.AF_UNIX)
    door.bind(path)
    door.listen(CONNECTIONS)
    room = threading.BoundedSemaphore(CONNECTIONS)
    threading.Thread(target=accept, args=(door, int(port), room), daemon=True).start()
    status = app.wait()
    return 128 - status if status < 0 else status


def accept(door: socket.socket, port: int, room: threading.BoundedSemaphore) -> None:
    """Take connections for as long as the process lives."""
    while True:
        client, _ = door.accept()
        if room.acquire(blocking=False):
            threading.Thread(target=serve, args=(client, port, room), daemon=True).start()
        else:
            client.close()


def serve(client: socket.socket, port: int, room: threading.BoundedSemaphore) -> None:
    """Join one connection with the app."""
    try:
        with client, socket.create_connection(("127.0.0.1", port), CONNECT_SECONDS) as app:
            app.settimeout(None)
            back = threading.Thread(target=pump, args=(app, client), daemon=True)
            back.start()
            pump(client, app)
            back.join()
    except OSError:
        # The app does not listen (yet, or any more): the other side sees a closed connection.
        return
    finally:
        room.release()


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
