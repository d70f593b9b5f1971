"""Inside a sandbox that stays: starts the app, and forwards between its network and Unix sockets of the host.

`python forwarder.py DOOR PORT WAYS KEPT -- COMMAND ...`. DOOR is a socket that is made here and leads to the app's
PORT; WAYS are sockets that the host listens at, by which the app reaches what the host lets it reach (`sandbox.outward`
is the other end). Either may be empty. KEPT are the descriptors that the app has too. Both lists have commas between.
Ends with the app's own exit status. Standard library only.
"""

import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import BinaryIO

CHUNK = 65536
CONNECTIONS = 256
STACK_BYTES = 256 * 1024
CONNECT_SECONDS = 5
# As prlimit, which starts what has no way out, ends with (exit status of `env` and of shells).
NOT_STARTED = 127
# A close that says so at once, instead of an end that could be taken for an answer.
RESET = struct.pack("ii", 1, 0)


def main() -> int:
    """Run the app; its exit status."""
    door, port, ways, kept, _, *command = sys.argv[1:]
    # Whoever started this may have had its signals blocked, and that is inherited.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    # Two threads per connection, within the memory that the app may address.
    threading.stack_size(STACK_BYTES)
    room = threading.BoundedSemaphore(CONNECTIONS)
    for each in ways.split(",") if ways else ():
        # Before the app: what it may reach is there when it begins.
        Outward(each, room).begin()
    try:
        app = subprocess.Popen(command, pass_fds=[int(number) for number in kept.split(",") if number])
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        return NOT_STARTED
    signal.signal(signal.SIGTERM, lambda *_: app.terminate())
    if door:
        with contextlib.suppress(FileNotFoundError):
            Path(door).unlink()
        inward = socket.socket(socket.AF_UNIX)
        inward.bind(door)
        inward.listen(CONNECTIONS)
        threading.Thread(target=accept, args=(inward, int(port), room), daemon=True).start()
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
            join(client, app)
    except OSError:
        # The app does not listen (yet, or any more): the other side sees a closed connection.
        return
    finally:
        room.release()


def join(one: socket.socket, other: socket.socket) -> None:
    """Copy both ways until both have ended."""
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


class Outward:
    """Listens at the loopback addresses that the host names, and joins who connects there with the host.

    The host decides again at each connection: that something is listened at here is no permission.
    """

    def __init__(self, way: str, room: threading.BoundedSemaphore) -> None:
        self._way, self._room = way, room
        self._doors: dict[tuple[str, int], socket.socket] = {}

    def begin(self) -> None:
        """Listen at what can be reached now, and from now on follow what the host says of it."""
        try:
            news = self._asked("watch")
            news.settimeout(CONNECT_SECONDS)
            lines = news.makefile("rb")
            self._listen(lines.readline())
            news.settimeout(None)
        except OSError:
            # Nothing can be reached.
            return
        threading.Thread(target=self._follow, args=(lines,), daemon=True).start()

    def _asked(self, what: str) -> socket.socket:
        way = socket.socket(socket.AF_UNIX)
        way.connect(self._way)
        way.sendall(f"{what}\n".encode())
        return way

    def _follow(self, lines: BinaryIO) -> None:
        with contextlib.suppress(OSError):
            for line in lines:
                self._listen(line)
        self._listen(b"[]")

    def _listen(self, line: bytes) -> None:
        """Listen at the places of one line from the host (`[["127.0.0.2", 5432], ...]`), and at no others."""
        named = {(str(address), int(port)) for address, port in json.loads(line or b"[]")}
        for place in self._doors.keys() - named:
            door = self._doors.pop(place)
            # Also for the thread that waits in accept: closing alone would leave it listening.
            with contextlib.suppress(OSError):
                door.shutdown(socket.SHUT_RDWR)
            door.close()
        for place in named - self._doors.keys():
            # The app may listen there itself.
            with contextlib.suppress(OSError):
                door = self._doors[place] = socket.create_server(place, backlog=CONNECTIONS)
                threading.Thread(target=self._accept, args=(door, place), daemon=True).start()

    def _accept(self, door: socket.socket, place: tuple[str, int]) -> None:
        with contextlib.suppress(OSError):
            while True:
                app, _ = door.accept()
                if self._room.acquire(blocking=False):
                    threading.Thread(target=self._pass, args=(app, place), daemon=True).start()
                else:
                    app.close()

    def _pass(self, app: socket.socket, place: tuple[str, int]) -> None:
        """Join one connection of the app with what the host opens for it."""
        try:
            with app:
                app.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                with self._asked(f"{place[0]} {place[1]}") as way:
                    if way.recv(1) == b"+":
                        app.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 0, 0))
                        join(app, way)
        except OSError:
            return
        finally:
            self._room.release()


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)
