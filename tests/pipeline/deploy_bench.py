"""The stage deploy on a bench: real repository, database and people; only the engine behind the driver is a list."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from access_standin import Granting

from factory import artefacts, db, demo_people, releases
from factory.paths import FactoryRoot
from factory.releases import Proposal, Release
from factory.settings import Settings
from pipeline import records
from pipeline.context import Context
from pipeline.faults import Faults
from pipeline.records import ChangeRecord, ChangeState, Stage
from pipeline.stages.merge import build
from stacks.driver import Step

REPOSITORY = Path(__file__).parents[2]
APP = "links"


@dataclass
class ListedDriver:
    """Says what it was asked; `on_up` may refuse."""

    asked: list[tuple[str, int | None]] = field(default_factory=list)
    # Each update that takes the place of a bad release: which, and of which.
    returns: list[tuple[int | None, int]] = field(default_factory=list)
    # What a preview shows.
    steps: tuple[Step, ...] = ()
    on_preview: Callable[[], None] = lambda: None
    on_up: Callable[[int | None], None] = lambda release: None

    def preview(self, app: str, environment: str, *, release: int | None = None) -> Any:
        self.asked.append((f"preview {app}-{environment}", release))
        self.on_preview()
        return SimpleNamespace(steps=self.steps)

    def up(
        self,
        app: str,
        environment: str,
        on_event: object = None,
        *,
        release: int | None = None,
        returns_from: int | None = None,
        actor: str = "",
    ) -> None:
        del actor, on_event
        self.asked.append((f"up {app}-{environment}", release))
        if returns_from is not None:
            self.returns.append((release, returns_from))
        self.on_up(release)

    def outputs(self, app: str, environment: str) -> Any:
        return SimpleNamespace(app=app, environment=environment)


@dataclass
class DeployBench:
    """A factory whose app has a repository."""

    context: Context
    driver: ListedDriver

    def submitted(self, change: str, author: str, artefact: str | None = None) -> ChangeRecord:
        record = ChangeRecord(
            id=f"{APP}/{change}",
            app=APP,
            change=change,
            title=change,
            author=author,
            specification={"artefact": artefact} if artefact else {"title": change},
            digest="sha256:0",
            stage=Stage.DEPLOY,
            state=ChangeState.RUNNING,
            detail="",
            attempt=0,
            head=None,
            artefact=artefact,
            submitted=records.now(),
            updated=records.now(),
        )
        with db.transaction(self.context.database) as connection:
            records.add_change(connection, record)
        return record

    def merged(self, change: str) -> str:
        """The artefact of main after `change` was merged; the change adds a file of its name."""
        repository, branch = self.context.repository(APP), f"change/{change}"
        folder = self.context.root.tasks / change / "worktree"
        folder.parent.mkdir(parents=True)
        repository.worktree(folder, branch, repository.head())
        (folder / f"{change}.txt").write_text(change)
        repository.commit_step(folder, branch, message=change, trailers={"Change": f"{APP}/{change}"}, key=change)
        repository.remove_worktree(folder)
        commit = repository.merge(
            branch,
            expected_head=repository.head(branch),
            expected_base=repository.head(),
            message=change,
            trailers={"Change": f"{APP}/{change}", "Decision": "1", "Decided-by": demo_people.MAINTAINER},
        )
        return build(self.context, APP, change, commit)

    def merged_more(self, change: str, author: str = demo_people.AUTHOR) -> str:
        """The artefact of main after another change."""
        self.submitted(change, author)
        return self.merged(change)

    def submitted_again(self, record: ChangeRecord) -> ChangeRecord:
        """The same once more, under a name of its own; the first has ended."""
        again = record.model_copy(update={"id": f"{record.id}0", "change": f"{record.change}0"})
        with db.transaction(self.context.database) as connection:
            records.end_change(connection, record.id, ChangeState.ROLLED_BACK, "")
            records.add_change(connection, again)
        return again

    def serving(self, artefact: str, environment: str = "production") -> Release:
        """A release that serves there already."""
        spec = self.context.spec(APP)
        with db.transaction(self.context.database) as connection:
            proposal = Proposal(
                key=f"before:{environment}:{artefact}",
                app=APP,
                environment=environment,
                artefact=artefact,
                spec=spec.model_dump(mode="json", by_alias=True),
                spec_digest=spec.digest(),
                change=None,
            )
            release = releases.propose(connection, proposal)
            releases.begin(connection, release.id, None)
            releases.serves(connection, release)
        return self.release(release.id)

    def release(self, number: int) -> Release:
        with db.transaction(self.context.database) as connection:
            found = releases.read(connection, number)
        assert found is not None
        return found

    def kept(self, tree: Path) -> str:
        """The digest of a tree that was put into the store past the line."""
        return artefacts.store(self.context.root, tree)


def make_deploy_bench(folder: Path) -> DeployBench:
    root = FactoryRoot(folder)
    (folder / "millwright.yaml").touch()
    shutil.copytree(REPOSITORY / "apps" / APP, root.apps / APP)
    settings = Settings()
    demo_people.ensure(root, settings)
    driver = ListedDriver()
    context = Context(
        root=root,
        settings=settings,
        database=db.connect(root, settings),
        driver=driver,  # type: ignore[arg-type]
        door=None,  # type: ignore[arg-type]
        faults=Faults(folder),
        access=Granting(),  # type: ignore[arg-type]
    )
    context.repository(APP).ensure(root.apps / APP / "source")
    return DeployBench(context, driver)
