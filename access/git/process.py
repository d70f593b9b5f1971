"""The git door as the broker holds it."""

from access.git.orders import Happened, Open
from access.orders import Done
from access.told import RelayProcess


class GitDoor(RelayProcess[Open, Done, Happened]):
    """One process."""

    called, module = "the git door", "access.git"
    answers, events = Done, Happened
