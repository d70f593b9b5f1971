"""What was said in a session, from its records: statements, calls and requests, each with what became of it. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Record = dict[str, Any]
OK: Final = 200


@dataclass
class Said:
    """One statement, call, operation on a file, or request of git's or of an API, and what became of it.

    `at`: seconds since the epoch; `ms`: how long it took.

    `values` are what stood in place of its parameters, redacted where they may be credentials. `refused`: why it was
    not passed on. `sqlstate`: the code of an error, a call's too; "": it was done; None: no outcome came.
    """

    at: float
    text: str
    values: list[Any] = field(default_factory=list)
    refused: str = ""
    tags: list[str] = field(default_factory=list)
    rows: int = 0
    sqlstate: str | None = None
    ms: float = 0.0
    skipped: bool = False


def said(records: Iterable[Record]) -> Iterator[Said]:
    """What was said, in its order, from the records of one session. Raises KeyError for what is no record."""
    dialogue = _Prepared()
    found: dict[int, Said] = {}
    for each in records:
        kind = each["kind"]
        if (end := ENDS.get(kind)) and each["of"] in found:
            end(found[each["of"]], each)
        elif (asked := dialogue.asked(each)) is not None:
            found[each.get("n", 0)] = asked
        elif tell := WHOLE.get(kind):
            text, values = tell(each)
            found[each.get("n", 0)] = Said(each["at"], text, values, refused=each.get("refused", ""))
    yield from found.values()


class _Prepared:
    """PostgreSQL's extended protocol: what is executed was parsed and bound before."""

    def __init__(self) -> None:
        self._statements: dict[str, str] = {}
        self._portals: dict[str, tuple[str, list[Any]]] = {}

    def asked(self, record: Record) -> Said | None:
        """What is said by a record; None where that is nothing by itself."""
        match record["kind"]:
            case "parse":
                self._statements[record["statement"]] = record["text"]
                if "refused" in record:
                    return Said(record["at"], record["text"], refused=record["refused"])
            case "bind":
                text = self._statements.get(record["statement"], "(unknown)")
                self._portals[record["portal"]] = (text, record["values"])
            case "execute":
                return Said(record["at"], *self._portals.get(record["portal"], ("(unknown)", [])))
        return None


def _came_of(one: Said, outcome: Record) -> None:
    one.tags, one.rows = outcome.get("tags", []), outcome.get("rows", 0)
    one.sqlstate, one.ms = outcome.get("sqlstate", outcome.get("error", "")), outcome.get("ms", 0.0)
    one.skipped = outcome.get("skipped", False)


def _answered(one: Said, answer: Record) -> None:
    """What the model answered, in words: its tokens, or its size where it counted none."""
    usage = answer["usage"]
    if usage:
        read = usage["input"] + usage["cache_written"] + usage["cache_read"]
        one.tags = [f"{read} tokens in, {usage['output']} out"]
    else:
        one.tags = [f"{answer['bytes']} bytes"]
    one.sqlstate = answer["broken"] or ("" if answer["status"] == OK else f"HTTP {answer['status']}")
    one.ms = answer["ms"]


Told = tuple[str, list[Any]]


def _call(record: Record) -> Told:
    return f"{record['service']}:{record['operation']} {' '.join(record['resources'])}", [record["parameters"]]


def _push(record: Record) -> Told:
    moved = f"{record['ref']} {record['old'][:12]}..{record['new'][:12]}"
    return f"push {moved} ({record['size']} bytes, sha256 {record['pack']})", []


def _fetch(record: Record) -> Told:
    more = record.get("wanted", 0) - len(record["wants"])
    rest = [f"and {more} more (sha256 of all {record['sha256']})"] if more > 0 else []
    return " ".join(["fetch", *record["wants"], *rest]), []


def _file(record: Record) -> Told:
    moved = [f"{way} {record[way]['bytes']} bytes" for way in ("read", "written") if way in record]
    digests = [f"sha256 {record[way]['sha256']}" for way in ("read", "written") if "sha256" in record.get(way, {})]
    return " ".join([record["operation"], *record["about"], *moved, *digests]), []


# What one record says whole, by its kind: its text, and its values.
WHOLE: Final[Mapping[str, Callable[[Record], Told]]] = {
    "query": lambda record: (record["text"], []),
    "function_call": lambda _: ("(function call)", []),
    "request": lambda record: (record["text"], []),
    "call": _call,
    "model_call": lambda record: (f"model {record['model']}: {record['bytes']} bytes", []),
    "push": _push,
    "fetch": _fetch,
    "file": _file,
    "refs": lambda record: (f"refs for {record['service']}", []),
}
# What tells what became of one of these.
ENDS: Final[Mapping[str, Callable[[Said, Record], None]]] = {"outcome": _came_of, "model_answer": _answered}
