"""What an exception is bound to, and who may accept one. Each attack stands beside what holds."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from exception_bench import ACCOUNT, DOOR, FACTORY_ID, GROUP, NEVER, NOW, PARENT, RULE, ExceptionBench, Fields, fields

from factory import demo_people
from factory.errors import InputError
from factory.exceptions import SCANNERS, in_pattern
from factory.findings import Finding, Severity
from factory.settings import Settings

Attack = Callable[[ExceptionBench], Fields]


@pytest.fixture
def bench(tmp_path: Path) -> ExceptionBench:
    return ExceptionBench.in_folder(tmp_path / "factory")


def test_without_the_file_nothing_is_accepted(bench: ExceptionBench) -> None:
    assert bench.load().entries == ()
    bench.write()
    assert bench.load().entries == ()


def test_an_entry_that_two_people_signed_holds_for_its_stack(bench: ExceptionBench) -> None:
    bench.write(bench.entry(), bench.entry(id="other", resource=DOOR.replace("staging", "build"), approver="sol"))
    exceptions = bench.load()
    (held,) = exceptions.of_stack("links-staging", NOW)
    assert (held.id, str(held)) == ("door-until-vpn", "accepted until 2026-12-29 by sam (door-until-vpn)")
    assert [entry.id for entry in exceptions.of_stack("links-build", NOW)] == ["other"]
    assert exceptions.of_stack("links-production", NOW) == ()
    assert exceptions.of_app("links", NOW) == ()


def test_a_scanners_entry_holds_for_its_app(bench: ExceptionBench) -> None:
    mark = Finding(
        tool="detect-secrets",
        rule="aws-access-key",
        severity=Severity.CRITICAL,
        path="links/keys.py",
        line=3,
        message="a key",
    ).fingerprint()
    bench.write(
        bench.entry(
            rule="detect-secrets/aws-access-key",
            resource=None,
            app="links",
            path="links/keys.py",
            message="a key",
        )
    )
    (held,) = bench.load().of_app("links", NOW)
    assert (held.tool, held.fingerprint) == ("detect-secrets", mark)
    assert bench.load().of_app("notes", NOW) == ()
    assert bench.load().of_stack("links-staging", NOW) == ()
    assert set(SCANNERS) == {"ruff", "detect-secrets", "tree"}


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("reason", "somebody else's reason"),
        ("ticket", "SEC-13"),
        ("expires", "2026-12-30"),
        ("resource", DOOR.replace("staging", "production")),
        ("approved", "2026-11-29T10:00:00+00:00"),
        ("id", "another-name"),
    ],
)
def test_whatever_is_changed_after_it_was_signed_does_not_hold(bench: ExceptionBench, field: str, text: str) -> None:
    error = bench.refused(bench.entry() | {field: text})
    assert "over exactly this entry" in str(error.problems[-1])
    assert error.problems[-1].line > 1


def _replayed(bench: ExceptionBench) -> Fields:
    other = bench.entry(id="other", reason="harmless")
    return bench.entry() | {"signature": other["signature"]}


def _a_replayed_request(bench: ExceptionBench) -> Fields:
    other = bench.entry(id="other", reason="harmless")
    return bench.entry() | {"request_signature": other["request_signature"]}


def _the_request_is_no_approval(bench: ExceptionBench) -> Fields:
    entry = bench.entry(requester="sol")
    return entry | {"signature": entry["request_signature"]}


def _unsigned(bench: ExceptionBench) -> Fields:
    return {name: value for name, value in bench.entry().items() if name != "signature"}


def _by(**differs: object) -> Attack:
    return lambda bench: bench.entry(**differs)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("attack", "field", "told"),
    [
        (_unsigned, "signature", "missing"),
        (_by(), "", ""),
        (_replayed, "signature", "not a signature by one of sam's keys"),
        (_a_replayed_request, "request_signature", "not a signature by one of ada's keys"),
        (_the_request_is_no_approval, "signature", "not a signature by one of sam's keys"),
        (_by(signer="max"), "signature", "not a signature by one of sam's keys"),
        (_by(asker="sam"), "request_signature", "not a signature by one of ada's keys"),
        (_by(approver="max"), "approver", "max does not hold the role security for links"),
        (_by(approver="nia"), "approver", "nia does not hold the role security for links"),
        (_by(approver="sol"), "", ""),
        (_by(requester="sam"), "approver", "sam requested it"),
        (_by(requester="sam", approver="sol"), "", ""),
        (_by(approver="zoe", signer="sam"), "approver", "nobody has the id 'zoe'"),
        (_by(requester="zoe", asker="ada"), "requester", "nobody has the id 'zoe'"),
        (lambda b: b.entry() | {"approver": "agent:links/coder/1"}, "approver", "should match pattern"),
        (_by(approver="sol", resource=DOOR.replace("links-staging", "platform")), "approver", "for every app"),
        (_by(resource=DOOR.replace("links-staging", "platform")), "", ""),
    ],
)
def test_who_may_accept_and_with_which_signature(bench: ExceptionBench, attack: Attack, field: str, told: str) -> None:
    entry = attack(bench)
    if not told:
        bench.write(entry)
        assert len(bench.load().entries) == 1
        return
    error = bench.refused(entry)
    assert error.problems[0].field.endswith(f".{field}")
    assert told in str(error.problems[0])


def test_roles_and_keys_are_those_of_now(bench: ExceptionBench) -> None:
    bench.write(bench.entry())
    assert bench.load().entries
    bench.people({"ada": {"roles": []}, "sam": {"roles": ["maintainer"]}})
    with pytest.raises(InputError) as lost:
        bench.load()
    assert "sam does not hold the role security" in lost.value.problems[0].message
    bench.people({"ada": {"roles": []}, "sam": {"roles": ["security"]}})
    assert bench.load().entries
    bench.new_key("sam")
    with pytest.raises(InputError) as rotated:
        bench.load()
    assert "not a signature by one of sam's keys" in rotated.value.problems[0].message


def test_stand_ins_accept_only_where_everything_is_local(bench: ExceptionBench) -> None:
    demo_people.ensure(bench.root, bench.settings)
    for person in (demo_people.AUTHOR, demo_people.SECURITY):
        bench.key(person).write_bytes(demo_people.key_file(bench.root, person).read_bytes())
    bench.write(bench.entry(requester=demo_people.AUTHOR, approver=demo_people.SECURITY))
    assert bench.load().entries
    bench.settings = Settings(aws="account", aws_account=ACCOUNT, factory_id=FACTORY_ID)
    there = f"{FACTORY_ID}@{ACCOUNT}"
    bench.write(bench.entry(factory=there, requester=demo_people.AUTHOR, approver=demo_people.SECURITY))
    with pytest.raises(InputError) as caught:
        bench.load()
    assert "stand-ins accept only where every target is local" in str(caught.value.problems)


@pytest.mark.parametrize(
    ("differs", "field", "told"),
    [
        ({"rule": "no-world-ingres"}, "rule", f"did you mean {RULE!r}?"),
        ({"rule": NEVER}, "rule", "nobody can accept a finding of trail-complete"),
        ({"rule": "semgrep/x", "resource": None, "app": "links"}, "rule", "no scanner is called so"),
        ({"rule": "ruff/E501", "resource": None, "app": "links"}, "rule", "no rule of ruff is called so"),
        ({"rule": "ruff/S608"}, "rule", "a scanner's finding is of an app's file"),
        ({"app": "links"}, "rule", "a finding of the policy pack is of a resource"),
        ({"resource": None}, "rule", "a finding of the policy pack is of a resource"),
        ({"pattern": DOOR}, "rule", "a finding of the policy pack is of a resource"),
        ({"resource": "links-staging-door"}, "resource", "not a URN"),
        ({"resource": DOOR + "*"}, "resource", "an exact URN holds no `*`"),
        ({"fingerprint": "sha256:" + "0" * 64}, "fingerprint", "not that of the finding"),
        ({"message": "says something harmless", "fingerprint": fields()["fingerprint"]}, "fingerprint", "not that of"),
        ({"expires": "2027-02-28"}, "expires", "longer than 90 days"),
        ({"approved": "2026-11-27T09:00:00+00:00"}, "approved", "accepted before it was asked for"),
        ({"approved": "2026-11-29T12:06:00+00:00"}, "approved", "accepted in the future"),
    ],
)
def test_what_can_never_be_accepted_is_refused_though_it_is_signed(
    bench: ExceptionBench, differs: dict[str, str], field: str, told: str
) -> None:
    error = bench.refused(bench.entry(**differs))
    (problem,) = error.problems
    assert problem.field == f"exceptions.0.{field}"
    assert told in str(problem)


@pytest.mark.parametrize("end", ["2026-11-30", "2027-02-27"])
def test_it_may_last_a_day_or_ninety(bench: ExceptionBench, end: str) -> None:
    bench.write(bench.entry(expires=end))
    assert bench.load().of_stack("links-staging", NOW)


@pytest.mark.parametrize(
    ("differs", "told"),
    [
        ({"approved": "2026-11-29T09:00:00"}, "a time without an offset"),
        ({"expires": "2026-11-31"}, "day is out of range"),
        ({"expires": "tomorrow"}, "match pattern"),
        ({"reason": "  "}, "nothing but space"),
        ({"ticket": ""}, "at least 1"),
        ({"reason": "fine\u202eenif"}, "characters that are not shown"),
        ({"reason": "fine\nsignature: x"}, "a line break"),
        ({"approved": "9999-12-31T23:00:00+00:00"}, "match pattern"),
        ({"expires": 20261231}, "valid string"),
        ({"id": "Door"}, "match pattern"),
        ({"severity": "low"}, "unknown key"),
    ],
)
def test_what_is_no_entry_is_told_with_its_place(bench: ExceptionBench, differs: Fields, told: str) -> None:
    path = bench.write(bench.entry() | differs)
    with pytest.raises(InputError) as caught:
        bench.load()
    (problem,) = caught.value.problems
    assert told in str(problem)
    assert str(problem).startswith(f"{path}:{problem.line}:{problem.column}: exceptions.0.")


def test_no_two_entries_have_one_id_and_no_entry_has_a_key_twice(bench: ExceptionBench) -> None:
    error = bench.refused(bench.entry(), bench.entry())
    assert "the id stands here and on line" in str(error.problems[0])
    path = bench.write(bench.entry())
    (line,) = [line for line in path.read_text().splitlines(keepends=True) if "ticket:" in line]
    path.write_text(path.read_text().replace(line, line * 2))
    with pytest.raises(InputError, match="cannot be read") as caught:
        bench.load()
    assert "the key 'ticket' stands here and on line" in str(caught.value.problems[0])


def test_what_has_expired_is_told_where_it_is_used_and_covers_nothing(bench: ExceptionBench) -> None:
    other = DOOR.replace("links", "notes")
    bench.write(bench.entry(), bench.entry(id="later", resource=other, expires="2027-01-15"))
    end = datetime(2026, 12, 29, tzinfo=UTC)
    (entry,) = bench.load().of_stack("links-staging", end - timedelta(seconds=1))
    assert (entry.expired(end - timedelta(seconds=1)), entry.expired(end)) == (False, True)
    exceptions = bench.load(end)
    with pytest.raises(InputError, match="holds what has expired") as caught:
        exceptions.of_stack("links-staging", end)
    (problem,) = caught.value.problems
    assert (problem.field, problem.found) == ("exceptions.0.expires", "'2026-12-29'")
    assert "remove the entry" in caught.value.hint
    assert [entry.id for entry in exceptions.of_stack("notes-staging", end)] == ["later"]


def _urn(name: str, type_: str = PARENT + GROUP, stack: str = "links-staging") -> str:
    return f"urn:pulumi:{stack}::millwright::{type_}::{name}"


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        (_urn("links-staging-door-*"), ""),
        (_urn("*-door"), ""),
        (_urn("*"), "the name says too little"),
        (_urn("**"), "the name says too little"),
        (_urn("links-*"), "the name says too little"),
        (_urn("links-staging-*"), "the name says too little"),
        (_urn("links-staging-door"), "a pattern without `*`"),
        (_urn("door-*", type_="*"), "only the resource's name may hold"),
        (_urn("door-*", type_=f"*{GROUP}"), "only the resource's name may hold"),
        (_urn("door-*", stack="links-*"), "only the resource's name may hold"),
        ("*door*", "not a URN"),
    ],
)
def test_a_pattern_leaves_open_only_a_part_of_the_name(bench: ExceptionBench, pattern: str, told: str) -> None:
    entry = bench.entry(resource=None, pattern=pattern)
    if told:
        assert told in str(bench.refused(entry).problems[0])
        return
    bench.write(entry)
    assert [held.pattern for held in bench.load().entries] == [pattern]


@pytest.mark.parametrize(
    ("urn", "within"),
    [
        (_urn("links-staging-door-1"), True),
        (_urn("links-staging-door-a::b"), True),
        (_urn("links-staging-window-1"), False),
        (_urn("links-staging-door-1", type_=GROUP), False),
        (_urn("links-production-door-1", stack="links-production"), False),
        (_urn("links-staging-door-1", stack="links-production"), False),
        (_urn("links-staging-door-1").replace("millwright::", "other::", 1), False),
        ("", False),
    ],
)
def test_a_pattern_stands_for_names_in_one_stack_of_one_type(urn: str, within: bool) -> None:
    assert in_pattern(_urn("links-staging-door-*"), urn) == within
    # What other patterns would take for wildcards is a letter here.
    assert not in_pattern(_urn("[ab]door-?*"), _urn("adoor-1"))
    assert in_pattern(_urn("[ab]door-?*"), _urn("[ab]door-?1"))


def test_every_mistake_is_told_at_once_in_the_order_of_the_file(bench: ExceptionBench) -> None:
    error = bench.refused(bench.entry(approver="max"), bench.entry(id="b", expires="2027-03-15"))
    assert [problem.field for problem in error.problems] == ["exceptions.0.approver", "exceptions.1.expires"]
    assert re.search("has 2 mistakes", str(error))
