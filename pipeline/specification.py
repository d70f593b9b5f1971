"""What was submitted, as one digest: the change's file and its held-out criteria together."""

from pathlib import Path

from factory.errors import InputError
from factory.fingerprints import fingerprint
from factory.paths import FactoryRoot, private_folder
from pipeline.changefiles import ChangeFile, HeldOut, load_change, load_held_out
from pipeline.records import ChangeRecord


def digest_of(root: FactoryRoot, app: str, change: str) -> str:
    """The digest of a change as it stands in its files now. It tells nothing of their text."""
    return _digest(load_change(root, app, change), load_held_out(root, app, change))


def as_submitted(root: FactoryRoot, record: ChangeRecord) -> tuple[ChangeFile, HeldOut]:
    """The change and its held-out criteria, if they are what was submitted. Raises InputError when they are not."""
    change = load_change(root, record.app, record.change)
    held_out = load_held_out(root, record.app, record.change)
    if _digest(change, held_out) != record.digest:
        raise InputError(
            f"the files of {record.change} were edited after it was submitted",
            hint="take the edit back and try again, or cancel the change and submit it anew",
        )
    return change, held_out


def report_file(root: FactoryRoot, record: ChangeRecord) -> Path:
    """Where the newest test report of a change stands whole, with held-out text: for people, never for agents."""
    return private_folder(root.reports) / f"{record.id.replace('/', '.')}.json"


def _digest(change: ChangeFile, held_out: HeldOut) -> str:
    return fingerprint({"change": change.digest, "held-out": held_out.digest})
