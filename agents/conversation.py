"""The messages of the next request, built from the task's record alone: the same record gives the same request."""

from typing import Any

from agents.fence import Fence
from agents.limits import Called
from agents.tools.results import Result
from agents.tools.toolbox import EFFECTS
from agents.trajectory import Step

Message = dict[str, Any]
NOTHING_SAID = "(no answer)"
NO_CALL = "Nothing was called. Go on with the task by calling a tool; when it is done, call submit."


def messages(first: str, steps: list[Step], fence: Fence) -> list[Message]:
    """Everything said so far, unchanged: the model's thinking is bound to what was said before it."""
    said: list[Message] = [{"role": "user", "content": [{"type": "text", "text": first}]}]
    for step in steps:
        said.append({"role": "assistant", "content": step.content or [{"type": "text", "text": NOTHING_SAID}]})
        said.append({"role": "user", "content": answers(step, fence)})
    return said


def answers(step: Step, fence: Fence) -> list[dict[str, Any]]:
    """What the model is told about a step's calls."""
    if not step.calls:
        return [{"type": "text", "text": f"{step.refused}\n{NO_CALL}" if step.refused else NO_CALL}]
    return [
        {"type": "tool_result", "tool_use_id": block["id"], "content": call.answer, "is_error": call.error}
        for block, call in zip(step.calls, called(step, fence), strict=True)
    ]


def called(step: Step, fence: Fence) -> list[Called]:
    """A step's calls with their answers. What the factory refused counts as a failure of the last call that did it."""
    found = [_called(block, step.results[block["id"]], fence) for block in step.calls]
    if step.refused and found:
        blamed = max((i for i, call in enumerate(found) if call.tool in EFFECTS), default=len(found) - 1)
        call = found[blamed]
        found[blamed] = Called(call.tool, call.what, f"{step.refused}\n{call.answer}", error=True)
    return found


def _called(block: dict[str, Any], line: dict[str, Any], fence: Fence) -> Called:
    result = Result(line["said"], line["data"], line["source"], line["error"])
    # Two programs may fail with the same words.
    what = str(block["input"]) if block["name"] == "run" else ""
    return Called(block["name"], what, result.shown(fence), result.error)
