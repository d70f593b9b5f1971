"""The hosts that an agent's commands may reach: public names, each written in one way."""

from pathlib import Path

import pytest
from hypothesis import given
from spec_strategies import EGRESS, GOOD, factory_in

from factory.errors import InputError
from factory.spec import Function, egress_rule, load_app


def declared(folder: Path, *hosts: str) -> list[str]:
    """The list as it is read from an app's file."""
    text = GOOD.replace(
        "    secrets: [signing-key]", "    egress:\n" + "".join(f'      - "{host}"\n' for host in hosts)
    )
    return load_app(factory_in(folder, text), "links").agents[Function.CODER].egress


@pytest.mark.parametrize(
    "host",
    [
        "api.example.com",
        "*.files.example.com",
        "api.example.com:8443",
        "xn--bcher-kva.example.com",
        "1.a-b.example.com",
    ],
)
def test_public_hosts_are_taken(host: str, tmp_path: Path) -> None:
    assert declared(tmp_path, host) == [host]


@pytest.mark.parametrize(
    ("host", "told"),
    [
        *(
            (host, "public name in lower case")
            for host in ("*", "*.com", "*example.com", "a.*.example.com", "*.*.a.com")
        ),
        *(
            (host, "public name in lower case")
            for host in ("localhost", "metadata", "127.0.0.1", "10.0.0.1:443", "127.1")
        ),
        *(
            (host, "public name in lower case")
            for host in ("0x7f.0x1", "[::1]", "::1", "2001:db8::1", "a.example.com.")
        ),
        *((host, "public name in lower case") for host in ("API.example.com", "api.example.com:", "api.example.com:0")),
        *((host, "public name in lower case") for host in ("api.example.com:65536", "api.example.com:0443", "a..com")),
        *((host, "public name in lower case") for host in ("u:w@localhost", "https://api.example.com", "a.com/x")),
        *(
            (host, "public name in lower case")
            for host in ("-a.example.com", "a-.example.com", "bücher.example.com", "")
        ),
        *(
            (host, "internal name")
            for host in ("metadata.google.internal", "*.x.internal", "db.localhost", "printer.local")
        ),
        *((host, "internal name") for host in ("1.0.0.127.in-addr.arpa", "api.corp:8443", "a.home.arpa", "x.onion")),
        ("api.example.com:443", "443 is the port of every host"),
    ],
)
def test_what_is_no_public_host_is_refused_at_its_place(host: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        declared(tmp_path, "api.example.com", host)
    (problem,) = error.value.problems
    assert (problem.field, problem.line) == ("agents.coder.egress.1", 17)
    assert told in problem.message
    assert "api.example.com:8443" in (problem.allowed or "")
    assert problem.fix


def test_no_host_stands_there_twice(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="1 mistake") as error:
        declared(tmp_path, "api.example.com", "api.example.com:8443", "api.example.com")
    assert "twice" in error.value.problems[0].message


@pytest.mark.parametrize(
    ("old", "new", "fix"),
    [
        ("  code-reviewer: {}", "  code-reviewer:\n    egress: [api.example.com]", "remove it"),
        ("  coder:\n", "  coder:\n    egress: [api.example.com]\n    tools: [read, edit]\n", "add `run` to its tools"),
    ],
)
def test_who_runs_no_commands_has_no_list(old: str, new: str, fix: str, tmp_path: Path) -> None:
    assert old in GOOD
    with pytest.raises(InputError) as error:
        load_app(factory_in(tmp_path, GOOD.replace(old, new)), "links")
    (problem,) = error.value.problems
    assert problem.field.endswith(".egress")
    assert fix in (problem.fix or "")


def test_nothing_is_the_default_and_changes_no_digest(tmp_path: Path) -> None:
    plain = load_app(factory_in(tmp_path / "a"), "links")
    empty = GOOD.replace("    secrets: [signing-key]", "    secrets: [signing-key]\n    egress: []")
    some = empty.replace("egress: []", "egress: [api.example.com]")
    assert plain.agents[Function.CODER].egress == []
    assert load_app(factory_in(tmp_path / "b", empty), "links").digest() == plain.digest()
    assert load_app(factory_in(tmp_path / "c", some), "links").digest() != plain.digest()


def test_a_star_stands_for_one_part_and_a_port_for_itself() -> None:
    files, api = egress_rule("*.files.example.com"), egress_rule("api.example.com:8443")
    assert files.allows("a.files.example.com", 443)
    for host in ("files.example.com", "a.b.files.example.com", "afiles.example.com", "a.files.example.com.x.net"):
        assert not files.allows(host, 443)
    assert not files.allows("a.files.example.com", 8443)
    assert api.allows("api.example.com", 8443)
    assert not api.allows("api.example.com", 443)
    assert not api.allows("x.api.example.com", 8443)


@given(EGRESS)
def test_a_host_is_let_through_by_its_own_entry_and_by_no_shorter_one(entry: str) -> None:
    rule = egress_rule(entry)
    host = rule.host.replace("*", "some")
    assert rule.allows(host, rule.port)
    assert not rule.allows(f"x.{host}", rule.port)
    assert not rule.allows(host, rule.port % 65_535 + 1)
    assert not rule.allows(host.partition(".")[2], rule.port)
