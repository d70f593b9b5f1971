"""What stands before all that there is a grant for: started with what it needs to know, and watched."""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Engine

from access.apis import orders as apis
from access.apis.process import ApiRelay
from access.aws import orders as aws
from access.aws.process import AwsProxy
from access.certificates import certificate
from access.git import orders as git
from access.git.process import GitDoor
from access.grants import store
from access.grants.refused_uses import RefusedUses
from access.messages.forwarding import Upstream
from access.messages.relay import ModelRelay
from access.postgres import orders as postgres
from access.postgres.process import Relay
from access.ssh import orders as ssh
from access.ssh.authorities import Keys, key_file, private_key, public_line
from access.ssh.process import Bastion
from access.telling import teller
from factory import db
from factory.paths import FactoryRoot, private_folder


def postgres_relay(root: FactoryRoot, database: Engine, now: datetime) -> Relay:
    """A relay that runs. Raises MillwrightError."""
    files = certificate(root.access, now)
    relay = Relay(root.logs / "relay-postgres.log", teller(database, "relay"))
    folder = private_folder(root.recordings)
    relay.start(postgres.Begin(recordings=folder, certificate=files.certificate, key=files.key))
    return relay


def git_door(root: FactoryRoot, database: Engine, now: datetime) -> GitDoor:
    """A git door that runs. Raises MillwrightError."""
    files = certificate(root.access, now)
    door = GitDoor(root.logs / "git-door.log", teller(database, "git"))
    folders = {"recordings": private_folder(root.recordings), "spool": private_folder(root.access / "pushes")}
    door.start(git.Begin(**folders, certificate=files.certificate, key=files.key))
    return door


def aws_proxy(root: FactoryRoot, database: Engine, now: datetime) -> AwsProxy:
    """A proxy before AWS that runs. Raises MillwrightError."""
    files = certificate(root.access, now)
    proxy = AwsProxy(root.logs / "proxy-aws.log", teller(database, "aws"))
    proxy.start(aws.Begin(recordings=private_folder(root.recordings), certificate=files.certificate, key=files.key))
    return proxy


def api_relay(root: FactoryRoot, database: Engine, command: Sequence[str] = ()) -> ApiRelay:
    """A relay before APIs that runs. Raises MillwrightError."""
    relay = ApiRelay(root.logs / "relay-apis.log", teller(database, "apis"), command)
    relay.start(apis.Begin(recordings=private_folder(root.recordings), sockets=private_folder(root.run / apis.SOCKETS)))
    return relay


def ssh_bastion(root: FactoryRoot, database: Engine, command: Sequence[str] = ()) -> Bastion:
    """A bastion that runs. Raises MillwrightError."""
    bastion = Bastion(root.logs / "bastion-ssh.log", teller(database, "ssh"), command)
    # Made here: the bastion itself writes recordings only.
    private_key(root, Keys.BASTION)
    authority = public_line(root, Keys.HOLDERS)
    recordings = private_folder(root.recordings)
    bastion.start(ssh.Begin(recordings=recordings, host_key=key_file(root, Keys.BASTION), authority=authority))
    return bastion


def model_relay(root: FactoryRoot, database: Engine, uses: RefusedUses, upstream: Callable[[], Upstream]) -> ModelRelay:
    """A relay before the model, in this process."""

    def refuse(token_digest: str, why: str) -> None:
        # As at the broker's door.
        with db.transaction(database) as connection:
            own = store.by_token(connection, token_digest)
        uses.refuse(own, why)

    return ModelRelay(root, upstream, teller(database, "model"), refuse)
