"""What a text of SQL does, by PostgreSQL's own grammar (postgast, libpg_query), and what of it may be recorded. Pure.

This is the second wall: the first is what the grant's role may do in the database. What a function of the database's
own does cannot be seen here.
"""

import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import postgast
from google.protobuf.message import DecodeError, Message

from access.postgres.catalogue import FUNCTIONS, KNOWN, STATEMENTS
from access.postgres.kinds import StatementKind as Kind
from access.postgres.startup import UTF8
from access.postgres.texts import plain, without_constants
from access.redaction import NAMES

NODE: Final = "pg_query.Node"
ACCESS_SHARE: Final = 1
# Two changes of this would leave the relay reading other text than the server, or the server running on alone.
FIXED: Final = {"standard_conforming_strings": frozenset({"on", "true", "1"}), "client_encoding": UTF8 | {"utf-8"}}
KEPT: Final = "client_connection_check_interval"


class Judgement(NamedTuple):
    """What a text does: `kinds` of all of its statements; `never`: why nobody may, whatever a grant says.

    `text` is what may be recorded; `hides`: the values of its parameters may not be. `prepares` and `executes`: the
    names of statements that SQL's PREPARE and EXECUTE in it are about.
    """

    kinds: frozenset[Kind]
    text: str
    never: str = ""
    hides: bool = False
    prepares: tuple[str, ...] = ()
    executes: tuple[str, ...] = ()

    @property
    def does(self) -> list[str]:
        """Its kinds, in the order in which they are recorded."""
        return _in_order(self.kinds)

    def refusal(self, allowed: frozenset[Kind]) -> str:
        """Why it is not passed on; "" when it is."""
        if self.never:
            return self.never
        if self.kinds <= allowed:
            return ""
        return f"this grant allows no {', '.join(sorted(self.kinds - allowed))}"


@functools.lru_cache
def _in_order(kinds: frozenset[Kind]) -> list[str]:
    return sorted(kind.value for kind in kinds)


def judge(text: str, hidden: Sequence[str] = ()) -> Judgement:
    """Read a text. `hidden`: patterns of columns whose values are not recorded, besides those named like passwords.

    A statement that names such a column, or sets a password, is recorded with its constants taken out.
    """
    if text in KNOWN:
        return Judgement(KNOWN[text], text)
    try:
        tree = postgast.parse(text)
    except postgast.PgQueryError as error:
        return unread(text, f"it cannot be read: {error}")
    except DecodeError:
        return unread(text, "it is nested more deeply than can be read here")
    reading = _Reading(re.compile("|".join((NAMES.pattern, *hidden)), re.IGNORECASE))
    for statement in tree.stmts:
        reading.visit(statement.stmt)
    hides = reading.hides
    recorded = without_constants(text) if hides else plain(text)
    names = tuple(reading.prepares), tuple(reading.executes)
    return Judgement(frozenset(reading.kinds), recorded, reading.never, hides, *names)


def unread(text: str, why: str) -> Judgement:
    """A text that nobody could read: refused, whatever the grant allows."""
    return Judgement(frozenset({Kind.OTHER}), without_constants(text), why, hides=True)


class _Reading:
    def __init__(self, hidden: re.Pattern[str]) -> None:
        self._hidden = hidden
        self.kinds: set[Kind] = set()
        self.never = ""
        self.hides = False
        self.prepares: list[str] = []
        self.executes: list[str] = []

    def visit(self, root: Message) -> None:
        """Everything below, without recursion: how deep a text goes is its author's choice."""
        left: list[Any] = [root]
        while left:
            message = left.pop()
            if message.DESCRIPTOR.full_name == NODE:
                kind = message.WhichOneof("node")
                if kind is None:
                    continue
                message = getattr(message, kind)
                if not self._node(kind, message):
                    continue
            left.extend(_below(message))

    def _node(self, kind: str, node: Any) -> bool:
        """Take in one node; whether what is below it counts, too."""
        if kind == "update_stmt" and node.relation.relname == "pg_settings":
            # A rule of PostgreSQL's makes a SET of it, by a name and a value that need not be in the text.
            self.never = "pg_settings is changed by SET"
        if kind.endswith("_stmt"):
            return self._statement(kind, node)
        match kind:
            case "func_call":
                self._function(node)
            case "column_ref" if node.fields and node.fields[-1].HasField("string"):
                self._named(node.fields[-1].string.sval)
            case "res_target":
                self._named(node.name)
            case "def_elem":
                self._named(node.defname)
            case "locking_clause":
                self.kinds.add(Kind.WRITE)
            case "alter_table_cmd" if node.HasField("newowner"):
                self.kinds.add(Kind.ROLE)
        return True

    def _named(self, name: str) -> None:
        if name and not self.hides and self._hidden.search(name):
            self.hides = True

    def _statement(self, kind: str, node: Any) -> bool:
        match kind:
            case "select_stmt":
                # The rows of an INSERT are written as VALUES, and read nothing.
                if not (node.values_lists and self.kinds):
                    self.kinds.add(Kind.READ)
                self.kinds |= set(_selected(node))
            case "copy_stmt":
                self._copy(node)
            case "variable_set_stmt":
                self._setting(node)
            case "transaction_stmt":
                self.kinds.add(Kind.MAINTENANCE if node.gid else Kind.TRANSACTION)
            case "lock_stmt":
                self.kinds.add(Kind.READ if node.mode == ACCESS_SHARE else Kind.WRITE)
            case "explain_stmt":
                self.kinds.add(Kind.READ)
                # Without it nothing is run. Whether its value says "off" is not looked at.
                return any(option.def_elem.defname.lower() == "analyze" for option in node.options)
            case "load_stmt":
                self.never = "LOAD brings code into the server"
            case "alter_system_stmt" | "alter_role_set_stmt" | "alter_database_set_stmt" | "create_function_stmt":
                self.kinds |= STATEMENTS[kind]
                # Settings in there are not of this session.
                return kind != "alter_system_stmt"
            case _:
                self.kinds |= STATEMENTS.get(kind, {Kind.OTHER})
                self._prepared(kind, node)
        return True

    def _prepared(self, kind: str, node: Any) -> None:
        match kind:
            case "prepare_stmt":
                self.prepares.append(node.name)
            case "execute_stmt":
                self.executes.append(node.name)

    def _copy(self, node: Any) -> None:
        if node.is_program:
            self.never = "COPY with a program of the server's"
        elif node.filename:
            self.never = "COPY with a file of the server's"
        self.kinds |= {Kind.COPY_IN, Kind.WRITE} if node.is_from else {Kind.COPY_OUT, Kind.READ}

    def _setting(self, node: Any) -> None:
        name = node.name.lower()
        match name:
            case "role" | "session_authorization":
                self.kinds.add(Kind.ROLE)
                return
            case "transaction" | "transaction snapshot":
                self.kinds.add(Kind.TRANSACTION)
            case _:
                self.kinds.add(Kind.SESSION)
        self._fixed(name, [arg.a_const.sval.sval or str(arg.a_const.ival.ival) for arg in node.args])
        self._named(name)

    def _fixed(self, name: str, values: Iterable[str]) -> None:
        if name == KEPT:
            self.never = f"{KEPT} is the relay's"
        if name in FIXED and any(value.lower() not in FIXED[name] for value in values):
            self.never = f"{name} has to stay as it is: otherwise text means one thing here and another one there"

    def _function(self, node: Any) -> None:
        name = node.funcname[-1].string.sval.lower() if node.funcname else ""
        if name == "set_config":
            self._set_config([_constant(arg) for arg in node.args])
            return
        for names, kind in FUNCTIONS:
            if names.match(name):
                self.kinds.add(kind)
                return

    def _set_config(self, arguments: Sequence[str | None]) -> None:
        name = (arguments[0] if arguments else None) or ""
        if not name or name.lower() in ("role", "session_authorization"):
            # A name that comes at run time may be any.
            self.kinds.add(Kind.ROLE)
        self.kinds.add(Kind.SESSION)
        self._fixed(name.lower(), [arguments[1] or "" if len(arguments) > 1 else ""])


def _selected(node: Any) -> Iterator[Kind]:
    if node.HasField("into_clause"):
        yield from (Kind.DDL, Kind.WRITE)


def _constant(argument: Any) -> str | None:
    """The text of a constant that stands at its place, without a name and without a cast."""
    found = argument.a_const
    return found.sval.sval if argument.HasField("a_const") and found.HasField("sval") else None


def _below(message: Any) -> Iterator[Any]:
    for field, value in message.ListFields():
        if field.message_type is not None:
            if isinstance(value, Message):
                yield value
            else:
                yield from value
