import json
import threading
from pathlib import Path

import pytest

from links.store import InvalidUrl, Link, Store


def test_a_link_survives_a_restart(tmp_path: Path) -> None:
    link = Store(tmp_path / "links.json").add("https://example.org/")
    assert Store(tmp_path / "links.json").get(link.code) == link


def test_the_same_url_gets_the_same_code_and_another_url_another(tmp_path: Path) -> None:
    store = Store(tmp_path / "links.json")
    first = store.add("https://example.org/a")
    assert store.add("https://example.org/a") == first
    assert store.add("https://example.org/b").code != first.code
    assert len(store) == 2


def test_a_code_that_another_url_holds_is_not_given_away(tmp_path: Path) -> None:
    code = Store(tmp_path / "first.json").add("https://example.org/").code
    taken = tmp_path / "taken.json"
    taken.write_text(json.dumps([{"code": code, "url": "https://other.example/", "hits": 3}]))
    store = Store(taken)
    assert store.add("https://example.org/").code != code
    assert store.get(code) == Link(code, "https://other.example/", 3)


def test_following_counts_and_looking_does_not(tmp_path: Path) -> None:
    store = Store(tmp_path / "links.json")
    code = store.add("https://example.org/").code
    store.follow(code)
    store.follow(code)
    store.get(code)
    assert Store(tmp_path / "links.json").get(code) == Link(code, "https://example.org/", 2)
    assert store.follow("unknown") is None


def test_threads_lose_no_link_and_no_hit(tmp_path: Path) -> None:
    store = Store(tmp_path / "links.json")
    code = store.add("https://example.org/").code

    def work(number: int) -> None:
        for step in range(5):
            store.add(f"https://example.org/{number}/{step}")
            store.follow(code)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    again = Store(tmp_path / "links.json")
    assert len(again) == 41
    assert again.get(code) == Link(code, "https://example.org/", 40)


def test_a_failed_write_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "links.json")
    kept = store.add("https://example.org/kept")
    before = (tmp_path / "links.json").read_bytes()

    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="disk full"):
        store.add("https://example.org/lost")
    assert (tmp_path / "links.json").read_bytes() == before
    assert len(store) == 1
    assert store.get(kept.code) == kept


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org",
        "ftp://example.org/",
        "javascript:alert(1)",
        "https://",
        "https://[",
        "http://a/\r\nX: y",
        "https://example.org/a b",
        "https://example.org/\u00e9",
        "https://example.org/" + "a" * 2048,
    ],
)
def test_what_is_no_http_url_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(InvalidUrl):
        Store(tmp_path / "links.json").add(url)
    assert not (tmp_path / "links.json").exists()


@pytest.mark.parametrize("url", ["http://localhost:8080/?q=1#x", "https://[::1]/", "HTTPS://EXAMPLE.ORG/%C3%A9"])
def test_what_is_an_http_url_is_taken(tmp_path: Path, url: str) -> None:
    assert Store(tmp_path / "links.json").add(url).url == url
