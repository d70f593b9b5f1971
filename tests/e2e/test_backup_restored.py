"""A factory that stands is saved while its daemons run, lost, and restored: it goes on as if nothing had been."""

import contextlib
import shutil
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from e2e_place import Place, wait_for
from pg8000.exceptions import InterfaceError
from pg8000.native import Connection

from console.demo.inventory import inventory
from factory import daemons
from factory.errors import ExitCode

# Many commands, half of which start or stop daemons.
pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(600)]


def _rows(place: Place) -> list[list[int]] | None:
    """What the app's own database holds; None while it takes no connections."""
    secrets = place.cloud.client("secretsmanager")
    url = urlsplit(secrets.get_secret_value(SecretId="links/build/database-url")["SecretString"])
    where = {"host": url.hostname, "port": url.port, "database": url.path.removeprefix("/")}
    with contextlib.suppress(InterfaceError), Connection(url.username, password=url.password, **where) as connection:
        connection.run("CREATE TABLE IF NOT EXISTS kept (x int PRIMARY KEY)")
        connection.run("INSERT INTO kept SELECT count(*) FROM kept")
        return connection.run("SELECT x FROM kept ORDER BY x")
    return None


def _told(place: Place) -> list[Any]:
    """What people see of it: which daemons run, the stack's history, what the cloud holds."""
    running = [name for name in daemons.MODULES if daemons.read(place.root, name)]
    history = place.millwright("history", "links", "build", "--json").documents
    return [running, history, inventory(place.cloud)]


def _end(*pids: int) -> None:
    processes = [psutil.Process(pid) for pid in pids]
    for process in processes:
        process.terminate()
    _, alive = psutil.wait_procs(processes, timeout=60)
    assert not alive


def test_a_factory_that_was_lost_goes_on_from_its_backup(place: Place) -> None:
    up = place.millwright("up", "links", "build")
    assert up.code == 0, up.err
    assert place.millwright("factory", "up").code == 0
    assert wait_for(lambda: _rows(place)) == [[0]]
    before = _told(place)
    file = place.root.path.parent / "backup.tgz"
    saved = place.millwright("factory", "backup", str(file), "--json")
    assert saved.code == 0, saved.err
    assert file.stat().st_mode & 0o777 == 0o600
    assert {"backend", "stacks", "passphrase", "factory.db", "localcloud", "postgres"} <= set(
        saved.documents[-1]["parts"]
    )
    # What ran runs again.
    assert _told(place) == before

    files = [daemons.read(place.root, name) for name in daemons.MODULES]
    # Daemons that run write there.
    wait_for(lambda: not shutil.rmtree(place.root.state, ignore_errors=True) and not place.root.state.exists())
    orphaned = place.millwright("factory", "restore", str(file))
    pids = sorted(each.pid for each in files if each)
    assert (orphaned.code, len(pids)) == (ExitCode.BUSY, 3), orphaned.err
    assert all(str(pid) in orphaned.err for pid in pids)
    _end(*pids)
    shutil.rmtree(place.root.state, ignore_errors=True)

    restored = place.millwright("factory", "restore", str(file), "--json")
    assert restored.code == 0, restored.err
    assert restored.documents[-1] == saved.documents[-1]
    preview = place.millwright("preview", "links", "build", "--json")
    assert set(preview.documents[-1]["result"]["changes"]) == {"same"}, preview.out
    assert place.millwright("factory", "up").code == 0
    assert _told(place) == before
    assert wait_for(lambda: _rows(place)) == [[0], [1]]
    place.millwright("factory", "down")
