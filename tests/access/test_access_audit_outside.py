"""Whoever holds the key and what was seen last sees every change of a log, made by outsiders and by insiders alike."""

import base64
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from audit_place import Audited, Outside, audited

from access import audit
from access.audit import outside
from access.audit.merkle import leaf_hash, root_of
from access.audit.notes import Checkpoint, signed

SEEN = 12
SIZE = 20
Documents = list[dict]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    return audited(tmp_path_factory.mktemp("factory"))


@pytest.fixture(scope="module")
def seen(place: Audited) -> Documents:
    """The log as it was when somebody last looked."""
    for _ in range(SEEN):
        place.happen("update.started")
        place.logged()
    return place.exported()


@pytest.fixture(scope="module")
def grown(place: Audited, seen: Documents) -> Documents:
    """The same log later."""
    for _ in range(SIZE - SEEN):
        place.happen("update.succeeded")
        place.logged()
    return place.exported()


def test_a_log_that_only_grew_is_what_it_was(place: Audited, seen: Documents, grown: Documents, tmp_path: Path) -> None:
    verifier = Outside.given(place, tmp_path / "outside")
    first = verifier.verify(seen)
    assert (first.returncode, first.stderr) == (0, "")
    assert "millwright/links: 12 entries, 12 checkpoints; first look" in first.stdout
    later = verifier.verify(grown)
    assert (later.returncode, later.stderr) == (0, "")
    assert "20 entries, 20 checkpoints; the history is the one seen last time" in later.stdout
    # The same again, and never back.
    assert verifier.verify(grown).returncode == 0
    back = verifier.verify(seen)
    assert (back.returncode, back.stdout) == (1, "")
    assert "seen last time had 20 entries, the log has 12: the rest is gone" in back.stderr


def test_what_was_refuted_is_not_remembered(place: Audited, seen: Documents, grown: Documents, tmp_path: Path) -> None:
    verifier = Outside.given(place, tmp_path / "outside")
    verifier.verify(seen)
    before = (verifier.folder / "last.checkpoint").read_text()
    assert verifier.verify(grown[:1] + grown[2:]).returncode == 1
    assert (verifier.folder / "last.checkpoint").read_text() == before
    assert verifier.verify(grown).returncode == 0


def test_another_apps_log_is_not_taken_for_it(place: Audited, seen: Documents, tmp_path: Path) -> None:
    place.happen("update.started", app="tally")
    place.logged()
    verifier = Outside.given(place, tmp_path / "outside")
    verifier.verify(seen)
    other = verifier.verify(place.exported("tally"))
    assert other.returncode == 1
    assert "of another log: millwright/links, not millwright/tally" in other.stderr


def test_a_copy_out_of_the_factorys_reach_tells_of_what_was_taken_back(
    place: Audited, seen: Documents, grown: Documents, tmp_path: Path
) -> None:
    verifier = Outside.given(place, tmp_path / "outside")
    copies = verifier.folder / "copies"
    copies.mkdir()
    (copies / "20").write_text(grown[-1]["checkpoint"])
    taken_back = verifier.verify(seen, "--copies", "copies")
    assert taken_back.returncode == 1
    assert "a copy of a checkpoint had 20 entries, the log has 12" in taken_back.stderr
    assert verifier.verify(grown, "--copies", "copies").returncode == 0


@pytest.mark.parametrize(
    ("spoilt", "why"),
    [
        (lambda folder: (folder / "key.pem").unlink(), "key.pem: No such file"),
        (lambda folder: (folder / "key.pem").write_text("no key"), "holds no Ed25519 public key"),
    ],
)
def test_without_a_key_nothing_is_said(
    place: Audited, seen: Documents, tmp_path: Path, spoilt: Callable[[Path], object], why: str
) -> None:
    verifier = Outside.given(place, tmp_path / "outside")
    spoilt(verifier.folder)
    found = verifier.verify(seen)
    assert (found.returncode, found.stdout) == (2, "")
    assert why in found.stderr


# What is done to a log by somebody without the key, and by somebody who has it and signs the result anew.


def edited(random_: random.Random, entries: Documents) -> None:
    entry = random_.choice(entries)
    event = json.loads(entry["leaf"])
    event["actor"] = f"somebody-{random_.random()}"
    entry["leaf"] = json.dumps(event)


def removed(random_: random.Random, entries: Documents) -> None:
    entries.pop(random_.randrange(len(entries)))


def reordered(random_: random.Random, entries: Documents) -> None:
    one, other = random_.sample(range(len(entries)), 2)
    entries[one], entries[other] = entries[other], entries[one]


def truncated(random_: random.Random, entries: Documents) -> None:
    del entries[random_.randrange(SEEN) :]


def inserted(random_: random.Random, entries: Documents) -> None:
    event = json.loads(entries[0]["leaf"]) | {"sequence": 1000 + random_.randrange(1000)}
    entries.insert(random_.randrange(SEEN), {"leaf": json.dumps(event)})


def repeated(random_: random.Random, entries: Documents) -> None:
    at = random_.randrange(SEEN)
    entries.insert(at, dict(entries[at]))


def forked(random_: random.Random, entries: Documents) -> None:
    at = random_.randrange(SEEN)
    for entry in entries[at:]:
        entry["leaf"] = json.dumps(json.loads(entry["leaf"]) | {"actor": "somebody"})


def emptied(random_: random.Random, entries: Documents) -> None:
    at = random_.randrange(SEEN)
    for entry in entries[: at + 1]:
        entry["hash"] = leaf_hash(entry.pop("leaf").encode() + b"!").hex()


def taken(random_: random.Random, entries: Documents) -> None:
    """The content goes and the hash stays, as if it had been pruned."""
    at = random_.randrange(SEEN)
    for entry in entries[: at + 1]:
        entry["hash"] = leaf_hash(entry.pop("leaf").encode()).hex()


ATTACKS = (edited, removed, reordered, truncated, inserted, repeated, forked, emptied, taken)


def attacked(place: Audited, log: Documents, random_: random.Random) -> tuple[str, Documents]:
    """What somebody made of what was seen, and how."""
    entries = [dict(each) for each in log if "index" in each][:SEEN]
    later = [dict(each) for each in log if "index" in each][SEEN:]
    notes = [each for each in log if "checkpoint" in each]
    attack = random_.choice(ATTACKS)
    attack(random_, entries)
    entries = [{**each, "index": number} for number, each in enumerate([*entries, *later])]
    how = random_.choice(("as it was signed", "without what does not fit", "signed anew"))
    if how == "signed anew":
        hashes = [
            bytes.fromhex(each["hash"]) if "hash" in each else leaf_hash(each["leaf"].encode()) for each in entries
        ]
        checkpoint = Checkpoint("links", len(entries), root_of(hashes), "2026-01-01T00:00:00")
        notes = [{"checkpoint": signed(checkpoint, audit.signing_key(place.root))}]
    elif how == "without what does not fit":
        notes = notes[: random_.randrange(1, len(notes))]
        entries = entries[: len(notes)]
    return f"{attack.__name__}, {how}", [*entries, *notes]


def honest(documents: Documents, grown: Documents) -> bool:
    """Whether it is the log as it was at a moment after it was seen: what an attack did may have been cut off again."""
    entries = [each for each in documents if "index" in each]
    notes = [each for each in documents if "checkpoint" in each]
    logged = [each for each in grown if "checkpoint" in each]
    return len(entries) >= SEEN and entries == grown[: len(entries)] and notes == logged[: len(entries)]


def test_a_thousand_changes_are_all_seen(place: Audited, seen: Documents, grown: Documents, tmp_path: Path) -> None:
    public = audit.signing_key(place.root).public_key()
    memory = seen[-1]["checkpoint"]
    log = tmp_path / "log.jsonl"

    def verdict(documents: Documents) -> str:
        log.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in documents))
        try:
            outside.verify(outside.read_log(log), public, memory, [])
        except outside.Refuted as refuted:
            return str(refuted)
        return ""

    random_ = random.Random(20261129)
    assert verdict(grown) == ""
    refused: dict[str, str] = {}
    for number in range(1000):
        name, documents = attacked(place, grown, random_)
        while honest(documents, grown):
            name, documents = attacked(place, grown, random_)
        refused[name] = verdict(documents)
        assert refused[name], f"{name} was not seen (number {number})"
    assert len(refused) == len(ATTACKS) * 3, sorted(refused)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"no json\n",
        b"[]\n",
        b"\xff\xfe\n",
        b'{"index": 7, "leaf": "{}"}\n',
        b'{"index": 0}\n',
        b'{"index": 0, "leaf": "{}"}\n',
        b'{"index": 0, "hash": "00"}\n',
        b'{"index": 0, "hash": "' + b"0" * 64 + b'"}',
        b'{"checkpoint": "a\\nb\\nc"}\n',
        b'{"checkpoint": null}\n',
    ],
)
def test_what_is_no_log_is_refuted_and_not_a_crash(place: Audited, tmp_path: Path, line: bytes) -> None:
    verifier = Outside.given(place, tmp_path / "outside")
    log = verifier.folder / "log.jsonl"
    log.write_bytes(line)
    with pytest.raises(outside.Refuted):
        outside.verify(outside.read_log(log), audit.signing_key(place.root).public_key(), None, [])


def test_a_signature_is_of_its_own_log_and_key(place: Audited, seen: Documents) -> None:
    note, public = seen[-1]["checkpoint"], audit.signing_key(place.root).public_key()
    assert outside.opened(note, public).size == SEEN
    text, _, signature = note.partition("\n\n")
    changed = [
        note.replace("millwright/links", "millwright/tally"),
        note.replace(f"\n{SEEN}\n", f"\n{SEEN + 1}\n", 1),
        text,
        f"{text}\n\n",
        f"{text}\n\n— millwright/links {base64.b64encode(bytes(68)).decode()}\n",
        f"{text}\nanother line\n\n{signature}",
    ]
    for each in changed:
        with pytest.raises(outside.Refuted):
            outside.opened(each, public)
        with pytest.raises(audit.BadNote):
            audit.opened(each, audit.raw(public))
