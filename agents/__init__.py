"""Agents: the loop around the model, its typed tools, its context and its limits; and the offline model.

The loop is a trusted process per task that holds a task token and nothing else. The pipeline starts it as a process
(`python -m agents.task`); it imports the sandbox and the factory, never stacks, the local cloud or the pipeline.
"""

from agents.brief import ContextPart, EgressWay, Outcome, OutcomeState, TaskBrief, TaskLimits

__all__ = ["ContextPart", "EgressWay", "Outcome", "OutcomeState", "TaskBrief", "TaskLimits"]
