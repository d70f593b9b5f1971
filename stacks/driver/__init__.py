"""The driver: typed operations on stacks, one process each, over Pulumi's Automation API.

Console, pipeline and scripts change stacks through `Driver`, and through nothing else.
"""

from stacks.driver.client import Driver, Operation, read_outputs, require_decided, warm
from stacks.driver.model import Kind, Result, StackEvent, Step
from stacks.driver.opening import lasting_env, open_driver, warm_env

__all__ = [
    "Driver",
    "Kind",
    "Operation",
    "Result",
    "StackEvent",
    "Step",
    "lasting_env",
    "open_driver",
    "read_outputs",
    "require_decided",
    "warm",
    "warm_env",
]
