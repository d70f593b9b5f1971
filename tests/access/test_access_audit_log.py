"""Everything that happens is logged once, in order, without credentials; what is changed afterwards is named."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from audit_place import Audited, audited
from sqlalchemy import text

from access import audit
from access.audit.sequencer import BATCH
from factory import db, events


@pytest.fixture
def place(tmp_path: Path) -> Audited:
    return audited(tmp_path)


def change(place: Audited, statement: str, **values: object) -> None:
    with db.transaction(place.database) as connection:
        assert connection.execute(text(statement), values).rowcount >= 1


def test_each_app_has_a_log_of_its_own_and_what_is_of_none_has_one_too(place: Audited) -> None:
    place.happen("update.started", "update.succeeded")
    place.happen("update.started", app="tally")
    place.happen("factory.started", app=None)
    assert {(each.app, each.size) for each in place.logged()} == {("links", 2), ("tally", 1), ("platform", 1)}
    for app, size in (("links", 2), ("tally", 1), ("platform", 1)):
        found = place.verified(app)
        assert (found.size, found.checkpoints, found.faults) == (size, 1, [])


def test_an_event_is_logged_whole_and_once(place: Audited) -> None:
    place.happen("update.started", environment="build")
    place.logged()
    assert place.logged() == []
    place.happen("update.failed")
    place.logged()
    leaves = [json.loads(each["leaf"]) for each in place.exported() if "leaf" in each]
    assert [(each["sequence"], each["kind"], each["actor"]) for each in leaves] == [
        (1, "update.started", "ada"),
        (2, "update.failed", "ada"),
    ]
    assert leaves[0]["properties"] == {"environment": "build", "number": 0}
    with db.transaction(place.database) as connection:
        first = events.recent(connection)[0]
    assert {key: leaves[0][key] for key in ("id", "time", "app", "change", "task")} == first.model_dump(
        include={"id", "time", "app", "change", "task"}
    )


def test_more_than_one_batch_is_taken_at_once(place: Audited) -> None:
    with db.transaction(place.database) as connection:
        for number in range(BATCH + 3):
            events.append(connection, events.new_event("step.done", actor="driver", app="links", number=number))
    assert [each.size for each in place.logged()] == [BATCH, BATCH + 3]
    assert place.verified().faults == []


def test_two_that_log_at_once_log_each_event_once(place: Audited) -> None:
    place.happen(*["step.done"] * 60)
    with ThreadPoolExecutor(4) as many:
        for each in [many.submit(place.logged) for _ in range(4)]:
            each.result()
    found = place.verified()
    assert (found.size, found.faults) == (60, [])


def test_an_action_that_is_taken_back_is_not_logged(place: Audited) -> None:
    with place.database.connect() as connection:
        events.append(connection, events.new_event("update.started", actor="ada", app="links"))
        connection.rollback()
    assert place.logged() == []


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("AKIAQ3EGRZ5T7XWN2PLM is the key", "[redacted: an AWS access key id] is the key"),
        ("postgres://web:s3cr3t-8c1f@db/links", "postgres://web:[redacted: a password]@db/links"),
        (
            "a\n-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQ\n-----END PRIVATE KEY-----\nb",
            "a\n[redacted: a private key]\nb",
        ),
        ("-----BEGIN EC PRIVATE KEY-----\nMC4CAQAwBQ and cut off", "[redacted: a private key]"),
        ("the password of web was changed", "the password of web was changed"),
        ("postgres://web@db/links", "postgres://web@db/links"),
    ],
)
def test_a_credential_never_gets_into_a_log(place: Audited, said: str, kept: str) -> None:
    place.happen("tool.ran", output=[{"text": said}], password=said, empty={"password": ""})
    place.logged()
    properties = json.loads(place.exported()[0]["leaf"])["properties"]
    assert properties["output"] == [{"text": kept}]
    assert properties["password"] == "[redacted: password]"
    assert properties["empty"] == {"password": ""}
    # What is compared with the outbox is compared without it.
    assert place.verified().faults == []


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE access_audit_entry SET leaf = replace(leaf, 'ada', 'bob') WHERE \"index\" = 3", "entry 3 is not what"),
        ('DELETE FROM access_audit_entry WHERE "index" = 2', "entry 2 is missing"),
        ('DELETE FROM access_audit_entry WHERE "index" > 4', "says it has"),
        ("UPDATE access_audit_log SET size = 5", "is not the 5 entries"),
        ("DELETE FROM access_audit_checkpoint WHERE size = 6", "the newest checkpoint is at 3 entries"),
        ("UPDATE access_audit_checkpoint SET note = replace(note, '6', '5') WHERE size = 6", "at 6 entries"),
        ("UPDATE factory_event SET actor = 'bob' WHERE sequence = 2", "event 2 in the outbox is not what was logged"),
        ("DELETE FROM factory_event WHERE sequence = 2", "event 2 was logged and is not in the outbox"),
        ("UPDATE factory_event SET app = 'tally' WHERE sequence = 4", "event 4 in the outbox is not what was logged"),
    ],
)
def test_what_is_changed_afterwards_is_named(place: Audited, statement: str, fault: str) -> None:
    place.happen(*["update.started"] * 3)
    place.logged()
    place.happen(*["update.started"] * 3)
    place.logged()
    assert place.verified().faults == []
    change(place, statement)
    assert any(fault in each for each in place.verified().faults), place.verified().faults


def test_an_event_that_only_says_it_was_logged_is_named(place: Audited) -> None:
    place.happen("update.started")
    place.logged()
    place.happen("update.failed")
    change(place, "UPDATE factory_event SET logged = true WHERE sequence = 2")
    place.happen("update.started")
    place.logged()
    assert place.verified().faults == ["event 2 is marked as logged and is in no log"]


def test_a_checkpoint_of_another_key_is_named(place: Audited) -> None:
    place.happen("update.started")
    place.logged()
    audit.key_file(place.root).unlink()
    place.happen("update.failed")
    place.logged()
    assert place.verified().faults == ["the checkpoint at 1 entries: it is not signed by this key"]


def test_the_key_is_its_owners_only_and_is_kept(place: Audited) -> None:
    first = audit.public_pem(audit.signing_key(place.root))
    assert audit.public_pem(audit.signing_key(place.root)) == first
    assert audit.key_file(place.root).stat().st_mode & 0o777 == 0o600
    audit.key_file(place.root).write_text("no key")
    with pytest.raises(Exception, match="holds no Ed25519 key"):
        audit.signing_key(place.root)


def test_what_waits_is_told_with_its_age(place: Audited) -> None:
    place.happen("update.started", "update.failed")
    with db.transaction(place.database) as connection:
        waits = audit.backlog(connection)
        assert (waits.events, waits.oldest) == (2, events.recent(connection)[0].time)
    place.logged()
    with db.transaction(place.database) as connection:
        assert audit.backlog(connection) == audit.Backlog(0, "")
