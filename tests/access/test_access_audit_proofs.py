"""Who has the key and not the log is shown that an entry is in it, and that it only grew; nothing else is shown so."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from audit_place import Audited, Outside, audited

from access import audit
from access.audit import outside
from access.audit.merkle import leaf_hash
from access.audit.notes import Checkpoint, signed
from factory import db, events
from factory.errors import InputError

SIZES = (3, 8, 13)
Proof = dict[str, Any]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    """A log with a checkpoint at each of these sizes."""
    made = audited(tmp_path_factory.mktemp("factory"))
    size = 0
    for wanted in SIZES:
        made.happen(*["update.started"] * (wanted - size))
        made.logged()
        size = wanted
    return made


def proof(place: Audited, entry: int | None = None, since: int | None = None) -> Proof:
    with db.transaction(place.database) as connection:
        return audit.prove(connection, "links", entry=entry, since=since)


class Elsewhere:
    """The verifier as a program, with a proof and no log."""

    def __init__(self, place: Audited, folder: Path) -> None:
        self.folder = Outside.given(place, folder).folder

    def verify(self, shown: Proof, *more: str) -> subprocess.CompletedProcess[str]:
        (self.folder / "proof.json").write_text(json.dumps(shown) + "\n")
        command = [sys.executable, "-I", "verifier.py", "--key", "key.pem", "--proof", "proof.json", *more]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=60, check=False)


def verdict(place: Audited, shown: Proof, memory: str | None = None) -> str:
    try:
        outside.verify_proof(shown, audit.signing_key(place.root).public_key(), memory)
    except outside.Refuted as refuted:
        return str(refuted)
    return ""


def test_every_entry_is_proved_and_every_earlier_checkpoint(place: Audited) -> None:
    for entry in range(SIZES[-1]):
        for since in (None, *SIZES):
            assert verdict(place, proof(place, entry, since)) == ""
    for since in SIZES:
        assert verdict(place, proof(place, since=since)) == ""


def test_the_program_says_what_is_proved_and_remembers_the_newest_checkpoint(place: Audited, tmp_path: Path) -> None:
    elsewhere = Elsewhere(place, tmp_path / "outside")
    (elsewhere.folder / "last").write_text(proof(place, since=SIZES[0])["earlier"])
    shown = proof(place, 5, SIZES[0])
    found = elsewhere.verify(shown, "--memory", "last")
    assert (found.returncode, found.stderr) == (0, "")
    assert f"entry 5 is {shown['leaf']}; the log only grew since it had 3 entries" in found.stdout
    assert (elsewhere.folder / "last").read_text() == shown["checkpoint"]
    # What was seen is no part of a proof that begins elsewhere.
    (elsewhere.folder / "last").write_text(proof(place, since=SIZES[1])["earlier"])
    other = elsewhere.verify(shown, "--memory", "last")
    assert (other.returncode, "seen last time, at 8 entries, is no part of this proof" in other.stderr) == (1, True)
    assert (elsewhere.folder / "last").read_text() != shown["checkpoint"]


FORGERIES: dict[str, Callable[[Proof], Proof]] = {
    "another content": lambda shown: shown | {"leaf": shown["leaf"].replace("update", "upkeep")},
    "another place": lambda shown: shown | {"index": shown["index"] + 1},
    "a place that is none": lambda shown: shown | {"index": True},
    "one hash less": lambda shown: shown | {"inclusion": shown["inclusion"][:-1]},
    "one hash more": lambda shown: shown | {"inclusion": [*shown["inclusion"], "00" * 32]},
    "another hash": lambda shown: shown | {"inclusion": ["00" * 32, *shown["inclusion"][1:]]},
    "no hashes": lambda shown: shown | {"inclusion": "none"},
    "a node for a leaf": lambda shown: (
        {key: shown[key] for key in shown if key != "leaf"}
        | {"hash": leaf_hash(shown["leaf"].encode()).hex(), "index": 0, "inclusion": shown["inclusion"][1:]}
    ),
    "another beginning": lambda shown: shown | {"consistency": [shown["consistency"][0], *shown["consistency"]]},
    "no beginning": lambda shown: shown | {"consistency": []},
    "a later one first": lambda shown: shown | {"earlier": shown["checkpoint"], "checkpoint": shown["earlier"]},
    "an unsigned checkpoint": lambda shown: shown | {"checkpoint": shown["checkpoint"].replace("\n13\n", "\n14\n")},
    "nothing": lambda shown: {"checkpoint": shown["checkpoint"]},
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_proof_is_refuted(place: Audited, name: str) -> None:
    shown = proof(place, 4, SIZES[0])
    assert verdict(place, shown) == ""
    assert verdict(place, FORGERIES[name](shown)) != ""


def test_a_history_that_was_written_anew_is_not_consistent(place: Audited) -> None:
    shown = proof(place, since=SIZES[0])
    checkpoint = Checkpoint("links", SIZES[0], leaf_hash(b"another history"), "2026-01-01T00:00:00")
    forged = signed(checkpoint, audit.signing_key(place.root))
    assert "is not the beginning of" in verdict(place, shown | {"earlier": forged})
    other = signed(Checkpoint("tally", SIZES[0], leaf_hash(b"x"), ""), audit.signing_key(place.root))
    assert "is not the beginning of" in verdict(place, shown | {"earlier": other})


def test_what_the_log_does_not_have_is_not_proved(place: Audited) -> None:
    for entry, since in ((SIZES[-1], None), (-1, None), (None, 5), (None, SIZES[-1] + 1)):
        with pytest.raises(InputError):
            proof(place, entry, since)
    with db.transaction(place.database) as connection:
        event = events.recent(connection, app="links")[4]
        assert audit.entry_of(connection, "links", event.id) == 4
        for named in ("x", event.id[:-1], "%"):
            with pytest.raises(InputError, match="tells of the event"):
                audit.entry_of(connection, "links", named)
