"""Which answer of the server belongs to which message of the client, and how each ended. Pure.

What the relay refuses it replaces by a text that the server cannot read: so the error comes at its place among the
answers, and aborts what an error of the client's own would have aborted. On its way back it becomes the relay's error.
"""

import hashlib
import re
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from access.postgres import wire
from access.postgres.backend import Scanner
from access.postgres.refusals import Reason, Refused, malformed
from access.postgres.startup import UTF8

MARKER: Final = "millwright_refused_"
MARKED: Final = re.compile(rb"millwright_refused_([0-9]+)")
# What ends each kind of message of the extended protocol when it went well.
ENDS: Final[Mapping[str, bytes]] = {"P": b"1", "B": b"2", "D": b"Tn", "E": b"CIs", "C": b"3"}
# What is no answer to a message: notices, settings, errors (which may be one), and what no server sends now.
LOGIN: Final = frozenset({b"R", b"K"})
APART: Final = frozenset({b"N", b"A", b"S", b"E"}) | LOGIN
PARTS: Final = frozenset({b"C", b"G", b"H", b"W"})
FIXED: Final = {"client_encoding": UTF8, "standard_conforming_strings": frozenset({"on"})}
# SQL's own DEALLOCATE is not followed, so some are of statements that are gone.
TYPES_KEPT: Final = 20_000
Record = dict[str, Any]


class Asked(msgspec.Struct):
    """A message whose answer is not there yet. `n`: its record's number; `statement`: of a Describe of one.

    `rows`: a query whose rows the client may send without waiting for the server's word; `early`: how many COPYs of it
    the client has ended before that word came; `rows_told`: how many its tags tell.
    """

    kind: str
    n: int = 0
    began: float = 0.0
    statement: str | None = None
    rows: bool = False
    early: int = 0
    tags: list[str] = []
    rows_told: int = 0
    sqlstate: str = ""


class Replies:
    """The answers of one session's server. `outcomes` gathers the records of what ended."""

    def __init__(self, clock: Callable[[], float], now: Callable[[], float]) -> None:
        """`clock` measures, `now` dates (both in seconds)."""
        self.outcomes: list[Record] = []
        self.refused: dict[int, str] = {}
        # Of prepared statements, as the server tells them.
        self.types: dict[str, tuple[int, ...]] = {}
        # The server takes rows from the client: from its word for that to the client's word for the end.
        self.copying = False
        self._clock, self._now = clock, now
        self._asked: deque[Asked] = deque()
        self._skipping = False
        self._scanner = Scanner(self._look, self._out)
        self._digest, self._bytes = hashlib.sha256(), 0

    @property
    def whole(self) -> bool:
        """Whether what went to the client ends with a message."""
        return self._scanner.whole

    def __len__(self) -> int:
        return len(self._asked)

    def ask(self, asked: Asked) -> None:
        """The client sends this."""
        if self._skipping:
            # After an error the server is silent about everything up to the next Sync.
            if asked.kind != "S":
                self._skip(asked)
                return
            self._skipping = False
        elif self.copying and asked.kind == "S":
            return
        elif self._asked and self._asked[-1].rows:
            raise malformed("a message behind a COPY that waits for its rows")
        self._asked.append(asked)

    def rows_end(self) -> None:
        """The client has sent all rows, or gives up."""
        if not self.copying and self._asked and self._asked[-1].rows:
            self._asked[-1].early += 1
            self._asked[-1].rows = False
        self.copying = False

    def feed(self, data: bytes) -> bytes:
        """Take in what the server sent; what of it goes to the client. Raises Refused."""
        return self._scanner.feed(data)

    def _look(self, kind: bytes, body: bytes) -> bytes | None:
        if kind in APART:
            return self._apart(kind, body)
        if not self._asked:
            return None
        asked = self._asked[0]
        if kind == b"Z":
            if asked.kind not in "QS":
                raise malformed("the database is ready where it has not answered")
            self._end()
        elif asked.kind != "S":
            if kind in PARTS:
                self._part(asked, kind, body)
            if asked.kind != "Q":
                self._answer(asked, kind, body)
        return None

    def _apart(self, kind: bytes, body: bytes) -> bytes | None:
        if kind == b"E":
            return self._error(body)
        if kind == b"S":
            _check_setting(body)
        elif kind in LOGIN:
            raise malformed("the database begins a login where there is none")
        return None

    def _answer(self, asked: Asked, kind: bytes, body: bytes) -> None:
        if kind == b"t" and asked.statement is not None:
            if len(self.types) > TYPES_KEPT:
                self.types.clear()
            count = len(body[2:]) // 4
            self.types[asked.statement] = tuple(
                int.from_bytes(body[2 + 4 * each : 6 + 4 * each], "big") for each in range(count)
            )
        elif kind in ENDS[asked.kind]:
            if kind == b"s":
                asked.tags.append("suspended")
            self._end()

    def _part(self, asked: Asked, kind: bytes, body: bytes) -> None:
        match kind:
            case b"C":
                asked.tags.append(tag := body.rstrip(b"\0").decode(errors="replace"))
                asked.rows_told += _rows(tag)
                self._copied_out(asked)
            case b"G":
                self._copy_in(asked)
            case b"H":
                self._digest, self._bytes = hashlib.sha256(), 0
            case b"W":
                raise Refused(Reason.REPLICATION, "42501", "a grant gives no replication connection")

    def _copy_in(self, asked: Asked) -> None:
        asked.rows = False
        if asked.early:
            asked.early -= 1
            return
        # A Sync that came behind the COPY is not answered: the server was taking rows by then.
        behind = [each for each in self._asked if each is not asked and each.kind != "S"]
        if behind:
            raise malformed("a message behind a COPY that waits for its rows")
        self._asked = deque([asked])
        self.copying = True

    def _out(self, part: bytes) -> None:
        self._digest.update(part)
        self._bytes += len(part)

    def _copied_out(self, asked: Asked) -> None:
        if self._bytes:
            told = {"of": asked.n, "bytes": self._bytes, "sha256": self._digest.hexdigest()}
            self._tell("copy_out", **told)
            self._digest, self._bytes = hashlib.sha256(), 0

    def _error(self, body: bytes) -> bytes | None:
        fields = wire.read_fields(body)
        sqlstate, mine = fields.get("C", ""), self._refusal(body)
        if not self._asked:
            self._tell("server_error", sqlstate=sqlstate)
            return None
        asked = self._asked[0]
        asked.sqlstate, asked.rows = "42501" if mine else sqlstate, False
        self.copying = False
        if asked.kind not in "QS":
            self._end()
            self._skip_to_sync()
        return mine

    def _refusal(self, body: bytes) -> bytes | None:
        found = MARKED.search(body)
        why = self.refused.pop(int(found[1]), "") if found else ""
        return wire.error("ERROR", "42501", f"refused by the relay: {why}") if why else None

    def _skip_to_sync(self) -> None:
        while self._asked:
            if self._asked[0].kind == "S":
                return
            self._skip(self._asked.popleft())
        self._skipping = True

    def _skip(self, asked: Asked) -> None:
        self.refused.pop(asked.n, None)
        if asked.n:
            self._tell("outcome", of=asked.n, skipped=True)

    def _end(self) -> None:
        asked = self._asked.popleft()
        if asked.n and (asked.kind in "QE" or asked.sqlstate):
            ms = round((self._clock() - asked.began) * 1000, 3)
            found = {"tags": asked.tags, "rows": asked.rows_told, "sqlstate": asked.sqlstate, "ms": ms}
            self.outcomes.append({"at": self._now(), "kind": "outcome", "of": asked.n, **found})
        elif asked.sqlstate:
            self._tell("server_error", sqlstate=asked.sqlstate)

    def _tell(self, kind: str, **facts: object) -> None:
        self.outcomes.append({"at": self._now(), "kind": kind, **facts})


def _rows(tag: str) -> int:
    """`INSERT 0 3`, `SELECT 3`, `BEGIN`."""
    last = tag.rpartition(" ")[2]
    return int(last) if last.isdecimal() else 0


def _check_setting(body: bytes) -> None:
    """A function of the database's may have changed what `statements` keeps a client from changing."""
    name, _, value = body.decode(errors="replace").rstrip("\0").partition("\0")
    if name in FIXED and value.lower() not in FIXED[name]:
        raise Refused(
            Reason.ENCODING, "42501", f"{name} has become {value}: the relay would read other text than the server"
        )
