"""What the site answers to a path: everything but HTTP itself. Pages are made once; nothing of a request is in them."""

import hashlib
import html
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib import resources
from urllib.parse import parse_qs

from docsite.pages import Page
from docsite.search import Index

HTML = "text/html; charset=utf-8"
CSS = "text/css; charset=utf-8"
JSON = "application/json"
NAME = "The factory's words"
QUERY_LENGTH = 100
RESULTS = 10
# Scripts, frames and forms are not needed, so none runs, whatever a page may hold.
SECURITY = (
    ("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
)
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<nav><a href="/">{name}</a></nav>
<main>
{body}
</main>
</body>
</html>
"""


@dataclass(frozen=True)
class Answer:
    """What is sent, the same to everybody who asks the same. `etag` names the content; "" is for what is not kept."""

    status: HTTPStatus
    kind: str
    content: bytes = field(repr=False)
    etag: str = ""


class Site:
    """All pages and the search, made at the start."""

    def __init__(self, pages: Mapping[str, Page]) -> None:
        style = (resources.files("docsite") / "style.css").read_bytes()
        self._index = Index(pages.values())
        self._answers = {
            "/": _kept(HTML, _page(NAME, _contents(pages.values()))),
            "/style.css": _kept(CSS, style),
            "/health": _json(HTTPStatus.OK, {"status": "ok", "pages": len(pages)}),
        } | {f"/{name}": _kept(HTML, _page(f"{page.title} - {NAME}", page.html)) for name, page in pages.items()}
        missing = '<h1>No such page</h1>\n<p>There is nothing here. <a href="/">All pages</a></p>'
        self._missing = Answer(HTTPStatus.NOT_FOUND, HTML, _page(f"No such page - {NAME}", missing))

    def answer(self, target: str) -> Answer:
        """The answer to a request's target, its path and query."""
        path, _, query = target.partition("?")
        if path == "/search":
            return self._search(query)
        return self._answers.get(path, self._missing)

    def _search(self, query: str) -> Answer:
        try:
            asked = parse_qs(query, keep_blank_values=True, max_num_fields=10).get("q", [])
        except ValueError:
            asked = []
        if len(asked) != 1 or not asked[0].strip():
            return refusal(HTTPStatus.BAD_REQUEST, "ask for /search?q=WORDS")
        if len(asked[0]) > QUERY_LENGTH:
            return refusal(HTTPStatus.BAD_REQUEST, f"q has at most {QUERY_LENGTH} characters")
        results = [
            {
                "page": f"/{hit.page.name}",
                "title": hit.page.title,
                "score": round(hit.score, 4),
                "excerpt": hit.excerpt,
            }
            for hit in self._index.search(asked[0], RESULTS)
        ]
        answer = _json(HTTPStatus.OK, {"query": asked[0], "results": results})
        return _kept(JSON, answer.content)


def refusal(status: HTTPStatus, why: str) -> Answer:
    """What programs are told when they are refused."""
    return _json(status, {"error": why})


def _kept(kind: str, content: bytes) -> Answer:
    return Answer(HTTPStatus.OK, kind, content, f'"{hashlib.sha256(content).hexdigest()[:32]}"')


def _json(status: HTTPStatus, body: dict[str, object]) -> Answer:
    text = json.dumps(body)
    # Text in JSON can hold HTML; spelled so, it is none, also for a browser that takes it for a page.
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Answer(status, JSON, text.encode())


def _page(title: str, body: str) -> bytes:
    return PAGE.format(title=html.escape(title), name=html.escape(NAME), body=body).encode()


def _contents(pages: Iterable[Page]) -> str:
    entries = (
        f'<dt><a href="/{page.name}">{html.escape(page.title)}</a></dt>\n<dd>{html.escape(page.summary)}</dd>'
        for page in pages
    )
    listed = "\n".join(entries)
    return (
        f"<h1>{html.escape(NAME)}</h1>\n<dl>\n{listed}\n</dl>\n<p>Programs search by <code>/search?q=WORDS</code>.</p>"
    )
