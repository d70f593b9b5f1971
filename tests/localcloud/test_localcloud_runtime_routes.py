"""Where requests go, on which port and through which socket, without a server."""

import random
import socket
from pathlib import Path
from typing import Any

import pytest

from localcloud.runtime.ingress import listen
from localcloud.runtime.routes import Forward, Switch, Table, Target
from localcloud.runtime.sandboxed import Process


def test_weights_and_idle_copies_share_the_load(tmp_path: Path) -> None:
    switch = Switch(random.Random(7))
    light, heavy = Forward({"a": 1, "b": 3}), Forward({"a": 1})
    switch.swap(Table({}, {"a": [Target("a1", tmp_path), Target("a2", tmp_path)], "b": [Target("b1", tmp_path)]}))
    taken = []
    for _ in range(400):
        target = switch.lease(light)
        assert target
        taken.append(target.task)
        switch.release(target)
    assert 250 < taken.count("b1") < 350
    first, second = switch.lease(heavy), switch.lease(heavy)
    assert first
    assert second
    assert {first.task, second.task} == {"a1", "a2"}


def test_the_port_is_the_same_next_time_and_another_when_it_is_taken(tmp_path: Path) -> None:
    memory = tmp_path / "state" / "ingress-port"
    with listen(memory) as first:
        port = first.getsockname()[1]
        assert first.getsockname()[0] == "127.0.0.1"
        with listen(memory) as second:
            assert second.getsockname()[1] != port
    memory.write_text(str(port))
    with listen(memory) as again:
        assert again.getsockname()[1] == port
    memory.write_text("no number")
    with listen(memory) as mended:
        assert int(memory.read_text()) == mended.getsockname()[1]


def test_a_copys_socket_is_the_one_seen_first_and_never_a_link(tmp_path: Path) -> None:
    worker: Any = None
    gate: Any = None
    with socket.socket(socket.AF_UNIX) as others, socket.socket(socket.AF_UNIX) as own:
        others.bind(str(tmp_path / "others"))
        others.listen()
        door = tmp_path / "doors" / "in"
        door.mkdir(parents=True)
        copy = Process(worker, gate, tmp_path / "doors", tmp_path / "folder")
        (door / "s").symlink_to(tmp_path / "others")
        assert copy.socket is None
        (door / "s").unlink()
        own.bind(str(door / "s"))
        own.listen()
        seen = copy.socket
        assert seen is not None
        (door / "s").unlink()
        (door / "s").symlink_to(tmp_path / "others")
        assert copy.socket == seen
        others.settimeout(0.2)
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(seen))
            own.accept()[0].close()
        with pytest.raises(TimeoutError):
            others.accept()
        copy.remove()
    assert not door.exists()
