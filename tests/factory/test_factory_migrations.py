"""A database that an earlier version wrote is brought to the present form, with what people decided in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic import command, op
from alembic.config import Config
from decision_bench import SHOWN, Bench
from sqlalchemy import Connection, Engine, create_engine, inspect, text
from sqlalchemy.exc import IntegrityError

import factory
from factory import db, requests
from factory.errors import DecisionRequired
from factory.fingerprints import fingerprint
from factory.requests import Request, RequestState

# A request that one person approved, one that waits, as the version before several approvals wrote them.
SIGNED = (
    '{{"app":"links","authors":["ada"],"change":"stats","environment":null,"fingerprint":"{fingerprint}","gate":"merge",'
    '"nonce":"n{request}","person":"ben","reason":"","request":{request},"role":"maintainer","title":"Say how much",'
    '"verdict":"approve"}}'
)
REQUEST = """
INSERT INTO factory_request (id, key, gate, app, environment, change, title, role, authors, shown, fingerprint, nonce,
                             state, reason, opened, closed)
VALUES (:id, :key, 'merge', 'links', NULL, 'stats', 'Say how much', 'maintainer', '["ada"]', :shown, :fingerprint,
        :nonce, :state, '', '2026-01-01', NULL)
"""
DECISION = """
INSERT INTO factory_decision (request, verdict, person, reason, payload, signature, decided)
VALUES (:request, 'approve', 'ben', '', :payload, :signature, '2026-01-01')
"""


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(factory.__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


@contextmanager
def _old(bench: Bench) -> Iterator[Connection]:
    bench.root.state.mkdir(exist_ok=True)
    engine = create_engine(f"sqlite:///{bench.root.database}")
    with engine.begin() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A factory whose database is of the form 0005: request 1 was approved, request 2 waits."""
    bench = Bench.in_folder(tmp_path / "factory")
    shown, stands_for = '{"head":"' + "a" * 40 + '","diff":"+x\\n","tests":{"ok":true}}', fingerprint(SHOWN)
    with _old(bench) as connection:
        command.upgrade(_config(connection), "0005")
        for id, state in ((1, "approved"), (2, "open")):
            row = {"id": id, "key": f"old:{id}", "nonce": f"n{id}", "state": state}
            connection.execute(text(REQUEST), {**row, "shown": shown, "fingerprint": stands_for})
        payload = SIGNED.format(fingerprint=stands_for, request=1)
        signature = bench.sign(payload.encode())
        connection.execute(text(DECISION), {"request": 1, "payload": payload, "signature": signature})
    return bench


def _asked(bench: Bench, number: int) -> Request:
    with db.transaction(bench.database) as connection:
        found = requests.read(connection, number)
    assert found is not None
    return found


def test_what_was_decided_before_still_holds_and_what_waits_takes_one_approval(bench: Bench) -> None:
    decided, waits = _asked(bench, 1), _asked(bench, 2)
    assert (decided.approvals, waits.approvals) == (1, 1)
    assert bench.verified(decided).people == ["ben"]
    with pytest.raises(DecisionRequired, match="nobody has decided yet"):
        bench.verified(waits)
    bench.decide(waits, "cleo")
    assert bench.verified(waits).people == ["cleo"]
    assert bench.read(waits).state is RequestState.APPROVED


def test_the_new_form_takes_another_persons_verdict_and_none_twice(bench: Bench) -> None:
    asked = bench.ask(needed=2)
    for person in ("ben", "cleo"):
        bench.decide(asked, person)
    assert bench.verified(asked).people == ["ben", "cleo"]
    with pytest.raises(IntegrityError), db.transaction(bench.database) as connection:
        connection.execute(text(DECISION), {"request": asked.id, "payload": "", "signature": ""})


def test_it_can_be_taken_back_while_no_request_has_two_verdicts(bench: Bench) -> None:
    engine = bench.database
    with engine.begin() as connection:
        command.downgrade(_config(connection), "0005")
    assert "approvals" not in _columns(engine)
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(text(DECISION), {"request": 1, "payload": "", "signature": ""})
    assert bench.verified(_asked(bench, 1)).people == ["ben"]


def test_a_migration_that_is_cut_off_is_done_whole_the_next_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut_off(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    # After the column was added.
    monkeypatch.setattr(op, "batch_alter_table", cut_off)
    with pytest.raises(KeyboardInterrupt):
        db.connect(bench.root, bench.settings)
    monkeypatch.undo()
    with _old(bench) as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "0005"
        assert "approvals" not in _columns(connection.engine)
    assert bench.verified(_asked(bench, 1)).people == ["ben"]


def _columns(engine: Engine) -> set[str]:
    return {column["name"] for column in inspect(engine).get_columns("factory_request")}
