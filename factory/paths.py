"""Where a factory's files live: the root is the nearest folder upwards that holds `millwright.yaml`."""

from dataclasses import dataclass
from pathlib import Path

from factory.errors import InputError

MARKER = "millwright.yaml"


@dataclass(frozen=True)
class FactoryRoot:
    """One factory on disk. Everything a command writes is below `state` (git-ignored); the rest is the user's."""

    path: Path

    @property
    def settings_file(self) -> Path:
        """The factory's settings, and the marker that makes a folder a factory."""
        return self.path / MARKER

    @property
    def project_file(self) -> Path:
        """Pulumi's project file: both doors read project name and stack folder from it."""
        return self.path / "Pulumi.yaml"

    @property
    def apps(self) -> Path:
        """One folder per app, named as the app."""
        return self.path / "apps"

    @property
    def state(self) -> Path:
        """What the factory writes on this machine."""
        return self.path / ".millwright"

    @property
    def local_cloud(self) -> Path:
        """The local cloud's state: its log and snapshots. They carry secrets, so it is its owner's only."""
        return self.state / "localcloud"

    @property
    def postgres(self) -> Path:
        """The embedded PostgreSQL's data: one folder for each RDS instance of the local cloud."""
        return self.state / "postgres"

    @property
    def stack_config(self) -> Path:
        """`Pulumi.<stack>.yaml` of every stack (Pulumi.yaml's stackConfigDir)."""
        return self.state / "stacks"

    @property
    def backend(self) -> Path:
        """The default Pulumi backend."""
        return self.state / "backend"

    @property
    def passphrase_file(self) -> Path:
        """Encrypts secrets in the default backend; made once, readable by its owner only."""
        return self.state / "passphrase"

    @property
    def rotation(self) -> Path:
        """What a rotation of the stacks' keys that is under way, or was killed, has to know."""
        return self.state / "rotation"

    @property
    def database(self) -> Path:
        """The default database."""
        return self.state / "factory.db"

    @property
    def pulumi_home(self) -> Path:
        """PULUMI_HOME of this factory: its plugins, away from the user's own."""
        return self.state / "pulumi-home"

    @property
    def run(self) -> Path:
        """Run files of daemons."""
        return self.state / "run"

    @property
    def logs(self) -> Path:
        """Logs of daemons and of failed operations."""
        return self.state / "logs"

    @property
    def locks(self) -> Path:
        """One lock file per stack."""
        return self.state / "locks"

    @property
    def git(self) -> Path:
        """The apps' git repositories, bare: `<app>.git`."""
        return self.state / "git"

    @property
    def artefacts(self) -> Path:
        """Built trees by digest."""
        return self.state / "artefacts"

    @property
    def tasks(self) -> Path:
        """One folder per agent task: brief, trajectory, outcome, worktree."""
        return self.state / "tasks"

    @property
    def reports(self) -> Path:
        """Test reports with held-out text: for people; no sandbox reaches them."""
        return self.state / "reports"

    @property
    def access(self) -> Path:
        """What the access plane keeps for itself: its relays' certificate and key."""
        return self.state / "access"

    @property
    def recordings(self) -> Path:
        """What was said over grants: `<app>/<grant>/<session>`. It can hold what a database holds."""
        return self.state / "recordings"

    @property
    def demo_people(self) -> Path:
        """The labelled demo people and their keys; nobody real."""
        return self.state / "demo-people"

    @property
    def people_file(self) -> Path:
        """Who may decide what."""
        return self.path / "people.yaml"

    @property
    def work(self) -> Path:
        """One folder per running operation; removed when it ends."""
        return self.state / "work"


def find_root(start: Path) -> FactoryRoot:
    """The factory that `start` (a folder) belongs to.

    Raises InputError when neither `start` nor any folder above it holds `millwright.yaml`.
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / MARKER).is_file():
            return FactoryRoot(folder)
    raise InputError(
        f"no factory here: neither {start} nor a folder above it holds {MARKER}",
        hint="run the command inside a factory, or make one: millwright init DIR",
    )


def private_folder(path: Path) -> Path:
    """Make `path` (and what is above it) if needed, readable by its owner only, and return it."""
    # `mkdir(parents=True)` gives its mode to the last folder only.
    for folder in reversed([folder for folder in (path, *path.parents) if not folder.exists()]):
        folder.mkdir(mode=0o700, exist_ok=True)
    return path
