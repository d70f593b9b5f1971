"""A broker as a process of its own, for tests that kill it: `python broker_process.py ROOT KIND TOLD`; it says `ready`.

KIND is the one kind of provider that it has; TOLD is a JSON object, whose parts are what the provider is made from.
"""

import json
import logging
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from access import audit
from access.broker import Broker
from access.daemon import CUT_SECONDS
from access.grants import Desk, utc_now
from access.messages.forwarding import Upstream
from access.providers.apis import Apis, declared
from access.providers.aws import Aws, Cloud
from access.providers.aws_places import outputs_of
from access.providers.aws_sessions import RoleSessions
from access.providers.git import Git
from access.providers.hosts import host_of
from access.providers.model import Model
from access.providers.postgres import Postgres
from access.providers.provider import Provider
from access.providers.ssh import Ssh
from access.providers.standing import app_secret
from access.relays import api_relay, aws_proxy, git_door, model_relay, postgres_relay, ssh_bastion
from access.ssh.authorities import Keys, private_key
from factory import daemons, db
from factory.cloud_clients import client
from factory.paths import FactoryRoot
from factory.settings import Settings

LOG = logging.getLogger("millwright.access")


@dataclass(frozen=True)
class Around:
    """The factory whose broker it is."""

    root: FactoryRoot
    settings: Settings
    database: Engine
    desk: Desk


def _postgres(around: Around, url: str) -> Provider:
    return Postgres(
        lambda: postgres_relay(around.root, around.database, utc_now()),
        lambda _: make_url(url),
        around.desk.verdicts.statement_kinds,
        "disable",
    )


def _ssh(around: Around) -> Provider:
    bastion = partial(ssh_bastion, around.root, around.database)
    return Ssh(bastion, partial(host_of, around.root), private_key(around.root, Keys.HOSTS))


def _git(around: Around) -> Provider:
    return Git(lambda: git_door(around.root, around.database, utc_now()), around.root.git, "")


def _aws(around: Around) -> Provider:
    """As on an account: each grant's calls are signed by a session of its own, which its end forbids."""

    def endpoint() -> str:
        found = daemons.read(around.root, daemons.LOCAL_CLOUD)
        return found.addresses["http"] if found else ""

    clients = partial(client, around.root, around.settings)
    sessions = RoleSessions(clients, utc_now)
    cloud = Cloud(clients, partial(outputs_of, around.database), sessions, endpoint, is_local=False)
    return Aws(around.root, lambda: aws_proxy(around.root, around.database, utc_now()), cloud)


def _api(around: Around, pem: str) -> Provider:
    """`pem`: the certificate of the API, which is a stand-in."""
    command = (sys.executable, "-P", str(Path(__file__).with_name("api_standin.py")), pem)
    value_of = partial(app_secret, around.database, partial(client, around.root, around.settings))
    return Apis(partial(api_relay, around.root, around.database, command), partial(declared, around.root), value_of)


def _model(around: Around, url: str, key: str) -> Provider:
    def upstream() -> Upstream:
        return Upstream(url, key)

    return Model(partial(model_relay, around.root, around.database, around.desk.refused_uses, upstream), upstream)


KINDS: dict[str, Callable[..., Provider]] = {
    "postgres": _postgres,
    "ssh": _ssh,
    "git": _git,
    "aws": _aws,
    "api": _api,
    "model": _model,
}


def main(folder: str, kind: str, told: str) -> None:
    root, settings = FactoryRoot(Path(folder)), Settings()
    database, key = db.connect(root, settings), audit.signing_key(root)
    desk = Desk(root, settings, database)
    provider = KINDS[kind](Around(root, settings, database, desk), **json.loads(told))
    broker = Broker(desk, database, {kind: provider})
    stop = threading.Event()

    def again(do: Callable[[], object]) -> None:
        while not stop.wait(CUT_SECONDS):
            try:
                do()
            except Exception:
                # As the daemon: what is to be done goes on waiting.
                LOG.exception("trying again")

    for do in (broker.cut, broker.work, lambda: audit.sequence(database, key)):
        threading.Thread(target=again, args=(do,), daemon=True).start()
    print("ready", flush=True)
    # Until whoever started it is gone.
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
