"""The relay before APIs with a client that people have, and with an order that is wrong."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from api_place import CREDENTIAL
from api_relay_place import RelayPlace, relay_place

from factory.errors import MillwrightError


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelayPlace]:
    with relay_place(tmp_path_factory.mktemp("relay")) as made:
        yield made


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
def test_curl_needs_the_base_url_and_the_token_only(place: RelayPlace, tmp_path: Path) -> None:
    held = place.open()
    (tmp_path / "big").write_bytes(b"x" * (2 << 20))
    url = f"http://127.0.0.1:{place.relay.port}/items"
    done = subprocess.run(
        ["curl", "-sS", "--noproxy", "*", "-H", f"Authorization: Bearer {held.token}", "--data-binary", "@big", url],  # noqa: S607
        capture_output=True,
        cwd=tmp_path,
        check=True,
        timeout=60,
    )
    assert done.stdout == b"hello"
    assert len(place.api.heard[-1].body) == 2 << 20


def test_an_order_that_is_wrong_is_refused_without_its_credential(place: RelayPlace) -> None:
    with pytest.raises(MillwrightError, match="not the base URL") as refused:
        place.open(url=f"https://user{chr(64)}api.example.com/v1")
    assert CREDENTIAL not in str(refused.value)
    assert CREDENTIAL not in (place.folder / "relay.log").read_text()
    assert place.call(place.open(), "GET", "/items").status_code == 200
