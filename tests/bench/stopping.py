"""How long an emergency stop takes: `python -m tests.bench.stopping [--grants 10000] [--live 50] [--factory-postgres]`.

Nothing passes or fails here. So many grants are open at the relay, and some of their holders are in, every other one in
the middle of a query. Another process, as a person's command is one, says that all of it ends. All parts are the real
ones: the access daemon's three threads at their own pace, the relay, the embedded PostgreSQL. Only those who are in
have a role at the database; what removing a role takes is in the figures of `tests.bench.revocation`.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.native import Connection
from sqlalchemy import func, insert, select

sys.path.insert(0, str(Path(__file__).parents[1] / "access"))

from database_place import NAME, OWNER, PASSWORD, DatabasePlace, database_place, let_in
from factory_database import settings_of
from grant_place import GrantPlace, grant_place
from grant_waits import wait_for

from access.broker import Broker
from access.daemon import CUT_SECONDS, LOOK_SECONDS
from access.grants import Desk, Grant, State
from access.grants.seal import Seal
from access.grants.tables import GRANTS
from access.postgres.orders import Open, Upstream
from access.providers.postgres import Postgres
from access.relays import postgres_relay
from factory import db, demo_people, signatures
from factory.paths import FactoryRoot
from factory.settings import load

TOGETHER = 500
SECONDS = 1200.0
OPERATOR = demo_people.OPERATOR


def main() -> None:
    """Measure and print; or, as the other process, stop."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.stopping", description=__doc__)
    parser.add_argument("--grants", type=int, default=10_000)
    parser.add_argument("--live", type=int, default=50)
    parser.add_argument("--factory-postgres", action="store_true", help="the factory's own database is PostgreSQL")
    parser.add_argument("--stop", type=Path, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.stop:
        _stop(FactoryRoot(told.stop))
        return
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="millwright-bench-")))
        root, data = folder / "factory", folder / "data"
        for made in (root, data):
            made.mkdir()
        server = stack.enter_context(database_place(data))
        place = grant_place(root, settings_of(server) if told.factory_postgres else None)
        if place.settings.database:
            (root / "millwright.yaml").write_text(f"aws: local\ndatabase: {place.settings.database}\n")
        _measure(place, server, told.grants, told.live)


def _measure(place: GrantPlace, server: DatabasePlace, grants: int, live: int) -> None:
    desk = Desk(place.root, place.settings, place.database)
    place.wall = datetime.now(UTC)
    provider = Postgres(
        lambda: postgres_relay(place.root, place.database, datetime.now(UTC)),
        lambda _: server.url,
        desk.verdicts.statement_kinds,
        "disable",
    )
    broker, stop = Broker(desk, place.database, {"postgres": provider}), threading.Event()
    for do, seconds in ((broker.cut, CUT_SECONDS), (broker.work, LOOK_SECONDS), (place.log, LOOK_SECONDS)):
        threading.Thread(target=_repeat, args=(do, seconds, stop), daemon=True).start()
    try:
        clients = _let_in(place, live)
        _open(place, provider, grants - live)
        ended: list[float] = []
        _watched(clients, ended)
        with server.owner() as owns:
            _say(place, owns, grants, live, ended)
    finally:
        stop.set()
        broker.close()


def _say(place: GrantPlace, owns: Connection, grants: int, live: int, ended: list[float]) -> None:
    """Have all of them stopped, and print when what is over."""
    wait_for(lambda: _backends(owns) == live, SECONDS, 0.02)
    wait_for(lambda: _count(place, State.ACTIVE) == grants, SECONDS, 0.02)
    command = [sys.executable, "-m", "tests.bench.stopping", "--stop", str(place.root.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        wait_for(lambda: _backends(owns) == 0, SECONDS, 0.02)
        no_backend = time.monotonic()
        said, done, stopped = (process.communicate()[0] or "").split()
    wait_for(lambda: len(ended) == live, SECONDS, 0.02)
    wait_for(lambda: _count(place, State.ENDED) == grants, SECONDS, 0.02)
    over = time.monotonic()
    kind = place.database.dialect.name
    print(f"stop of {stopped} grants, {live} live sessions; the factory's database: {kind}; {_load()}")
    dead = sorted(each - float(said) for each in ended)
    print(f"  the command's part {float(done) - float(said):.2f} s (without its start)")
    print(f"  sessions dead      median {dead[len(dead) // 2]:.2f} s, last {dead[-1]:.2f} s")
    print(f"  no backend left    {no_backend - float(said):.2f} s")
    print(f"  everything removed {over - float(said):.1f} s")


def _stop(root: FactoryRoot) -> None:
    settings = load(root)
    desk = Desk(root, settings, db.connect(root, settings))
    key = demo_people.key_file(root, OPERATOR)

    def sign(message: bytes) -> str:
        return signatures.sign_unattended(message, key, namespace=signatures.ACCESS)

    said = time.monotonic()
    stopped = desk.stop(None, "measured", OPERATOR, sign)
    print(said, time.monotonic(), len(stopped))


def _let_in(place: GrantPlace, live: int) -> list[Connection]:
    given = [place.ask(minutes=60) for _ in range(live)]
    wait_for(lambda: _count(place, State.ACTIVE) == live, SECONDS, 0.02)
    return [let_in(place, each, seconds=SECONDS) for each in given]


def _open(place: GrantPlace, provider: Postgres, count: int) -> None:
    """So many more are active, and open at the relay."""
    with db.transaction(place.database) as connection:
        row = connection.execute(select(GRANTS).limit(1)).mappings().one()
    seal, first, made = Seal(place.root), Grant.model_validate(dict(row)), []
    for number in range(count):
        task = f"tally.sums.coder.{number}"
        other = {"id": f"{number:036d}", "token_digest": f"{number:064d}", "task": task}
        grant = first.model_copy(update={**other, "principal": f"agent:tally/coder/{task}"})
        made.append(seal.sealed(grant.model_copy(update={"provider_ref": provider.ref(grant)})))
    server = Upstream(host="127.0.0.1", port=1, database=NAME, user=OWNER, password=PASSWORD, tls="disable")
    for grant in made:
        names = {"grant": grant.id, "login": grant.provider_ref, "verifier": grant.verifier}
        about = {"app": grant.app, "principal": grant.principal, "seconds": 3600.0}
        provider._relay.open(grant, Open(**names, server=server, allowed=[], **about))
    for at in range(0, count, TOGETHER):
        with db.transaction(place.database) as connection:
            rows = [each.model_dump(mode="json") for each in made[at : at + TOGETHER]]
            connection.execute(insert(GRANTS).returning(GRANTS.c.id), rows)


def _watched(clients: list[Connection], ended: list[float]) -> None:
    """Whoever waits for the other end hears of it as it happens."""

    def idle(client: Connection) -> None:
        client._usock.recv(1)
        ended.append(time.monotonic())

    def busy(client: Connection) -> None:
        try:
            client.run("SELECT pg_sleep(3600)")
        except (DatabaseError, InterfaceError, OSError):
            ended.append(time.monotonic())

    for number, client in enumerate(clients):
        threading.Thread(target=busy if number % 2 else idle, args=(client,), daemon=True).start()


def _backends(owns: Connection) -> int:
    return int(owns.run(r"SELECT count(*) FROM pg_stat_activity WHERE usename LIKE 'mw\_%'")[0][0])


def _count(place: GrantPlace, state: State) -> int:
    with db.transaction(place.database) as connection:
        query = select(func.count()).select_from(GRANTS).where(GRANTS.c.state == state.value)
        return int(connection.execute(query).scalar_one())


def _repeat(do: Callable[[], None], seconds: float, stop: threading.Event) -> None:
    while not stop.wait(seconds):
        do()


def _load() -> str:
    return f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores"


if __name__ == "__main__":
    main()
