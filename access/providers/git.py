"""The provider for repositories: an app's own, behind the door that records every fetch and push.

Nothing is made for a grant but a way in, so nothing is left of one that the door does not know any more.
"""

import shutil
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Final

from access.certificates import ADDRESS
from access.git.judging import BELOW, CHANGES, EVERY, is_branch
from access.git.orders import Open
from access.git.process import GitDoor
from access.git.programs import CHECK, CHECKS, is_checked
from access.grants import Grant
from access.providers.holding import Holding, seconds_left
from access.providers.provider import Issued, Place
from factory.errors import InputError
from factory.spec import Scope

PEOPLE: Final = "people/"
# What stays when git is killed (measured), and the seconds for which nothing that runs needs it: where a push is kept
# until it is taken, and what holds a branch while it moves, which is for milliseconds, and keeps every later push away.
LEFT: Final[Mapping[str, float]] = {"objects/tmp_objdir-incoming-*": 3600.0, "refs/**/*.lock": 60.0}


class Git:
    """The apps' repositories in `folder`. `elsewhere` is the repository at GitHub that they follow; "" for none."""

    def __init__(self, door: Callable[[], GitDoor], folder: Path, elsewhere: str) -> None:
        self._door, self._folder, self._elsewhere = Holding(door), folder, elsewhere

    def ref(self, grant: Grant) -> str:
        """The branches that it may push to; a grant for reading has none."""
        return " ".join(branches_of(grant)) or "read"

    def issue(self, grant: Grant) -> Issued:
        """Let the grant's holder in at the door. Raises MillwrightError."""
        # Asked first: no door is started for a repository that has none.
        repository = self._repository(grant)
        return self._door.issued(lambda door: self._issued(grant, repository, door))

    def _issued(self, grant: Grant, repository: Path, door: GitDoor) -> Issued:
        until = str(grant.hard_until)
        self._door.open(
            door,
            grant,
            Open(
                grant=grant.id,
                token=grant.token_digest,
                app=grant.app,
                principal=grant.principal,
                repository=repository,
                branches=branches_of(grant),
                seconds=seconds_left(grant),
            ),
        )
        return Issued(self.ref(grant), f"{ADDRESS}:{door.port}/{grant.app}.git", until)

    def serves(self, grant: Grant) -> bool:
        """Whether its holder is let in."""
        return self._door.serves(grant)

    def cut(self, grants: Collection[Grant]) -> None:
        """End what is under way by them, all at once."""
        self._door.cut(grants)

    def remove(self, grant: Grant) -> None:
        """Nothing of it stands anywhere but at the door, which it was cut off from."""

    def sweep(self, place: Place, live: Collection[str]) -> list[str]:  # noqa: ARG002 -- nothing here is a grant's own
        """Take away what a push that was killed has left; where that was."""
        found, repository = [], self._folder / f"{place.app}.git"
        for pattern, seconds in LEFT.items():
            for left in repository.glob(pattern):
                try:
                    if time.time() - left.stat().st_mtime < seconds:
                        continue
                    shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink()
                except FileNotFoundError:
                    continue
                found.append(left.name)
        return found

    def close(self) -> None:
        """End the door, and all that is under way there."""
        self._door.close()

    def _repository(self, grant: Grant) -> Path:
        """Raises InputError where the door cannot stand before it."""
        # `*` would be every change there is.
        if grant.change and not is_branch(CHANGES + grant.change):
            raise InputError(f"{grant.change!r} is no id of a change", hint="millwright change list")
        # A task's steps are committed by the factory, to the repository that is here.
        if self._elsewhere and grant.function is None:
            raise InputError(
                f"{grant.app} follows {self._elsewhere} at GitHub: no git door stands before one there yet",
                hint="let people in by GitHub's own means, or unset github_repository",
            )
        repository = self._folder.resolve() / f"{grant.app}.git"
        if not repository.is_dir():
            raise InputError(f"{grant.app} has no repository yet", hint="it is made when a change is taken up")
        if grant.scope is not Scope.READ and not is_checked(repository):
            raise InputError(
                f"the repository of {grant.app} has no {CHECKS}/{CHECK}, which looks at what is pushed",
                hint="it is written when the next change is taken up",
            )
        return repository


def branches_of(grant: Grant) -> list[str]:
    """Which branches it may push to. For a change: its own. Of a person, without one: what is below their name.

    An administrator's are all but main. None for reading, and for an agent that works on no change.
    """
    if grant.scope is Scope.READ:
        return []
    if grant.scope is Scope.ADMIN:
        return [EVERY]
    if grant.change:
        return [CHANGES + grant.change]
    return [] if grant.function else [PEOPLE + grant.principal + BELOW]
