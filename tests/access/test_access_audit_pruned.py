"""What is older than it has to be kept goes as a person signs, and nothing else ever goes unseen."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from audit_place import Audited, Outside, audited
from sqlalchemy import text

from access import audit, retention
from access.grants.model import stamp
from factory import db, demo_people, events, signatures
from factory.errors import AccessDenied
from factory.people import load_people
from factory.settings import Settings

TALLY = Path(__file__).parents[2] / "apps" / "tally"
NOW = datetime.now(UTC)
LONG_AGO, LATELY = NOW - timedelta(days=400), NOW - timedelta(days=300)
OLD, YOUNG = 6, 4
# What somebody does who can write the database.
AGED = "UPDATE access_audit_entry SET time = :time WHERE app = 'tally' AND "
TAKEN = "UPDATE access_audit_entry SET leaf = NULL WHERE app = 'tally' AND "


@dataclass
class Kept(Audited):
    """A factory whose app `tally` has a log that is partly older than a year, and recordings."""

    def happened(self, when: datetime, kind: str = "update.started", **properties: object) -> None:
        event = events.new_event(kind, actor="ada", app="tally", **properties)
        with db.transaction(self.database) as connection:
            events.append(connection, event.model_copy(update={"time": stamp(when)}))
        self.logged()

    def recording(self, name: str, when: datetime, *, told: bool = True) -> Path:
        """One that ended at a moment, as its file, its records and the log say."""
        path = self.root.recordings / "tally" / "g1" / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"at": when.timestamp(), "kind": "session_end", "detail": ""}) + "\n")
        os.utime(path, (when.timestamp(), when.timestamp()))
        if told:
            about = {"recording": f"tally/g1/{name}.jsonl", "digest": hashlib.sha256(path.read_bytes()).hexdigest()}
            self.happened(when, "session.ended", grant="g1", session=name, **about)
        return path

    def plan(self, now: datetime = NOW) -> retention.Plan:
        with db.transaction(self.database) as connection:
            return retention.plan(self.root, connection, "tally", now)

    def prune(self, plan: retention.Plan | None = None, person: str = demo_people.SECURITY, signer: str = "") -> int:
        key = demo_people.key_file(self.root, signer or person)
        sign: Callable[[bytes], str] = lambda said: signatures.sign_unattended(  # noqa: E731
            said, key, namespace=signatures.ACCESS
        )
        return retention.prune(self.root, Settings(), self.database, plan or self.plan(), person=person, sign=sign)

    def faults(self) -> list[str]:
        self.logged()
        people = load_people(self.root, Settings())
        with db.transaction(self.database) as connection:
            public = audit.raw(audit.signing_key(self.root).public_key())
            return audit.verify(connection, "tally", public, people=people).faults

    def by_hand(self, statement: str, **values: str) -> None:
        with db.transaction(self.database) as connection:
            assert connection.execute(text(statement), values).rowcount >= 1

    def contents(self) -> list[bool]:
        """Of each entry, whether its content is there."""
        return ["leaf" in each for each in self.exported("tally") if "index" in each]


@pytest.fixture
def place(tmp_path: Path) -> Kept:
    made = audited(tmp_path)
    shutil.copytree(TALLY, made.root.apps / "tally")
    demo_people.ensure(made.root, Settings())
    place = Kept(made.root, made.database)
    for number in range(OLD + YOUNG):
        place.happened(LONG_AGO if number < OLD else LATELY, number=number)
    return place


def test_content_that_is_older_than_it_has_to_be_kept_goes_and_the_log_is_proved_as_before(
    place: Kept, tmp_path: Path
) -> None:
    verifier = Outside.given(place, tmp_path / "outside")
    assert verifier.verify(place.exported("tally")).returncode == 0
    assert (place.plan().entries, place.plan().gone, place.plan().days) == (OLD, 0, 365)
    assert place.prune() == OLD
    assert place.contents() == [*[False] * OLD, *[True] * (YOUNG + 1)]
    assert place.faults() == []
    outside = verifier.verify(place.exported("tally"))
    assert (outside.returncode, outside.stderr) == (0, "")
    assert f"{OLD} of them pruned and known by their hashes alone" in outside.stdout
    assert "the history is the one seen last time" in outside.stdout
    with db.transaction(place.database) as connection:
        (told,) = events.of_kinds(connection, ["audit.pruned"])
        assert len(events.recent(connection, app="tally")) == YOUNG + 1
    assert (told.actor, told.properties["entries"], told.properties["person"]) == (
        demo_people.SECURITY,
        OLD,
        demo_people.SECURITY,
    )
    # Nothing is left to do, and later the rest follows.
    assert place.plan().is_empty
    assert place.prune(place.plan(NOW + timedelta(days=100))) == YOUNG
    assert place.faults() == []


def test_nothing_younger_goes_whatever_the_database_says_of_its_age(place: Kept) -> None:
    place.by_hand(AGED + '"index" >= 0', time=stamp(LONG_AGO))
    assert place.plan().entries == OLD + YOUNG
    with pytest.raises(audit.AuditBroken, match=f"entry {OLD} of tally is younger than the database says"):
        place.prune()
    assert all(place.contents())
    place.by_hand(AGED + '"index" >= 6', time=stamp(LATELY))
    assert place.prune() == OLD


def test_an_edit_is_not_hidden_by_pruning(place: Kept) -> None:
    place.by_hand(
        "UPDATE access_audit_entry SET leaf = replace(leaf, 'ada', 'bob') WHERE app = 'tally' AND \"index\" = 2"
    )
    with pytest.raises(audit.AuditBroken, match="entry 2 is not what was logged"):
        place.prune()
    assert all(place.contents())
    place.by_hand(
        "UPDATE access_audit_entry SET leaf = replace(leaf, 'bob', 'ada') WHERE app = 'tally' AND \"index\" = 2"
    )
    assert place.prune() == OLD


def test_content_that_somebody_took_is_not_taken_for_pruned(place: Kept, tmp_path: Path) -> None:
    verifier = Outside.given(place, tmp_path / "outside")
    place.by_hand(TAKEN + '"index" < 2')
    assert "entry 1 has no content any more, and nothing tells that it was pruned" in place.faults()
    outside = verifier.verify(place.exported("tally"))
    assert outside.returncode == 1
    assert "2 entries have no content any more, and the log tells of 0 that were pruned" in outside.stderr


def test_more_than_was_pruned_is_not_taken_for_it(place: Kept, tmp_path: Path) -> None:
    verifier = Outside.given(place, tmp_path / "outside")
    place.prune()
    assert verifier.verify(place.exported("tally")).returncode == 0
    place.by_hand(TAKEN + '"index" = 6')
    assert f"entry {OLD} has no content any more, and nothing tells that it was pruned" in place.faults()
    outside = verifier.verify(place.exported("tally"))
    assert outside.returncode == 1
    assert f"{OLD + 1} entries have no content any more, and the log tells of {OLD}" in outside.stderr


def test_a_pruning_that_nobody_signed_is_told(place: Kept) -> None:
    told = {"person": demo_people.SECURITY, "entries": 3, "before": stamp(LATELY), "days": 365, "recordings": 0}
    place.happened(NOW, "audit.pruned", **told, signature="forged")
    place.by_hand(TAKEN + '"index" < 3')
    place.by_hand("DELETE FROM factory_event WHERE app = 'tally' AND sequence <= 3")
    assert place.faults() == ["that 3 entries were pruned is signed by nobody in people.yaml"]


@pytest.mark.parametrize(
    ("person", "signer", "why"),
    [
        (demo_people.OPERATOR, "", "does not hold the role security"),
        (demo_people.SECURITY, demo_people.OPERATOR, "nothing proves that it is"),
    ],
)
def test_only_security_prunes_and_proves_who_it_is(place: Kept, person: str, signer: str, why: str) -> None:
    with pytest.raises(AccessDenied, match=why):
        place.prune(person=person, signer=signer)
    assert all(place.contents())
    assert place.prune() == OLD


def test_old_recordings_go_with_their_digests_in_the_log_and_younger_ones_stay(place: Kept) -> None:
    old, young = place.recording("1-a", LONG_AGO), place.recording("2-b", LATELY)
    touched, unnamed = place.recording("3-c", LONG_AGO), place.recording("4-d", LONG_AGO, told=False)
    os.utime(touched, (LATELY.timestamp(), LATELY.timestamp()))
    assert [each.path for each in place.plan().recordings] == ["tally/g1/1-a.jsonl", "tally/g1/4-d.jsonl"]
    place.prune()
    assert [path.exists() for path in (old, young, touched, unnamed)] == [False, True, True, False]
    with db.transaction(place.database) as connection:
        removed = events.of_kinds(connection, ["recording.removed"])
    assert [(each.properties["recording"], len(each.properties["digest"])) for each in removed] == [
        ("tally/g1/1-a.jsonl", 64),
        ("tally/g1/4-d.jsonl", 64),
    ]


def test_a_recording_that_was_changed_is_not_removed(place: Kept) -> None:
    path = place.recording("1-a", LONG_AGO)
    whole = path.read_text()
    path.write_text(whole.replace("session_end", "session_was"))
    os.utime(path, (LONG_AGO.timestamp(), LONG_AGO.timestamp()))
    with pytest.raises(audit.AuditBroken, match=r"1-a\.jsonl is not what the log has the digest of"):
        place.prune()
    assert path.exists()
    path.write_text(whole)
    os.utime(path, (LONG_AGO.timestamp(), LONG_AGO.timestamp()))
    place.prune()
    assert not path.exists()


def test_killed_before_anything_is_removed_it_goes_on_the_next_time(
    place: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as during:
        during.setattr(retention, "drop", killed)
        with pytest.raises(KeyboardInterrupt):
            place.prune()
    assert all(place.contents())
    assert place.faults() == []
    assert place.prune() == OLD
    assert place.faults() == []
