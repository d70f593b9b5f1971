"""Who comes to the relay in another way than its clients do is refused, recorded, and told no more than they may."""

import os
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from postgres_place import DATABASE, OWNER, TOKEN, Database, Place, database, relay, wait_for
from postgres_raw import GSS_REQUEST, SSL_REQUEST, Raw, cancel, fields, startup
from postgres_standin import message

pytestmark = pytest.mark.engine
LOGIN = {"user": "agent-g1", "database": DATABASE}


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with database(tmp_path_factory.mktemp("db")) as found:
        yield found


@pytest.fixture
def place(tmp_path: Path, db: Database) -> Iterator[Place]:
    with relay(tmp_path / "relay") as found:
        found.open(db)
        yield found


def reasons(place: Place, count: int) -> list[str]:
    """The codes of all refusals, once there are so many."""
    # Told first, and written down then.
    wait_for(lambda: min(len(place.told("login_refused")), len(place.refusals())) >= count)
    assert [each["reason"] for each in place.refusals()] == [each.reason for each in place.told("login_refused")]
    return [each["reason"] for each in place.refusals()]


def test_nobody_comes_in_without_tls(place: Place, db: Database) -> None:
    with pytest.raises(psycopg.OperationalError, match="with TLS only"):
        place.connect(sslmode="disable")
    with Raw(place, first=b"GET / HTTP/1.1\r\n\r\n") as client:
        assert client.everything() == []
    with Raw(place, first=startup(LOGIN, 2 << 16)) as client:
        assert client.everything() == []
    # What comes behind the request for TLS, without TLS, is taken for a handshake.
    with Raw(place, first=SSL_REQUEST + startup(LOGIN)) as client:
        assert client.socket.recv(1) == b"S"
        assert client.everything() == []
    assert reasons(place, 4) == ["tls", "framing", "framing", "tls"]
    assert db.backends() == 0
    with Raw(place, first=GSS_REQUEST) as client:
        assert client.socket.recv(1) == b"N"
        client.send(SSL_REQUEST)
        client.secure().log_in().until(b"Z")
    place.connect().close()


def test_tls_may_begin_at_once_when_it_names_its_protocol(place: Place) -> None:
    with Raw(place, first=b"") as client:
        assert client.secure_at_once().everything() == []
    assert reasons(place, 1) == ["tls"]
    with Raw(place, first=b"") as client:
        assert client.secure_at_once("postgresql").log_in().until(b"Z")[-1] == (b"Z", b"I")
    place.connect(sslnegotiation="direct", sslmode="verify-ca").close()


TRICKS: list[tuple[dict[str, str], str, str]] = [
    ({"options": "-c role=postgres"}, "42501", "options"),
    ({"options": ""}, "42501", "options"),
    ({"role": "postgres"}, "42501", "options"),
    ({"session_authorization": "postgres"}, "42501", "options"),
    ({"client_connection_check_interval": "0"}, "42501", "options"),
    ({"replication": "true"}, "42501", "replication"),
    ({"replication": "database"}, "42501", "replication"),
    ({"Replication": "off"}, "42501", "replication"),
    ({"client_encoding": "SJIS"}, "22023", "encoding"),
    ({"standard_conforming_strings": "off"}, "22023", "encoding"),
    ({"database": "postgres"}, "3D000", "database"),
    ({"database": "template1"}, "3D000", "database"),
    ({"user": OWNER}, "28P01", "credentials"),
    ({"user": "rdsadmin"}, "28P01", "credentials"),
    ({"user": "agent-g1 "}, "28P01", "credentials"),
]


def test_a_start_up_that_asks_for_more_is_refused(place: Place, db: Database) -> None:
    for number, (trick, sqlstate, reason) in enumerate(TRICKS, 1):
        with Raw(place) as client:
            client.secure().send(startup(LOGIN | trick))
            if reason in ("database", "credentials"):
                client.prove()
            kind, body = client.everything()[-1]
            assert (kind, fields(body)["S"], fields(body)["C"]) == (b"E", "FATAL", sqlstate), trick
        assert reasons(place, number)[-1] == reason, trick
        assert db.backends() == 0, trick
    assert len(reasons(place, len(TRICKS))) == len(TRICKS)
    with Raw(place) as client:
        client.secure().log_in(TimeZone="UTC", client_encoding="utf-8", statement_timeout="5s").until(b"Z")
        client.send(message(b"Q", b"SHOW statement_timeout\0"))
        assert client.until(b"Z")[1][1].endswith(b"5s")


def test_a_parameter_that_is_told_twice_is_refused(place: Place) -> None:
    twice = startup(LOGIN)[4:-1] + b"user\0agent-g2\0\0"
    with Raw(place) as client:
        client.secure().send(struct.pack("!I", len(twice) + 4) + twice)
        assert fields(client.everything()[-1][1])["C"] == "08P01"
    assert reasons(place, 1) == ["framing"]
    place.connect().close()


def test_newer_protocols_are_negotiated_down(place: Place) -> None:
    with Raw(place) as client:
        client.secure().send(startup(LOGIN | {"_pq_.new": "1"}, (3 << 16) | 9999))
        assert client.next() == (b"v", struct.pack("!II", (3 << 16) | 2, 1) + b"_pq_.new\0")
        client.prove()
        told = dict(client.until(b"Z"))
        assert len(told[b"K"]) == 4 + 32
    for version, length in ((3 << 16, 4), ((3 << 16) | 2, 32)):
        with Raw(place) as client:
            told = dict(client.secure().log_in(version=version).until(b"Z"))
            assert len(told[b"K"]) == 4 + length
            assert b"v" not in told
    with Raw(place) as client:
        client.secure().send(startup(LOGIN, 4 << 16))
        assert fields(client.everything()[-1][1])["C"] == "0A000"
    assert reasons(place, 1) == ["version"]
    place.connect(max_protocol_version="latest").close()


@pytest.mark.parametrize(
    "said", [b"SELECT 1\0", b"\0\0\0\0\0", b"SCRAM-SHA-1\0\0\0\0\0", b"SCRAM-SHA-256\0\xff\xff\xff\xff"]
)
def test_a_login_that_is_none_reaches_no_database(said: bytes, place: Place, db: Database) -> None:
    for sent in (message(b"p", said), message(b"Q", said), message(b"p", b"x" * 20_000), message(b"p", said)[:-1]):
        with Raw(place) as client:
            client.secure().send(startup(LOGIN))
            client.next()
            client.send(sent)
            if sent == message(b"p", said)[:-1]:
                client.socket.shutdown(socket.SHUT_WR)
            assert [kind for kind, _ in client.everything()] in ([b"E"], [])
    assert set(reasons(place, 2)) <= {"framing", "credentials"}
    assert db.backends() == 0
    place.connect().close()


def test_a_query_before_the_login_is_over_is_never_run(place: Place, db: Database) -> None:
    with Raw(place) as client:
        client.secure().send(startup(LOGIN) + message(b"Q", b"CREATE TABLE smuggled ()\0"))
        assert fields(client.everything()[-1][1])["C"] == "08P01"
    with Raw(place) as client:
        client.secure().send(startup(LOGIN))
        client.prove("wrong")
        client.send(message(b"Q", b"CREATE TABLE smuggled ()\0"))
        assert fields(client.everything()[-1][1])["C"] == "28P01"
    assert reasons(place, 2) == ["framing", "credentials"]
    # Behind the right token it is a statement like any other.
    with Raw(place) as client:
        client.secure().send(startup(LOGIN))
        client.prove()
        client.send(message(b"Q", b"SELECT 'pipelined'\0"))
        client.until(b"Z")
        assert client.until(b"Z")[1] == (b"D", b"\0\1\0\0\0\x09pipelined")
    assert place.texts() == ["SELECT 'pipelined'"]


def test_only_the_key_of_a_session_cancels_what_it_runs(place: Place, db: Database) -> None:
    with Raw(place) as client, db.admin() as admin:
        told = dict(client.secure().log_in().until(b"Z"))
        process, key = struct.unpack_from("!I", told[b"K"])[0], told[b"K"][4:]
        (backend,) = admin.run("SELECT pid FROM pg_stat_activity WHERE usename = :user", user=OWNER)[0]
        client.send(message(b"Q", b"SELECT pg_sleep(600)\0"))
        running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"
        wait_for(lambda: admin.run(running) == [[1]])
        wrong = bytes(byte ^ 1 for byte in key)
        for packet in (
            cancel(process, wrong),
            cancel(backend, key),
            cancel(process ^ 1, key),
            cancel(process, key * 2),
        ):
            with Raw(place, first=packet) as other:
                assert other.everything() == []
        assert reasons(place, 4) == ["cancel_key"] * 4
        assert admin.run(running) == [[1]]
        with Raw(place) as other:
            # As newer clients send it: in TLS.
            other.secure().send(cancel(process, key))
            assert other.everything() == []
        kind, body = client.until(b"Z")[-2]
        assert (kind, fields(body)["C"]) == (b"E", "57014")
    assert [each["kind"] for each in place.records()].count("cancel") == 1


def test_a_client_of_a_library_cancels(place: Place, db: Database) -> None:
    with place.connect() as client:
        failed: list[BaseException] = []

        def sleep() -> None:
            try:
                client.execute("SELECT pg_sleep(600)")
            except psycopg.errors.QueryCanceled as error:
                failed.append(error)

        sleeping = threading.Thread(target=sleep)
        sleeping.start()
        with db.admin() as admin:
            running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"
            wait_for(lambda: admin.run(running) == [[1]])
        client.cancel_safe()
        sleeping.join(20)
        assert failed
        assert client.execute("SELECT 1").fetchone() == (1,)


def test_a_grant_has_no_more_sessions_than_it_may_and_nobody_waits_for_ever(tmp_path: Path, db: Database) -> None:
    with relay(tmp_path / "limited", "sessions=2, login_seconds=3") as place:
        place.open(db)
        first, second = place.connect(), place.connect()
        with pytest.raises(psycopg.OperationalError, match="has its 2 sessions already"):
            place.connect()
        second.close()
        place.ended()
        place.connect().close()
        first.close()
        with Raw(place, first=b"") as silent:
            assert silent.everything() == []
        with Raw(place) as half:
            half.secure().send(startup(LOGIN)[:10])
            assert fields(half.everything()[-1][1])["C"] == "57P05"
        assert reasons(place, 3) == ["limit"] * 3


def test_a_login_with_channel_binding_and_one_through_somebody_elses_tls(place: Place) -> None:
    place.connect(channel_binding="require").close()
    place.connect(channel_binding="disable").close()
    assert os.environ.get("PGCHANNELBINDING") is None
    # A client whose TLS ends at another certificate signs that one.
    with Raw(place) as client:
        client.secure().send(startup(LOGIN))
        client.next()
        first = b"p=tls-server-end-point,,n=,r=nonceofthisclient"
        client.send(message(b"p", b"SCRAM-SHA-256-PLUS\0" + struct.pack("!I", len(first)) + first))
        said = client.next()[1][4:].decode()
        nonce = said.split(",")[0]
        other = "cD10bHMtc2VydmVyLWVuZC1wb2ludCwsb3RoZXI="
        client.send(message(b"p", f"c={other},{nonce},p={'A' * 43}=".encode()))
        assert fields(client.everything()[-1][1])["C"] == "28P01"
    assert reasons(place, 1) == ["credentials"]
    assert TOKEN not in str(place.refusals())
