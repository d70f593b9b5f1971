"""Bytes that no client's library would send to the database's door: refused by their SQLSTATE, and in the audit log.

Each is sent at a real database's grant, beside the same bytes as they would be fine.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from database_place import NAME, OWNER, database_place
from database_plane import Plane, database_plane
from grant_place import RULES
from grant_waits import wait_for
from postgres_raw import Raw, cancel, fields, startup
from postgres_standin import message

from access.audit import SHARED
from access.grants import Given
from factory.spec import Scope

pytestmark = pytest.mark.engine
SYNC = message(b"S")


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """One for all: each has a grant of its own."""
    with database_place(tmp_path_factory.mktemp("postgres")) as server:
        with server.owner() as owns:
            owns.run("CREATE TABLE loot (what text)")
        with database_plane(tmp_path_factory.mktemp("plane"), server) as made:
            made.place.rules([{**RULES[0], "scope": "admin"}])
            yield made


def query(text: str) -> bytes:
    return message(b"Q", text.encode() + b"\0")


def extended(text: str, name: str = "") -> bytes:
    """Parse, Bind and Execute, without a Sync."""
    named = name.encode() + b"\0"
    parse = message(b"P", named + text.encode() + b"\0\0\0")
    return parse + message(b"B", b"\0" + named + b"\0\0\0\0\0\0") + message(b"E", b"\0\0\0\0\0")


def rows(*lines: bytes) -> bytes:
    return b"".join(message(b"d", line) for line in lines) + message(b"c")


@dataclass(frozen=True)
class Smuggled:
    """What is sent after the login by a holder of `scope`, and what it is refused by. `beside`: what passes.

    `whole` is whether all of it is sent at once, or byte by byte. `ends`: the session ends with it.
    """

    sent: bytes
    beside: bytes
    sqlstate: str = "42501"
    reason: str = "statement"
    scope: Scope = Scope.READ
    whole: bool = True
    ends: bool = False


STEAL, LOOK = "INSERT INTO loot VALUES ('stolen')", "SELECT * FROM loot"
COPY_IN = "COPY loot FROM STDIN"
FUNCTION = struct.pack("!IHHIH", 2880, 0, 0, 0, 0)
SMUGGLED = {
    "between two of a pipeline": Smuggled(query(LOOK) + query(STEAL) + query(LOOK), query(LOOK) * 3),
    "in a batch without a Sync": Smuggled(
        extended(LOOK) + extended(STEAL) + SYNC, extended(LOOK) + extended(LOOK) + SYNC
    ),
    "byte by byte": Smuggled(query(STEAL), query(LOOK), whole=False),
    "behind a semicolon": Smuggled(query(f"{LOOK}; {STEAL}"), query(f"{LOOK}; {LOOK}")),
    "in a CTE": Smuggled(query(f"WITH x AS ({STEAL} RETURNING *) {LOOK}"), query(f"WITH x AS ({LOOK}) {LOOK}")),
    "in EXPLAIN ANALYZE": Smuggled(query(f"EXPLAIN ANALYZE {STEAL}"), query(f"EXPLAIN {LOOK}")),
    "behind the end of a text": Smuggled(
        message(b"Q", f"{LOOK}\0{STEAL}\0".encode()), query(LOOK), "08P01", "framing", ends=True
    ),
    "in a message that is longer than it says": Smuggled(
        b"Q\0\0\0\x0cSELECT \0" + query(STEAL)[5:], query(LOOK), "08P01", "framing", ends=True
    ),
    "shorter than its own length": Smuggled(b"Q\0\0\0\3", query(LOOK), "08P01", "framing", ends=True),
    "COPY in": Smuggled(query(COPY_IN) + rows(b"stolen\n"), query("COPY loot TO STDOUT")),
    "COPY in, in a batch": Smuggled(
        extended(COPY_IN) + SYNC, extended("COPY loot TO STDOUT") + SYNC
    ),
    "COPY of what it changes": Smuggled(
        query(f"COPY ({STEAL} RETURNING *) TO STDOUT"), query(f"COPY ({LOOK}) TO STDOUT")
    ),
    "COPY from a program": Smuggled(
        query("COPY loot FROM PROGRAM 'id'"), query("BEGIN;COPY loot FROM STDIN") + rows() + query("ROLLBACK"),
        scope=Scope.ADMIN,
    ),
    "COPY to a file": Smuggled(
        query("COPY loot TO '/tmp/loot'"), query("COPY loot TO STDOUT"), scope=Scope.ADMIN
    ),
    "a statement within a COPY": Smuggled(
        query(COPY_IN) + message(b"d", b"x\n") + query("ALTER TABLE loot ADD y int"),
        query("BEGIN;" + COPY_IN) + rows(b"x\n") + query("ROLLBACK"),
        "08P01", "framing", Scope.WRITE, ends=True,
    ),
    "a function by its number": Smuggled(message(b"F", FUNCTION), query("SELECT now()"), "42501", "function_call"),
    "PREPARE": Smuggled(query(f"PREPARE p AS {STEAL}"), query(f"PREPARE p AS {LOOK}; EXECUTE p")),
    "a statement of a name": Smuggled(extended(STEAL, "p") + SYNC, extended(LOOK, "p") + SYNC),
    "a name that is made at run time": Smuggled(
        query("SELECT set_config('ro' || 'le', 'tally', false)"),
        query("SELECT set_config('search_path', 'public', false)"),
    ),
    "code": Smuggled(query("DO 'BEGIN END'"), query("BEGIN; ROLLBACK"), scope=Scope.ADMIN),
    "a message of no type": Smuggled(message(b"z", b"x"), query(LOOK), "08P01", "framing", ends=True),
    "a message of the server's": Smuggled(message(b"W", b"\0\0\0"), query(LOOK), "08P01", "framing", ends=True),
    "a password once more": Smuggled(message(b"p", b"x\0"), query(LOOK), "08P01", "framing", ends=True),
}  # fmt: skip


def let_in(plane: Plane, given: Given, **more: str) -> Raw:
    """A client that is in, and has read its greeting."""
    raw = Raw(plane).secure()
    raw.send(startup({"user": given.grant.provider_ref, "database": NAME} | more))
    raw.prove(given.token)
    raw.until(b"Z")
    return raw


def said(raw: Raw, sent: bytes, syncs: int, *, whole: bool = True) -> list[str]:
    """The SQLSTATEs of the errors in the answer: so many ReadyForQuery, or the end."""
    for part in [sent] if whole else [sent[at : at + 1] for at in range(len(sent))]:
        raw.send(part)
    heard: list[tuple[bytes, bytes]] = []
    for _ in range(syncs):
        heard += raw.until(b"Z")
        if not heard[-1][0]:
            break
    return [fields(body)["C"] for kind, body in heard if kind == b"E"]


def syncs(sent: bytes) -> int:
    """How many ReadyForQuery answer it."""
    found, at = 0, 0
    while at < len(sent):
        found += sent[at : at + 1] in (b"Q", b"S", b"F")
        at += 1 + struct.unpack_from("!I", sent, at + 1)[0]
    return found


def stolen(plane: Plane) -> int:
    with plane.server.owner() as owns:
        return int(owns.run("SELECT count(*) FROM loot")[0][0])


@pytest.mark.parametrize("name", SMUGGLED)
def test_what_is_smuggled_in_is_refused_by_its_code_and_logged(name: str, plane: Plane) -> None:
    attack, given = SMUGGLED[name], plane.given(SMUGGLED[name].scope)
    with let_in(plane, given) as raw:
        assert said(raw, attack.beside, syncs(attack.beside)) == []
    with let_in(plane, given) as raw:
        count = 9 if attack.ends else syncs(attack.sent)
        assert said(raw, attack.sent, count, whole=attack.whole) == [attack.sqlstate]
        # What ends a session ends that one; any other goes on.
        assert (raw.next()[0] if attack.ends else "".join(said(raw, query(LOOK), 1))) in (b"", "")
    entry = plane.place.logged("statement.refused", reason=attack.reason, grant=given.grant.id)
    assert (entry["app"], entry["actor"]) == ("tally", given.grant.principal)
    assert stolen(plane) == 0


STRANGER = "mw_00000000000000000000000000000000"
# What a start-up asks for, its SQLSTATE, the code, and whether the log of the grant's app has it or that of nobody's.
START_UP = {
    "a role by options": ({"options": "-c role=tally"}, "42501", "options", True),
    "empty options": ({"options": ""}, "42501", "options", True),
    "a role": ({"role": "tally"}, "42501", "options", True),
    "somebody's session": ({"session_authorization": "tally"}, "42501", "options", True),
    "a server that runs on alone": ({"client_connection_check_interval": "0"}, "42501", "options", True),
    "replication": ({"replication": "true"}, "42501", "replication", True),
    "replication of a database": ({"replication": "database"}, "42501", "replication", True),
    "another encoding": ({"client_encoding": "SJIS"}, "22023", "encoding", True),
    "another database": ({"database": "postgres"}, "3D000", "database", True),
    "a template": ({"database": "template1"}, "3D000", "database", True),
    "the owner": ({"user": OWNER}, "28P01", "credentials", False),
    "a role of no grant": ({"user": STRANGER}, "28P01", "credentials", False),
}


@pytest.mark.parametrize("name", START_UP)
def test_a_start_up_that_asks_for_more_is_refused_by_its_code_and_logged(name: str, plane: Plane) -> None:
    asked, sqlstate, reason, known = START_UP[name]
    given = plane.given()
    login = {"user": given.grant.provider_ref, "database": NAME}
    with Raw(plane) as raw:
        raw.secure().send(startup(login | asked))
        if reason in ("database", "credentials"):
            raw.prove(given.token)
        kind, body = raw.everything()[-1]
        assert (kind, fields(body)["S"], fields(body)["C"]) == (b"E", "FATAL", sqlstate)
    if known:
        plane.place.logged("login.refused", reason=reason, grant=given.grant.id)
    else:
        detail = f'{asked["user"]}: password authentication failed for user "{asked["user"]}"'
        plane.place.logged("login.refused", log=SHARED, reason=reason, grant="", detail=detail)
    assert plane.server.backends(given.grant.provider_ref) == 0
    with let_in(plane, given, TimeZone="UTC", statement_timeout="5s") as raw:
        assert said(raw, query(LOOK), 1) == []


@pytest.mark.parametrize("token", ["", "wrong"])
def test_a_query_behind_a_password_that_is_none_is_not_run_and_logged(token: str, plane: Plane) -> None:
    given = plane.given(Scope.WRITE)
    start = startup({"user": given.grant.provider_ref, "database": NAME})
    with Raw(plane) as raw:
        raw.secure().send(start if token else start + query(STEAL))
        if token:
            raw.prove(token)
            raw.send(query(STEAL))
        assert fields(raw.everything()[-1][1])["C"] == ("28P01" if token else "08P01")
    reason = "credentials" if token else "framing"
    plane.place.logged("login.refused", reason=reason, grant=given.grant.id)
    assert stolen(plane) == 0
    # Behind the right one it is run, at once.
    with Raw(plane) as raw:
        raw.secure().send(start)
        raw.prove(given.token)
        raw.send(query(f"BEGIN; {STEAL}; ROLLBACK"))
        raw.until(b"Z")
        assert b"E" not in [kind for kind, _ in raw.until(b"Z")]


def test_nobody_but_who_has_a_sessions_key_cancels_it_and_that_is_logged(plane: Plane) -> None:
    given, other = plane.given(), plane.given()
    runs = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"
    with Raw(plane) as victim, Raw(plane) as foreign, plane.server.owner() as owns:
        keys = []
        for raw, of in ((victim, given), (foreign, other)):
            raw.secure().send(startup({"user": of.grant.provider_ref, "database": NAME}))
            raw.prove(of.token)
            keys.append(dict(raw.until(b"Z"))[b"K"])
        (process, key), (theirs, other_key) = ((struct.unpack_from("!I", each)[0], each[4:]) for each in keys)
        victim.send(query("SELECT pg_sleep(600)"))
        wait_for(lambda: owns.run(runs) == [[1]])
        # Another grant's key, another grant's process, and the server's own number of it.
        (backend,) = owns.run("SELECT pid FROM pg_stat_activity WHERE usename = :u", u=given.grant.provider_ref)[0]
        for packet in (cancel(process, other_key), cancel(theirs, key), cancel(backend, key), cancel(process, b"")):
            with Raw(plane, first=packet) as attacker:
                assert attacker.everything() == []
            plane.place.logged("login.refused", log=SHARED, reason="cancel_key" if packet[12:] else "framing")
        assert owns.run(runs) == [[1]]
        with Raw(plane, first=cancel(process, key)) as holder:
            assert holder.everything() == []
        assert fields(victim.until(b"Z")[-2][1])["C"] == "57014"
