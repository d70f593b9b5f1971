"""What is opened for a copy is a server's own socket, and nothing that stands in its place."""

import socket
from pathlib import Path

from localcloud.runtime.caller import Caller
from localcloud.runtime.declared import ServiceId
from localcloud.runtime.reach import Reach
from localcloud.runtime.ways import Ways

CALLER = Caller(ServiceId("123456789012", "eu-central-1", "c", "web"), "", "task")
PLACE = ("127.130.2.3", 5432)


def opened(path: Path | None, *place: str | int) -> socket.socket | None:
    def no_api(*_: object) -> socket.socket:
        raise AssertionError("no API is declared")

    ways = Ways(lambda *_: Reach({PLACE: "db-1"}), {"db-1": path}.get, no_api)
    address, port = place or PLACE
    return ways.of(CALLER, "d")(str(address), int(port))


def test_a_servers_socket_is_opened_and_a_link_to_another_one_is_not(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as other:
        for listening, name in ((server, "s"), (other, "of-somebody-else")):
            listening.bind(str(tmp_path / name))
            listening.listen()
        there = opened(tmp_path / "s")
        assert there is not None
        there.close()
        (tmp_path / "s").unlink()
        assert opened(tmp_path / "s") is None
        (tmp_path / "s").symlink_to(tmp_path / "of-somebody-else")
        assert opened(tmp_path / "s") is None


def test_a_server_that_does_not_run_and_an_address_without_one_open_nothing(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        assert opened(None) is None
        for place in (("127.130.2.3", 5433), ("127.0.0.1", 5432), ("127.255.0.1", 4443)):
            assert opened(tmp_path / "s", *place) is None
        there = opened(tmp_path / "s")
        assert there is not None
        there.close()
