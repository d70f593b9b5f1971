"""The relay before APIs as the broker holds it."""

from access.apis.orders import Happened, Open
from access.orders import Done
from access.told import RelayProcess


class ApiRelay(RelayProcess[Open, Done, Happened]):
    """One process."""

    called, module = "the relay before APIs", "access.apis"
    answers, events = Done, Happened
