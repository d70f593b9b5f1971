"""`people.yaml`: who holds which role where, every mistake at its place, and the labelled stand-ins."""

import re
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from decision_bench import Bench, new_key

from factory import demo_people, signatures
from factory.errors import ExitCode, InputError
from factory.gates import Role
from factory.people import load_people
from factory.settings import Settings

ACCOUNT = Settings(aws="account", aws_account="111122223333")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench.in_folder(tmp_path / "factory")


def test_a_role_is_held_for_every_app_or_for_named_ones(bench: Bench) -> None:
    people = bench.people
    assert people.person("ben").holds(Role.MAINTAINER, "links")
    assert people.person("ben").holds(Role.MAINTAINER, "any")
    assert not people.person("ben").holds(Role.OPERATOR, "links")
    assert people.person("dora").holds(Role.MAINTAINER, "notes")
    assert not people.person("dora").holds(Role.MAINTAINER, "links")
    assert [str(held) for held in people.person("dora").roles] == ["maintainer (notes)"]
    assert [str(held) for held in people.person("cleo").roles] == ["maintainer", "operator"]


def test_those_who_may_decide_hold_the_role_and_are_no_authors(bench: Bench) -> None:
    def able(app: str, authors: list[str]) -> list[str]:
        return [person.id for person in bench.people.who_may(Role.MAINTAINER, app, authors)]

    assert able("links", ["ada"]) == ["ben", "cleo"]
    assert able("notes", ["ben"]) == ["cleo", "dora"]
    assert able("links", ["ben", "cleo"]) == []


def test_a_stranger_is_told_with_the_nearest_id(bench: Bench) -> None:
    with pytest.raises(InputError, match="nobody has the id 'clio'; known: ada, ben, cleo, dora, viv") as caught:
        bench.people.person("clio")
    assert caught.value.hint == "did you mean 'cleo'?"
    assert bench.people.find("clio") is None
    assert bench.people.person("cleo").name == "Cleo"


def test_without_the_file_there_is_nobody(bench: Bench) -> None:
    bench.root.people_file.unlink()
    assert list(bench.people) == []
    with pytest.raises(InputError, match="known: nobody"):
        bench.people.person("ben")


def _ecdsa() -> str:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    return public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def test_every_mistake_is_told_at_its_place_and_all_at_once(bench: Bench, tmp_path: Path) -> None:
    key, again, ecdsa = new_key(tmp_path / "1"), new_key(tmp_path / "2"), _ecdsa()
    text = f"""\
people:
  ann:
    name: Ann
    roles: [maintaner, {{role: operator, apps: [link]}}, {{role: securty}}, 7]
    keys: [{key}]
    phone: none
  bob:
    name: Bob
    keys: [{again}, "{key} laptop", {ecdsa}, nonsense]
  demo-eve:
    name: Eve
    keys: [{again}]
  factory:
    name: Factory
    keys: []
  Frank_1:
    keys: [{new_key(tmp_path / "3")}]
"""
    bench.root.people_file.write_text(text)
    with pytest.raises(InputError) as caught:
        load_people(bench.root, bench.settings)
    assert caught.value.exit_code is ExitCode.INVALID_INPUT
    assert str(caught.value) == f"{bench.root.people_file} has {len(caught.value.problems)} mistakes"
    shown = [str(problem).removeprefix(f"{bench.root.people_file}:") for problem in caught.value.problems]
    expected = [
        r"4:13: people.ann.roles.0.*: not one of .*found 'maintaner'.*did you mean 'maintainer'\?",
        r"4:\d+: people.ann.roles.1.apps.0: no app named 'link' .*allowed: links, notes; did you mean 'links'\?",
        r"4:\d+: people.ann.roles.2.role: not one of .*did you mean 'security'\?",
        r"4:\d+: people.ann.roles.3: .*\(found 7\)",
        r"6:5: people.ann.phone: unknown key .*allowed: keys, name, oidc, roles",
        r"9:\d+: people.bob.keys.1: ann has this key already: whose signature would it be\?",
        r"9:\d+: people.bob.keys.2: keys of this kind cannot be verified: use ssh-ed25519 or ssh-rsa",
        r"9:\d+: people.bob.keys.3: not an OpenSSH public key",
        r"11:5: people.demo-eve: the id 'demo-eve' is kept for what is no real person",
        r"12:\d+: people.demo-eve.keys.0: bob has this key already",
        r"14:5: people.factory: the id 'factory' is kept for what is no real person",
        r"15:\d+: people.factory.keys: .*at least 1 item",
        r"16:3: people.Frank_1: ",
        r"16:3: people.Frank_1.name: missing",
    ]
    assert len(shown) == len(expected), "\n".join(shown)
    for line, pattern in zip(shown, expected, strict=True):
        assert re.match(pattern, line), (pattern, line)


def test_one_mistake_more_is_one_mistake_and_without_it_there_is_none(bench: Bench) -> None:
    good = bench.root.people_file.read_text()
    bench.root.people_file.write_text(good + "peeple: {}\n")
    with pytest.raises(InputError, match=r"has 1 mistake$") as caught:
        load_people(bench.root, bench.settings)
    assert "did you mean 'people'?" in str(caught.value.problems[0])
    bench.root.people_file.write_text(good)
    assert len(list(bench.people)) == 5


@pytest.mark.parametrize("text", ["people: 7\n", "people: [ann]\n", "people: {ann: 7}\n", "people: {ann: {keys: 7}}\n"])
def test_a_file_of_another_shape_is_told_as_such(text: str, bench: Bench) -> None:
    bench.root.people_file.write_text(text)
    with pytest.raises(InputError, match="mistake") as caught:
        load_people(bench.root, bench.settings)
    assert all(problem.line == 1 for problem in caught.value.problems)


def test_an_empty_file_names_nobody(bench: Bench) -> None:
    bench.root.people_file.write_text("people: {}\n")
    assert list(bench.people) == []
    bench.root.people_file.write_text("")
    assert list(bench.people) == []


def test_demo_people_are_made_once_labelled_and_with_private_keys(bench: Bench) -> None:
    bench.root.people_file.unlink()
    threads = [threading.Thread(target=demo_people.ensure, args=(bench.root, bench.settings)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    before = bench.people
    demo_people.ensure(bench.root, bench.settings)
    assert [person.model_dump() for person in bench.people] == [person.model_dump() for person in before]
    assert {person.id for person in before} == set(demo_people.ROLES)
    for person in before:
        assert person.demo
        assert "stand-in, nobody real" in person.name
        file = demo_people.key_file(bench.root, person.id)
        assert file.stat().st_mode & 0o777 == 0o600
        assert signatures.verify(b"x", signatures.sign_unattended(b"x", file), person.keys)
    assert before.person(demo_people.AUTHOR).roles == ()
    assert not any(person.demo for person in Bench.in_folder(bench.root.path.parent / "other").people)


def test_a_demo_person_that_came_later_joins_those_that_are_there(bench: Bench) -> None:
    demo_people.ensure(bench.root, bench.settings)
    file, before = bench.root.demo_people / "people.yaml", bench.people
    # The file is in the order of ids: the architect is the first.
    head, _, rest = file.read_text().partition(f"  {demo_people.ARCHITECT}:")
    file.write_text(f"{head}  {demo_people.AUTHOR}:{rest.partition(f'  {demo_people.AUTHOR}:')[2]}")
    assert bench.people.find(demo_people.ARCHITECT) is None
    demo_people.ensure(bench.root, bench.settings)
    assert bench.people.person(demo_people.ARCHITECT).keys != before.person(demo_people.ARCHITECT).keys
    others = [person for person in before if person.id != demo_people.ARCHITECT]
    assert [bench.people.person(person.id) for person in others] == others


def test_demo_people_are_nobody_where_a_target_is_not_local(bench: Bench) -> None:
    demo_people.ensure(bench.root, bench.settings)
    assert load_people(bench.root, bench.settings).find(demo_people.OPERATOR)
    assert load_people(bench.root, ACCOUNT).find(demo_people.OPERATOR) is None
    assert load_people(bench.root, ACCOUNT).person("ben").id == "ben"
    with pytest.raises(InputError, match="stand-ins for the local cloud only"):
        demo_people.ensure(bench.root, ACCOUNT)


def test_nobody_real_is_replaced_by_a_key_that_was_made_here(bench: Bench) -> None:
    demo_people.ensure(bench.root, bench.settings)
    file = bench.root.demo_people / "people.yaml"
    good = file.read_text()
    file.write_text(good.replace("demo-operator:", "ben:"))
    with pytest.raises(InputError, match="names somebody who is no demo person: ben"):
        load_people(bench.root, bench.settings)
    file.write_text(good)
    assert not bench.people.person("ben").demo


def test_only_demo_people_have_a_key_here(bench: Bench) -> None:
    for person in ("ben", demo_people.AUTHOR, "../ben"):
        with pytest.raises(InputError, match="is no demo person of this factory"):
            demo_people.key_file(bench.root, person)
    demo_people.ensure(bench.root, bench.settings)
    assert demo_people.key_file(bench.root, demo_people.AUTHOR).is_file()
