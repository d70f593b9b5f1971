"""The driver: typed operations on stacks, one process each, over Pulumi's Automation API.

Console, pipeline and scripts change stacks through `Driver`, and through nothing else.
"""

from stacks.driver.client import Driver, Operation, read_outputs, require_decided, warm
from stacks.driver.following import Follows
from stacks.driver.history import Ending, Update, read_history
from stacks.driver.many import Outcome, checked_parallel, line_up, outcomes, verdict, worst
from stacks.driver.model import Kind, Result, StackEvent, Step
from stacks.driver.opening import lasting_env, open_driver, warm_env
from stacks.driver.selection import Broken, Chosen, Selected, Skipped, select
from stacks.driver.stateful import Effect, at_risk, counts

__all__ = [
    "Broken",
    "Chosen",
    "Driver",
    "Effect",
    "Ending",
    "Follows",
    "Kind",
    "Operation",
    "Outcome",
    "Result",
    "Selected",
    "Skipped",
    "StackEvent",
    "Step",
    "Update",
    "at_risk",
    "checked_parallel",
    "counts",
    "lasting_env",
    "line_up",
    "open_driver",
    "outcomes",
    "read_history",
    "read_outputs",
    "require_decided",
    "select",
    "verdict",
    "warm",
    "warm_env",
    "worst",
]
