"""Links on disk: one JSON file, replaced as a whole, so that a reader or a crash never meets half of one."""

import hashlib
import itertools
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

URL_LIMIT = 2048
CODE_LENGTH = 7
ALPHABET = "23456789abcdefghijkmnpqrstuvwxyz"


class InvalidUrl(ValueError):
    """The URL cannot be shortened; the message says why."""


class StoreUnavailable(Exception):
    """The store cannot answer now, and may later; the message says what is away."""


@dataclass(frozen=True)
class Link:
    """A shortened URL and how often it was followed."""

    code: str
    url: str
    hits: int = 0


class Store:
    """Links by code, safe to use from many threads. A method returns once what it changed is on the disk."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._links: dict[str, Link] = {}
        if file.exists():
            self._links = {entry["code"]: Link(**entry) for entry in json.loads(file.read_text(encoding="utf-8"))}

    def __len__(self) -> int:
        with self._lock:
            return len(self._links)

    def add(self, url: str) -> Link:
        """The link of `url`, made when it is new. Raises InvalidUrl."""
        check(url)
        with self._lock:
            code = self._code(url)
            if code not in self._links:
                self._save(Link(code, url))
            return self._links[code]

    def get(self, code: str) -> Link | None:
        """The link with this code."""
        with self._lock:
            return self._links.get(code)

    def follow(self, code: str) -> Link | None:
        """The link with this code, counted as followed once more."""
        with self._lock:
            link = self._links.get(code)
            return link and self._save(Link(code, link.url, link.hits + 1))

    def _code(self, url: str) -> str:
        """The first of the URL's own codes that no other URL has."""
        return next(code for code in codes(url) if code not in self._links or self._links[code].url == url)

    def _save(self, link: Link) -> Link:
        links = self._links | {link.code: link}
        draft = self._file.with_name(self._file.name + ".tmp")
        with draft.open("w", encoding="utf-8") as file:
            json.dump([asdict(each) for each in links.values()], file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._file)
        folder = os.open(self._file.parent, os.O_RDONLY)
        try:
            # The new name is durable only once its folder is.
            os.fsync(folder)
        finally:
            os.close(folder)
        self._links = links
        return link


def codes(url: str) -> Iterator[str]:
    """The URL's own codes, without end, the best first: they follow from the URL alone, in whichever store it is."""
    for attempt in itertools.count():
        digest = hashlib.sha256(f"{attempt}\n{url}".encode()).digest()
        yield "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[:CODE_LENGTH])


def check(url: str) -> None:
    """Raise InvalidUrl unless `url` is an absolute http(s) URL that may stand in a Location header."""
    if len(url) > URL_LIMIT:
        raise InvalidUrl(f"the url is longer than {URL_LIMIT} characters")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise InvalidUrl("the url may hold printable ASCII only; percent-encode the rest")
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        raise InvalidUrl("the url cannot be read") from None
    if parts.scheme not in ("http", "https"):
        raise InvalidUrl("the url must start with http:// or https://")
    if not host:
        raise InvalidUrl("the url names no host")
