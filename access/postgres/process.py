"""The relay before databases as the broker holds it."""

from access.orders import Sessions
from access.postgres.orders import Done, Happened, Open, Session
from access.told import RelayProcess


class Relay(RelayProcess[Open, Done, Happened]):
    """One process."""

    called, module = "the PostgreSQL relay", "access.postgres"
    answers, events = Done, Happened

    def sessions(self) -> list[Session]:
        """Who is in. Raises MillwrightError."""
        return self._process.tell(Sessions()).sessions
