"""A factory whose outbox has something to tell, and its logs as a verifier outside gets them."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from access import audit
from access.audit import outside
from factory import db, events
from factory.paths import FactoryRoot
from factory.settings import Settings

ACTORS = ("ada", "agent:links/coder/links.sums.coder.1", "driver")


@dataclass
class Audited:
    """One factory's database, and the key that signs its checkpoints."""

    root: FactoryRoot
    database: Engine

    def happen(self, *kinds: str, app: str | None = "links", **properties: object) -> None:
        """These events happen, each in a transaction of its own."""
        for number, kind in enumerate(kinds):
            with db.transaction(self.database) as connection:
                events.append(
                    connection, events.new_event(kind, actor=ACTORS[number % 3], app=app, number=number, **properties)
                )

    def logged(self) -> list[audit.Checkpoint]:
        """Log what waits."""
        return audit.sequence(self.database, audit.signing_key(self.root))

    def verified(self, app: str = "links") -> audit.Verified:
        with db.transaction(self.database) as connection:
            return audit.verify(connection, app, audit.raw(audit.signing_key(self.root).public_key()))

    def exported(self, app: str = "links") -> list[dict]:
        with db.transaction(self.database) as connection:
            return [json.loads(line) for line in audit.lines(connection, app)]


def audited(folder: Path, settings: Settings | None = None) -> Audited:
    (folder / "millwright.yaml").write_text("aws: local\n")
    root = FactoryRoot(folder)
    return Audited(root, db.connect(root, settings or Settings()))


@dataclass
class Outside:
    """Somebody elsewhere with the verifier, the key, and what was seen last."""

    folder: Path

    @classmethod
    def given(cls, place: Audited, folder: Path) -> "Outside":
        folder.mkdir()
        (folder / "key.pem").write_text(audit.public_pem(audit.signing_key(place.root)))
        # A copy: nothing beside it can be imported by chance.
        (folder / "verifier.py").write_bytes(Path(outside.__file__).read_bytes())
        return cls(folder)

    def verify(self, documents: list[dict], *more: str) -> subprocess.CompletedProcess[str]:
        log = self.folder / "log.jsonl"
        log.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in documents))
        own = ("--key", "key.pem", "--log", log.name, "--memory", "last.checkpoint")
        # -I: isolated, so that neither this project nor the user's own modules are found.
        command = [sys.executable, "-I", "verifier.py", *own, *more]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=60, check=False)
