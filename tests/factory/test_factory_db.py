"""One database, one migration history, and what the factory writes in it."""

import multiprocessing
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

import factory
from access.audit import tables as audit_tables
from access.grants import tables as grant_tables
from factory import artefacts, db, decisions, environments, events, findings, releases, requests
from factory.environments import EnvironmentRecord
from factory.errors import InputError, MillwrightError
from factory.outputs import AppFactoryOutputs, outputs_from
from factory.paths import FactoryRoot
from factory.settings import Settings
from pipeline import mains, records

# The rooms' tables join the metadata when their modules are imported.
TABLES = [
    audit_tables.CHECKPOINTS,
    audit_tables.ENTRIES,
    audit_tables.LOGS,
    audit_tables.TURN,
    grant_tables.GRANTS,
    artefacts.ARTEFACTS,
    decisions.DECISIONS,
    environments.ENVIRONMENTS,
    events.EVENTS,
    findings.FINDINGS,
    mains.MAINS,
    records.CHANGES,
    records.TASKS,
    releases.RELEASES,
    requests.REQUESTS,
]


@pytest.fixture
def database(tmp_path: Path) -> Engine:
    return db.connect(FactoryRoot(tmp_path), Settings())


def test_a_database_is_made_from_nothing_and_found_again(tmp_path: Path) -> None:
    root = FactoryRoot(tmp_path / "new")
    for _ in range(2):
        with db.transaction(db.connect(root, Settings())) as connection:
            assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == db.HEAD
            assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
            assert connection.execute(text("PRAGMA busy_timeout")).scalar() == db.BUSY_MILLISECONDS
            assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
    assert root.database.is_file()


def test_the_newest_migration_is_the_one_the_code_names() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(factory.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [db.HEAD]


def test_apps_from_before_main_was_recorded_are_marked_and_no_others(tmp_path: Path) -> None:
    engine = db.connect(FactoryRoot(tmp_path), Settings())
    config = Config()
    config.set_main_option("script_location", str(Path(factory.__file__).parent / "migrations"))
    columns = [column.name for column in records.CHANGES.columns if not column.nullable]
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0002")
        for change in ("one", "two"):
            values = ", ".join({"app": "'links'", "attempt": "0"}.get(name, f"'{change}'") for name in columns)
            names = ", ".join(f'"{name}"' for name in columns)
            connection.execute(text(f"INSERT INTO pipeline_change ({names}) VALUES ({values})"))  # noqa: S608 -- ours
        command.upgrade(config, "head")
    with db.transaction(engine) as connection:
        assert mains.read(connection, "notes") is None
        known = mains.read(connection, "links")
    assert known is not None
    assert (known.commit, known.intended) == (None, None)


def test_the_migrated_schema_is_the_one_the_code_uses(database: Engine) -> None:
    assert {table.name for table in TABLES} == set(db.METADATA.tables)
    with database.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, db.METADATA) == []
        connection.execute(text("ALTER TABLE factory_event ADD COLUMN surprise TEXT"))
        assert [change[0] for change in compare_metadata(context, db.METADATA)] == ["remove_column"]


def _connect_and_write(folder: str, start: object) -> None:
    start.wait(30)
    with db.transaction(db.connect(FactoryRoot(Path(folder)), Settings())) as connection:
        events.append(connection, events.new_event("process.connected", actor="test"))


def test_processes_may_make_the_database_at_the_same_moment(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    start = context.Barrier(4)
    processes = [context.Process(target=_connect_and_write, args=(str(tmp_path), start)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 4
    with db.transaction(db.connect(FactoryRoot(tmp_path), Settings())) as connection:
        assert len(events.recent(connection)) == 4


def test_first_connections_at_one_moment_do_not_lock_each_other_out(tmp_path: Path) -> None:
    # SQLite does not wait when two connections switch a new file to WAL at once: it refuses one of them.
    start = threading.Barrier(4)

    def connect(folder: Path) -> None:
        start.wait(30)
        db.connect(FactoryRoot(folder), Settings()).dispose()

    with ThreadPoolExecutor(4) as pool:
        for number in range(25):
            folder = tmp_path / str(number)
            folder.mkdir()
            for each in [pool.submit(connect, folder) for _ in range(4)]:
                each.result(60)


def test_a_newer_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    root = FactoryRoot(tmp_path)
    engine = db.connect(root, Settings())
    with db.transaction(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(MillwrightError, match="another version of Millwright") as caught:
        db.connect(root, Settings())
    assert "backup" in caught.value.hint
    with db.transaction(engine) as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999"


@pytest.mark.parametrize("url", ["nonsense", "oracle9://h/x", "mysql+absent://h/x", "postgresql://h:port/x"])
def test_a_url_that_names_no_database_is_an_input_error(url: str, tmp_path: Path) -> None:
    root = FactoryRoot(tmp_path)
    assert db.connect(root, Settings(database=f"sqlite:///{tmp_path}/good.db"))
    with pytest.raises(InputError, match="database: ") as caught:
        db.connect(root, Settings(database=url))
    assert "settings.md" in caught.value.hint


def test_a_file_that_is_no_database_and_a_folder_that_is_missing_are_clear_errors(tmp_path: Path) -> None:
    root = FactoryRoot(tmp_path)
    root.state.mkdir()
    root.database.write_bytes(b"this is no database, however long it is" * 100)
    with pytest.raises(MillwrightError, match="cannot be used: file is not a database"):
        db.connect(root, Settings())
    with pytest.raises(MillwrightError, match="cannot be used: unable to open database file"):
        db.connect(root, Settings(database=f"sqlite:///{tmp_path}/none/x.db"))


def test_events_come_back_in_the_order_they_were_appended(database: Engine) -> None:
    written = [
        events.new_event("update.started", actor="unattested", app=app, environment="build", number=number)
        for number, app in enumerate(["links", "shop", "links"])
    ]
    with db.transaction(database) as connection:
        for event in written:
            events.append(connection, event)
        assert events.recent(connection) == written
        assert events.recent(connection, app="links") == [written[0], written[2]]
        assert events.recent(connection, limit=1) == [written[2]]
    assert sorted(written, key=lambda event: event.id) == written
    assert written[0].properties == {"environment": "build", "number": 0}


@pytest.mark.parametrize("kind", ["update", "Update.started", "update.started.now", "update started", ""])
def test_a_kind_that_is_no_subject_and_participle_is_refused(kind: str) -> None:
    assert events.new_event("update.started", actor="test").kind == "update.started"
    with pytest.raises(ValueError, match="kind"):
        events.new_event(kind, actor="test")


def test_an_event_shares_the_fate_of_the_transaction_it_is_appended_in(database: Engine) -> None:
    def act() -> None:
        with db.transaction(database) as connection:
            events.append(connection, events.new_event("update.started", actor="test"))
            environments.record(connection, _row())
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        act()
    with db.transaction(database) as connection:
        assert events.recent(connection) == []
        assert environments.read_all(connection) == []


def test_an_event_cannot_be_appended_twice(database: Engine) -> None:
    event = events.new_event("update.started", actor="test")
    with db.transaction(database) as connection:
        events.append(connection, event)
    with pytest.raises(Exception, match="UNIQUE"), db.transaction(database) as connection:
        events.append(connection, event)


EXPORTED = {
    "app": "links",
    "environment": "build",
    "region": "eu-central-1",
    "account": "123456789012",
    "spec": "sha256:00",
    "network": {"id": "vpc-1", "cidr": "10.20.0.0/18", "subnets": ["subnet-1"]},
    "key": "arn:key",
    "secrets": {"signing-key": "arn:secret"},
    "agents": {"coder": {"role": "arn:role", "task": "arn:task"}},
}


def _row(stack: str = "links-build", version: int = 1, outputs: AppFactoryOutputs | None = None) -> EnvironmentRecord:
    app, _, environment = stack.rpartition("-")
    return EnvironmentRecord(
        stack=stack,
        app=app,
        environment=environment,
        updated=environments.now(),
        actor="unattested",
        version=version,
        cloud_generation=None,
        outputs=outputs,
    )


def test_the_last_record_of_a_stack_counts_until_it_is_forgotten(database: Engine) -> None:
    last = _row(version=2, outputs=outputs_from({"factory": EXPORTED}))
    other = _row("shop-build")
    with db.transaction(database) as connection:
        for row in (_row(), other, last):
            environments.record(connection, row)
        assert environments.read(connection, "links-build") == last
        assert environments.read_all(connection) == [last, other]
        environments.forget(connection, "links-build")
        environments.forget(connection, "links-build")
        assert environments.read(connection, "links-build") is None
        assert environments.read_all(connection) == [other]


def test_outputs_are_typed_and_absent_ones_are_none() -> None:
    outputs = outputs_from({"factory": EXPORTED})
    assert outputs is not None
    assert (outputs.agents["coder"].role, outputs.service) == ("arn:role", None)
    assert outputs_from({}) is None
    with pytest.raises(ValueError, match="password"):
        outputs_from({"factory": EXPORTED | {"password": "x"}})


def test_the_database_file_holds_what_was_committed(database: Engine, tmp_path: Path) -> None:
    with db.transaction(database) as connection:
        events.append(connection, events.new_event("update.started", actor="test"))
    with sqlite3.connect(FactoryRoot(tmp_path).database) as other:
        assert other.execute("SELECT kind, actor FROM factory_event").fetchall() == [("update.started", "test")]
