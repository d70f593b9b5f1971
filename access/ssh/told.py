"""Recordings of the bastion read back: what was done in a session, and what came of it. Pure."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

# What says no more than where somebody looked.
PLACES = ("path", "to", "open")


@dataclass(frozen=True)
class Done:
    """One thing. `at`: seconds since the epoch; `error`: None when nothing came of it, "" when it went well."""

    at: float
    text: str
    tags: tuple[str, ...] = ()
    refused: str = ""
    error: str | None = None
    ms: float = 0.0


@dataclass(frozen=True)
class Told:
    """One session. `ended`: why, None when it has not."""

    client: str
    began: float
    ended: str | None
    done: list[Done] = field(default_factory=list)


def terminal(records: list[Any]) -> Told:
    """A command or a shell, from an asciicast. Raises ValueError, KeyError, TypeError for what is none."""
    header, *lines = records
    about = header["millwright"]
    text = header.get("command", "a shell")
    if not lines or lines[-1][1] != "x":
        return Told(about["client"], about["at"], None, [Done(about["at"], text)])
    took, _, said = lines[-1]
    end = json.loads(said)
    tags = (f"{end['bytes']} bytes of output", f"sha256:{end['sha256']}")
    status = "" if end["status"] == "0" else f"status {end['status'] or 'unknown'}"
    return Told(about["client"], about["at"], _why(end), [Done(about["at"], text, tags, "", status, took * 1000)])


def files(records: list[dict[str, Any]]) -> Told:
    """Operations of sftp or scp. Raises ValueError, KeyError, TypeError."""
    start, *rest = records
    outcomes = {each["of"]: each for each in rest if each["kind"] == "outcome"}
    end = next((each for each in rest if each["kind"] == "session_end"), None)
    return Told(start["client"], start["at"], None if end is None else _why(end), list(_operations(rest, outcomes)))


def _operations(records: list[dict[str, Any]], outcomes: dict[int, dict[str, Any]]) -> Iterator[Done]:
    opened = {each["n"]: each["path"] for each in records if each["kind"] == "open"}
    for each in records:
        if "n" not in each:
            continue
        places = [str(opened.get(each[name]) if name == "open" else each[name]) for name in PLACES if name in each]
        if flags := each.get("flags"):
            places.append(f"({flags})")
        moved = tuple(_moved(way, each[way]) for way in ("read", "written") if way in each)
        outcome = outcomes.get(each["n"], {})
        yield Done(
            each["at"],
            " ".join([each["kind"], *places]),
            moved,
            outcome.get("refused", ""),
            outcome.get("error", "") if outcome else None,
            (outcome["at"] - each["at"]) * 1000 if outcome else 0.0,
        )


def _moved(way: str, told: dict[str, Any]) -> str:
    digest = f" sha256:{told['sha256']}" if "sha256" in told else " in pieces"
    return f"{told['bytes']} bytes {way}{digest}"


def _why(end: dict[str, Any]) -> str:
    return str(end["detail"]) or "it was over"
