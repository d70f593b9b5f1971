"""The proxy that signs calls of AWS, as the broker holds it."""

from access.aws.orders import Happened, Open
from access.orders import Done
from access.told import RelayProcess


class AwsProxy(RelayProcess[Open, Done, Happened]):
    """One process."""

    called, module = "the AWS proxy", "access.aws"
    answers, events = Done, Happened
