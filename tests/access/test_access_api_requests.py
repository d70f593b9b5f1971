"""What may be asked of an API, whoever reads it: decided from a request's head alone."""

import posixpath
from urllib.parse import unquote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from access.apis.refusals import Refused
from access.apis.requests import base_of, require_target, shown

BASE = base_of("https://api.example.com:8443/v1/")
PIECES = st.sampled_from(
    [
        "/",
        ".",
        "..",
        "%2e",
        "%2E",
        "%2f",
        "%5c",
        "\\",
        ";",
        "%3b",
        "a",
        "%25",
        "25",
        "2e",
        "%",
        "?",
        "//",
        "%00",
        " ",
        "é",
    ]
)


def readings(path: str) -> list[str]:
    """The path as servers read it: decoded so many times, with either slash, with parameters left out."""
    found = [path]
    for _ in range(8):
        found.append(unquote(found[-1]))
    found += [each.replace("\\", "/") for each in found]
    return found + ["/".join(part.partition(";")[0] for part in each.split("/")) for each in found]


@settings(max_examples=500)
@given(st.lists(PIECES, max_size=12).map(lambda pieces: "/" + "".join(pieces)))
@example("/%252e%252e/v2")
@example("/..;/v2")
@example("/a%2f..%2f..%2fv2")
def test_what_passes_is_below_the_base_url_by_everybodys_reading(target: str) -> None:
    try:
        sent = require_target(BASE, target.encode())
    except Refused:
        return
    assert sent == f"/v1{target}"
    for path in readings(sent.partition("?")[0]):
        assert posixpath.normpath(path).startswith("/v1"), path
        assert posixpath.normpath(path) in {path, path.rstrip("/")}, path
        assert path.isprintable()


@pytest.mark.parametrize(
    "target", ["/", "/items", "/a/b.c/d..e/...", "/a%20b", "/group%2Fname", "/a;b=c", "/?q=%2e%2e/"]
)
def test_ordinary_paths_pass_as_they_are(target: str) -> None:
    assert require_target(BASE, target.encode()) == f"/v1{target}"


@pytest.mark.parametrize(
    ("target", "recorded"),
    [
        ("/items?page=2", "/items?page=2"),
        ("/items?api_key=abc&page=2", "/items?api_key=[redacted]&page=2"),
        ("/items?X-Amz-Signature=abc", "/items?X-Amz-Signature=[redacted]"),
        ("/items?pass%77ord=abc", "/items?pass%77ord=[redacted]"),
        ("/items?note=ghp_" + "a" * 36, "/items?note=[redacted: a GitHub token]"),
        ("/items?token", "/items?token"),
    ],
)
def test_what_may_be_a_credential_is_not_recorded(target: str, recorded: str) -> None:
    assert shown(target) == recorded


@pytest.mark.parametrize(
    "url", ["http://a.example.com", "https://", "https://user@localhost", "https://a.example.com?x"]
)
def test_what_is_no_base_url_is_none(url: str) -> None:
    with pytest.raises(ValueError, match="base URL"):
        base_of(url)
    assert (BASE.authority, BASE.path, base_of("https://a.example.com").authority) == (
        "api.example.com:8443",
        "/v1",
        "a.example.com",
    )
