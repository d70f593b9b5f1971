"""The bastion as the broker holds it."""

from access.orders import Sessions
from access.ssh.orders import Done, Happened, Open, Reap, Session, Target
from access.told import RelayProcess


class Bastion(RelayProcess[Open, Done, Happened]):
    """One process."""

    called, module = "the SSH bastion", "access.ssh"
    answers, events = Done, Happened

    def left_by(self, grants: dict[str, str]) -> set[str]:
        """End several, as `close_all` does; those at whose hosts something may be left. Raises MillwrightError."""
        return {left for done in self.close_all(grants) for left in done.left}

    def reap(self, grant: str, login: str, target: Target) -> None:
        """Begin to end what a grant's sessions left behind at its host; `left_by` tells whether it is done.

        Raises MillwrightError.
        """
        self._process.tell(Reap(grant=grant, login=login, target=target))

    def sessions(self) -> list[Session]:
        """Who is in. Raises MillwrightError."""
        return self._process.tell(Sessions()).sessions
