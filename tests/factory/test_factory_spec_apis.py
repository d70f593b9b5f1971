"""What app.yaml says of APIs of others: where they are, which secret is their credential, and how it is said."""

import json
from pathlib import Path
from typing import Any

import pytest
from spec_strategies import GOOD_DATA, factory_in

from factory.errors import InputError
from factory.spec import AppSpec, Environment, load_app

AT = "@"

API = {"url": "https://api.example.com/v1", "secret": "signing-key"}


def loaded(folder: Path, *, name: str = "payments", more: dict[str, Any] | None = None, **changed: Any) -> AppSpec:
    data = {**GOOD_DATA, "apis": {name: {**API, **changed}}, **(more or {})}
    return load_app(factory_in(folder, json.dumps(data)), "links")


def test_an_api_is_called_with_a_bearer_token_unless_it_says_otherwise(tmp_path: Path) -> None:
    api = loaded(tmp_path).apis["payments"]
    assert (api.header, api.format, api.environments) == ("Authorization", "Bearer {secret}", list(Environment))


@pytest.mark.parametrize(
    "url", ["https://api.example.com", "https://a.b.example.com:8443/v1/", "https://x.example/a%20b"]
)
def test_a_base_url_is_a_host_on_the_internet_and_a_path(tmp_path: Path, url: str) -> None:
    assert loaded(tmp_path, url=url).apis["payments"].url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com",
        "https://localhost/v1",
        "https://127.0.0.1",
        "https://[::1]/v1",
        "https://169.254.169.254/latest",
        "https://API.example.com",
        "https://api.example.com:99999",
        f"https://user:password{AT}api.example.com",
        "https://api.example.com/v1?key=x",
        "https://api.example.com/v1#x",
        "https://api.example.com/v1/../admin",
        "https://api.example.com/%2e%2e/admin",
        "https://api.example.com//v1",
        "https://api.example.com./v1",
    ],
)
def test_any_other_url_is_told(tmp_path: Path, url: str) -> None:
    with pytest.raises(InputError) as caught:
        loaded(tmp_path, url=url)
    assert {problem.field for problem in caught.value.problems} == {"apis.payments.url"}


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"secret": "signing"}, "secret"),
        ({"header": "Content-Length"}, "header"),
        ({"header": "A: b"}, "header"),
        ({"format": "Bearer"}, "format"),
        ({"format": "{secret}\nX: y"}, "format"),
        ({"environments": []}, "environments"),
    ],
)
def test_what_makes_no_credential_is_told(tmp_path: Path, changed: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as caught:
        loaded(tmp_path, **changed)
    assert {problem.field for problem in caught.value.problems} == {f"apis.payments.{field}"}


@pytest.mark.parametrize(
    ("name", "more"),
    [("jobs", {"queues": {"jobs": {}}}), ("signing", {"secrets": {"signing-key": {}, "signing-url": {}}})],
)
def test_the_variable_of_an_api_is_its_own(tmp_path: Path, name: str, more: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        loaded(tmp_path, name=name, more=more)
    assert "_URL is that of" in caught.value.problems[0].message
    assert loaded(tmp_path / "other", name="others", more=more)
