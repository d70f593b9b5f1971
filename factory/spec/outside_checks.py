"""Mistakes in what app.yaml says of APIs outside of the factory that no single field shows."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote, urlsplit

from factory.document import Document, Location
from factory.errors import Problem
from factory.located import nearest, problem_at
from factory.spec.access_checks import declared
from factory.spec.egress import host_name
from factory.spec.model import AppSpec
from factory.spec.parts import variable_name

# What every request says of itself, and no credential stands in.
NO_CREDENTIALS: Final = frozenset(
    {
        *("host", "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
        *("content-length", "expect", "accept-encoding", "range", "if-range"),
    }
)


def api_problems(spec: AppSpec, document: Document) -> Iterator[Problem]:
    """APIs whose credential nobody declares, or that lead to no host on the Internet, or not only below their URL."""
    known = declared(document, "secrets")
    for name, api in spec.apis.items():
        at: Location = ("apis", name)
        if known is not None and api.secret not in known:
            guess = nearest(api.secret, known)
            yield problem_at(
                document,
                (*at, "secret"),
                "no such secret in this app",
                allowed=", ".join(known) or "none: the app declares no secrets",
                fix=f"did you mean {guess!r}?" if guess else "declare it under `secrets:`",
            )
        if wrong := _wrong_url(api.url):
            allowed = "a URL such as https://api.example.com/v1"
            yield problem_at(document, (*at, "url"), wrong, allowed=allowed, fix="write its public base URL")
        if api.header.lower() in NO_CREDENTIALS:
            message = "is a header that each request says of itself"
            yield problem_at(
                document, (*at, "header"), message, allowed="a header such as Authorization", fix="name another one"
            )
        for group in ("databases", "queues"):
            if name in getattr(spec, group):
                message = f"its variable {variable_name(name)}_URL is that of {group}.{name} as well"
                yield problem_at(document, at, message, allowed="a name that nothing else has", fix="rename one")


def _wrong_url(url: str) -> str:
    try:
        found = urlsplit(url)
        host, _ = found.hostname, found.port
    except ValueError:
        return "is no URL"
    if not host or not host_name(host) or host not in found.netloc:
        return "leads to no full host name in lower case"
    segments = unquote(found.path).replace("\\", "/").split("/")
    return "has a path that leads elsewhere" if {".", ".."} & set(segments) or "//" in found.path else ""
