#!/usr/bin/env python3
"""Verifies an exported audit log, outside of the factory that wrote it: one file, nothing of Millwright's in it.

    python audit_verifier.py --key audit.pem --log links.jsonl --memory links.checkpoint [--copies FOLDER]
    python audit_verifier.py --key audit.pem --proof proof.json [--memory links.checkpoint]

It holds what the factory cannot change: the public key that it was once given, and the newest checkpoint that it has
seen. The log must be the one that this checkpoint was of, with more entries at most. A proof (`audit prove`) needs no
log: it shows that one entry is in it, and that it only grew since the checkpoint that it begins with. Exit status: 0 it
is; 1 it is not, and why; 2 the command or a file of the verifier's own is wrong. Needs Python 3.11 and the package
cryptography.

Formats: RFC 6962 (the tree), https://c2sp.org/tlog-checkpoint and https://c2sp.org/signed-note (the checkpoints).
"""

import argparse
import base64
import binascii
import hashlib
import json
import os
import sys
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

ORIGIN = "millwright/"
# The event by which a person had the content of old entries removed; their hashes stay.
PRUNED = "audit.pruned"
MOST_LINE = 16 * 1024 * 1024


class Refuted(Exception):
    """The log is not what it was, or what it says it is."""


class Unusable(Exception):
    """Something of the verifier's own is missing or wrong, so nothing can be said."""


class Checkpoint(NamedTuple):
    """What somebody who had the key said of a log."""

    origin: str
    size: int
    root: bytes


class Log(NamedTuple):
    """What an exported log says of itself."""

    hashes: list[bytes]
    expired: int
    pruned: int
    notes: list[str]


def read_log(path: Path) -> Log:
    """The entries' hashes, worked out from the entries themselves. Raises Refuted, Unusable."""
    hashes: list[bytes] = []
    notes: list[str] = []
    expired, pruned, sequences = 0, 0, set()
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                document = _document(line, number)
                if "checkpoint" in document:
                    notes.append(str(document["checkpoint"]))
                    continue
                if notes or document.get("index") != len(hashes):
                    raise Refuted(f"line {number} is not entry {len(hashes)}")
                leaf = document.get("leaf")
                if isinstance(leaf, str):
                    sequence, told = _event(leaf, len(hashes), number)
                    pruned = max(pruned, told)
                    if sequence in sequences:
                        raise Refuted(f"line {number} tells event {sequence} a second time")
                    sequences.add(sequence)
                    hashes.append(hashlib.sha256(b"\x00" + leaf.encode()).digest())
                    continue
                if expired != len(hashes):
                    raise Refuted(f"line {number}: an entry between others has no content any more")
                expired += 1
                hashes.append(_hash(document.get("hash"), number))
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror}") from None
    if expired > pruned:
        raise Refuted(f"{expired} entries have no content any more, and the log tells of {pruned} that were pruned")
    return Log(hashes, expired, pruned, notes)


def _document(line: bytes, number: int) -> dict[str, object]:
    if len(line) > MOST_LINE or not line.endswith(b"\n"):
        raise Refuted(f"line {number} is not whole")
    try:
        document = json.loads(line)
    except ValueError:
        raise Refuted(f"line {number} is no JSON") from None
    if not isinstance(document, dict):
        raise Refuted(f"line {number} is no entry")
    return document


def _event(leaf: str, index: int, number: int) -> tuple[int, int]:
    """An event's number, and how many entries before it were pruned, where it tells that."""
    try:
        event = json.loads(leaf)
        told = int(event["properties"]["entries"]) if event["kind"] == PRUNED else 0
        return int(event["sequence"]), told if 0 <= told <= index else 0
    except (ValueError, KeyError, TypeError):
        raise Refuted(f"line {number} holds no event") from None


def _hash(text: object, number: int) -> bytes:
    try:
        found = bytes.fromhex(str(text))
    except ValueError:
        found = b""
    if len(found) != hashlib.sha256().digest_size:
        raise Refuted(f"line {number} has neither content nor hash")
    return found


def roots(hashes: list[bytes], sizes: set[int]) -> dict[int, bytes]:
    """The tree's root at each of these sizes that it has had."""
    found = {0: hashlib.sha256(b"").digest()} if 0 in sizes else {}
    edge: list[bytes] = []
    for count, leaf in enumerate(hashes):
        edge.append(leaf)
        joined = count
        while joined & 1:
            right = edge.pop()
            edge.append(_node(edge.pop(), right))
            joined >>= 1
        if count + 1 in sizes:
            root = edge[-1]
            for left in reversed(edge[:-1]):
                root = _node(left, root)
            found[count + 1] = root
    return found


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def opened(note: str, key: Ed25519PublicKey) -> Checkpoint:
    """The checkpoint in a note that the key signed. Raises Refuted."""
    text, blank, signatures = note.partition("\n\n")
    lines = text.split("\n")
    try:
        origin, size, root = lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True)
    except (IndexError, ValueError, binascii.Error):
        raise Refuted("a checkpoint says nothing of a log") from None
    public = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    wanted = hashlib.sha256(origin.encode() + b"\n\x01" + public).digest()[:4]
    for line in signatures.splitlines() if blank else ():
        _, _, encoded = line.rpartition(" ")
        try:
            signature = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error):
            continue
        if line != f"— {origin} {encoded}" or signature[:4] != wanted:
            continue
        try:
            key.verify(signature[4:], f"{text}\n".encode())
        except InvalidSignature:
            break
        return Checkpoint(origin, size, root)
    raise Refuted(f"the checkpoint at {size} entries is not signed by the key")


def verify(log: Log, key: Ed25519PublicKey, memory: str | None, copies: list[str]) -> str:
    """The newest checkpoint, which the log is what it says. Raises Refuted."""
    if not log.notes:
        raise Refuted("the log has no checkpoint")
    said = [(note, opened(note, key)) for note in log.notes]
    origin = said[0][1].origin
    seen = [("a checkpoint of the log", each) for _, each in said]
    if memory is not None:
        seen.append(("the checkpoint that was seen last time", opened(memory, key)))
    seen += [
        ("a copy of a checkpoint", each) for each in (opened(copy, key) for copy in copies) if each.origin == origin
    ]
    found = roots(log.hashes, {each.size for _, each in seen})
    for what, each in seen:
        if each.origin != origin or not origin.startswith(ORIGIN):
            raise Refuted(f"{what} is of another log: {each.origin}, not {origin}")
        if each.size not in found:
            raise Refuted(f"{what} had {each.size} entries, the log has {len(log.hashes)}: the rest is gone")
        if found[each.size] != each.root:
            raise Refuted(f"{what} had another history: the first {each.size} entries are not those it had")
    note, newest = max(said, key=lambda each: each[1].size)
    if newest.size != len(log.hashes):
        raise Refuted(f"the newest checkpoint is at {newest.size} entries, the log has {len(log.hashes)}")
    return note


def verify_proof(proof: dict[str, object], key: Ed25519PublicKey, memory: str | None) -> tuple[str, list[str]]:
    """The checkpoint that the proof ends with, and what is proved of it. Raises Refuted."""
    note = str(proof.get("checkpoint"))
    now = opened(note, key)
    if not now.origin.startswith(ORIGIN):
        raise Refuted(f"the checkpoint is of no log: {now.origin}")
    told, known = [], [now]
    if "inclusion" in proof:
        told.append(_entry(proof, now))
    if "consistency" in proof:
        known.append(_earlier(proof, now, key))
        told.append(f"the log only grew since it had {known[-1].size} entries")
    if memory is not None and (seen := opened(memory, key)) not in known:
        raise Refuted(f"the checkpoint seen last time, at {seen.size} entries, is no part of this proof")
    if not told:
        raise Refuted("the proof proves nothing")
    return note, told


def _entry(proof: dict[str, object], now: Checkpoint) -> str:
    index, leaf = proof.get("index"), proof.get("leaf")
    if not isinstance(index, int) or isinstance(index, bool):
        raise Refuted("the proof names no entry")
    whole = isinstance(leaf, str)
    found = hashlib.sha256(b"\x00" + str(leaf).encode()).digest() if whole else _hash(proof.get("hash"), 1)
    if not is_included(found, index, now.size, now.root, _path(proof, "inclusion")):
        raise Refuted(f"this is not entry {index} of the log")
    return f"entry {index} is {leaf if whole else 'pruned, and has this hash'}"


def _earlier(proof: dict[str, object], now: Checkpoint, key: Ed25519PublicKey) -> Checkpoint:
    earlier, path = opened(str(proof.get("earlier")), key), _path(proof, "consistency")
    same = earlier.origin == now.origin
    if not same or not is_consistent(earlier.size, earlier.root, now.size, now.root, path):
        raise Refuted(f"the log at {earlier.size} entries is not the beginning of the log at {now.size}")
    return earlier


def _path(proof: dict[str, object], name: str) -> list[bytes]:
    path = proof[name]
    if not isinstance(path, list):
        raise Refuted(f"the proof has no {name}")
    return [_hash(each, 1) for each in path]


def is_included(leaf: bytes, index: int, size: int, root: bytes, proof: list[bytes]) -> bool:
    """Whether `proof` shows that the leaf with this hash is `index` of the tree with this size and root."""
    if not 0 <= index < size:
        return False
    found, position, last = leaf, index, size - 1
    # RFC 9162, 2.1.3.2.
    for other in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            found = _node(other, found)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            found = _node(found, other)
        position, last = position >> 1, last >> 1
    return last == 0 and found == root


def is_consistent(earlier: int, earlier_root: bytes, size: int, root: bytes, proof: list[bytes]) -> bool:
    """Whether `proof` shows that the earlier tree is the beginning of the later one; of none, nothing is shown."""
    if not 0 < earlier <= size:
        return False
    if earlier == size:
        return not proof and earlier_root == root
    # RFC 9162, 2.1.4.2.
    rest = proof if earlier & (earlier - 1) else [earlier_root, *proof]
    if not rest:
        return False
    position, last = earlier - 1, size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = rest[0]
    for other in rest[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            old, new = _node(other, old), _node(other, new)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new = _node(new, other)
        position, last = position >> 1, last >> 1
    return last == 0 and old == earlier_root and new == root


def load_key(path: Path) -> Ed25519PublicKey:
    """The key that the verifier was given. Raises Unusable."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror}") from None
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise Unusable(f"{path} holds no Ed25519 public key")
    return key


def remember(path: Path, note: str) -> None:
    """Keep the checkpoint for next time, whole or not at all."""
    draft = path.with_name(f"{path.name}.new")
    with draft.open("w", encoding="utf-8") as file:
        file.write(note)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def main() -> int:
    """Verify one log, or a proof. Returns the process's exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--key", type=Path, required=True, help="the factory's public key, as you were given it")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--log", type=Path, help="what `millwright audit export` wrote")
    what.add_argument("--proof", type=Path, help="what `millwright audit prove` wrote")
    parser.add_argument("--memory", type=Path, help="where the newest checkpoint is kept; made if missing")
    parser.add_argument("--copies", type=Path, help="a folder of checkpoints' copies, from the bucket")
    arguments = parser.parse_args()
    if arguments.log and not arguments.memory:
        parser.error("--log needs --memory: what was never seen before proves little")
    try:
        print(_verified(arguments))
    except Refuted as refuted:
        print(f"REFUTED: {refuted}", file=sys.stderr)
        return 1
    except (Unusable, OSError, UnicodeDecodeError) as unusable:
        print(f"cannot verify: {unusable}", file=sys.stderr)
        return 2
    return 0


def _verified(arguments: argparse.Namespace) -> str:
    """What was found, in a line. Raises Refuted, Unusable, OSError."""
    key = load_key(arguments.key)
    first = not arguments.memory or not arguments.memory.exists()
    memory = None if first else arguments.memory.read_text(encoding="utf-8")
    if arguments.proof:
        note, told = verify_proof(_document(arguments.proof.read_bytes(), 1), key, memory)
        said = "; ".join(told)
    else:
        folder = sorted(arguments.copies.rglob("*")) if arguments.copies else []
        copies = [file.read_text(encoding="utf-8") for file in folder if file.is_file()]
        log = read_log(arguments.log)
        note = verify(log, key, memory, copies)
        only = f", {log.expired} of them pruned and known by their hashes alone" if log.expired else ""
        since = "first look, nothing to compare with yet" if first else "the history is the one seen last time"
        said = f"{len(log.hashes)} entries{only}, {len(log.notes)} checkpoints; {since}"
    if arguments.memory:
        remember(arguments.memory, note)
    return f"{note.splitlines()[0]}: {said}"


if __name__ == "__main__":
    sys.exit(main())
