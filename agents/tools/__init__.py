"""Typed tools: what a function's agent may ask for, each with the form of its input and one way to do it.

Reading, searching and editing happen in the loop's process and never leave the worktree; running happens in a sandbox
of its own. Only the loop and the twin (which checks authored calls) import this.
"""

from agents.tools.inputs import INPUTS, ToolInput
from agents.tools.results import Result
from agents.tools.toolbox import Toolbox

__all__ = ["INPUTS", "Result", "ToolInput", "Toolbox"]
