"""The relay before APIs is followed by another one while it still ends: its broker was killed, and has begun anew."""

from pathlib import Path

import httpx2
import pytest
from api_relay_place import RelayPlace, relay_place, started


def test_a_relay_that_ends_takes_away_its_own_sockets_and_not_those_of_the_next_one(tmp_path: Path) -> None:
    with relay_place(tmp_path) as first:
        held = first.open()
        assert first.by_socket(held, "GET", "/items").status_code == 200
        second = RelayPlace(started(tmp_path, first.api), first.api, tmp_path)
        try:
            with pytest.raises(httpx2.ConnectError):
                second.by_socket(held, "GET", "/items")
            # The same grant, under the same name.
            assert second.open().id == held.id
            first.relay.stop()
            assert second.by_socket(held, "GET", "/items").status_code == 200
            assert [each.name for each in (tmp_path / "sockets").iterdir()] == [held.id]
        finally:
            second.relay.stop()
        assert not list((tmp_path / "sockets").iterdir())
