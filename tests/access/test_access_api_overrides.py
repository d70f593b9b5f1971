"""Names by which servers take another method: none leads out of a grant's scope, and what only looks alike passes."""

import json
from collections.abc import Iterator

import pytest
from api_relay_place import RelayPlace, relay_place
from hypothesis import given
from hypothesis import strategies as st

from access.apis.overrides import names_a_method, require_plain_body, require_plain_target
from access.apis.refusals import Refused
from factory.spec import Scope

FORM = "application/x-www-form-urlencoded"
PARTS = 'multipart/form-data; boundary="b"'


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RelayPlace]:
    with relay_place(tmp_path_factory.mktemp("relay")) as made:
        yield made


def part(disposition: str, content: str = "DELETE") -> str:
    return f"--b\r\n{disposition}\r\n\r\n{content}\r\n--b--\r\n"


@pytest.mark.parametrize(
    "query",
    [
        "_method=DELETE",
        "page=2&_method=delete",
        "page=2;_method=DELETE",
        "_METHOD=DELETE",
        "%5fmethod=DELETE",
        "_%6D%65thod=DELETE",
        "%255fmethod=DELETE",
        "_method%00x=DELETE",
        "_method[]=DELETE",
        ".method=DELETE",
        "+_method=DELETE",
        "_method",
        "$httpMethod=DELETE",
        "%24httpHeaders=X-HTTP-Method-Override:DELETE",
        "X-HTTP-Method-Override=DELETE",
        "x_http_method=DELETE",
        "a=b?_method=DELETE",
    ],
)
def test_no_parameter_makes_another_method_of_a_request(place: RelayPlace, query: str) -> None:
    held = place.open(Scope.READ)
    place.refused(held, 403, "method", place.raw(held, f"/items?{query}")[0])
    place.refused(held, 403, "method", place.raw(held, "/items;a=b;_method=DELETE/1")[0])
    assert place.raw(held, "/_method?page=2&method=flickr.photos&http_method=1&methods=_method&a[method]=x")[0] == 200
    # Whoever may do everything may do it this way too, and it is in the record.
    whole = place.open(Scope.ADMIN)
    assert place.raw(whole, f"/items?{query}")[0] == 200
    assert place.recorded(whole)[1]["text"] == f"GET /items?{query}"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (FORM, "a=b&_method=DELETE"),
        (FORM.title(), "_%4Dethod=DELETE"),
        (f"{FORM}; charset=utf-8", "a=b;%5Fmethod=DELETE"),
        ("", "_method=DELETE"),
        (PARTS, part('Content-Disposition: form-data; name="_method"')),
        (PARTS, part("content-DISPOSITION : form-data; name=_method")),
        (PARTS, part('Content-Disposition: form-data;\r\n name = "\\_method"; filename="x"')),
        (PARTS, part("Content-Disposition: form-data; name*=utf-8''%5Fmethod")),
        (PARTS, part('Content-Disposition: form-data; name*0="_me"; name*1="thod"')),
        ("multipart/mixed; boundary=b", part('Content-Disposition: form-data; name="a"; name="_method"')),
        ("application/json", '{"a": 1, "_method": "DELETE"}'),
        ("application/vnd.api+json", '{"\\u005fmethod": "DELETE"}'),
        ("application/json", '{"\\u005fmethod": "DELETE",}'),
    ],
)
def test_no_field_of_a_body_makes_another_method_of_a_request(place: RelayPlace, kind: str, body: str) -> None:
    held = place.open()
    headers = {"content-type": kind} if kind else {}
    found = place.call(held, "POST", "/items", content=body.encode(), headers=headers)
    place.refused(held, 403, "method", found.status_code)
    assert "would make another request" in found.text
    whole = place.open(Scope.ADMIN)
    assert place.call(whole, "POST", "/items", content=body.encode(), headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (FORM, "method=a&a=_method&http_method=1&a[_method]=x&note=a%26_method%3Dx"),
        ("", "method=a"),
        ("text/plain", "_method=DELETE"),
        (PARTS, part('Content-Disposition: form-data; name="file"; filename="_method"', '<input name="_method">')),
        ("application/json", json.dumps({"method": "tools/call", "params": {"_method": "x"}, "httpMethod": "GET"})),
        ("application/json", '["_method"]'),
        # As search engines take many at once.
        ("application/json", '{"index": {}}\n{"method": "\\u00e9"}\n'),
    ],
)
def test_what_only_looks_alike_passes_as_it_is(place: RelayPlace, kind: str, body: str) -> None:
    held = place.open()
    headers = {"content-type": kind} if kind else {}
    assert place.call(held, "POST", "/items", content=body.encode(), headers=headers).status_code == 200
    assert place.api.heard[-1].body == body.encode()


@pytest.mark.parametrize("name", ["X-Method", "X-HTTP-Method", "X_METHOD_OVERRIDE", "X-Forwarded-Method"])
def test_no_header_names_a_method_in_any_scope(place: RelayPlace, name: str) -> None:
    held = place.open(Scope.ADMIN)
    place.refused(held, 400, "header", place.raw(held, "/items", f"{name}: DELETE")[0])
    assert place.raw(held, "/items", "Access-Control-Request-Method: GET", method="OPTIONS")[0] == 200


def test_what_cannot_be_looked_through_is_refused(place: RelayPlace) -> None:
    held = place.open()
    headers = {"content-type": FORM, "content-encoding": "gzip"}
    found = place.call(held, "POST", "/items", content=b"packed", headers=headers)
    place.refused(held, 400, "header", found.status_code)
    for kind, body in ((FORM, b"%&" * 200_000), (PARTS, b"Content-Disposition: x\r\n\r\n" * 2_000)):
        found = place.call(held, "POST", "/items", content=body, headers={"content-type": kind})
        place.refused(held, 413, "limit", found.status_code)
    long = b"Content-Disposition: form-data; " + b"x" * 9_000 + b'; name="_method"\r\n\r\nDELETE'
    found = place.call(held, "POST", "/items", content=long, headers={"content-type": PARTS})
    place.refused(held, 413, "limit", found.status_code)
    # What is no form may be as large, and packed.
    headers = {"content-type": "application/octet-stream", "content-encoding": "gzip"}
    assert place.call(held, "POST", "/items", content=b"%&" * 200_000, headers=headers).status_code == 200
    assert place.call(held, "POST", "/items", content=b"a=b&" * 200_000, headers={"content-type": FORM}).is_success


@given(st.text(alphabet="_methodMETHOD%5f0[].-& =;x", max_size=20), st.sampled_from([Scope.READ, Scope.WRITE]))
def test_whatever_a_form_says_a_name_that_servers_know_never_passes(name: str, scope: Scope) -> None:
    form = name.encode()
    headers = [(b"content-type", FORM.encode())]
    try:
        require_plain_body(scope, headers, form)
        require_plain_target(scope, f"/?{name}")
    except Refused:
        return
    from urllib.parse import parse_qsl

    for separator in "&;":
        assert "_method" not in {key.lower() for key, _ in parse_qsl(name, True, separator=separator)}


def test_names() -> None:
    assert all(map(names_a_method, (b"_method", b"-Method", b"$httpMethod", b"X-HTTP-Method", b"methodOverride")))
    assert not any(map(names_a_method, (b"", b"method", b"a_method", b"_methods", b"httpMethod", b"1method", b"[")))
