"""`millwright:index:Budget`: what an app is to cost in a month."""

from typing import NotRequired, TypedDict

import pulumi
from pulumi import Output, ResourceOptions

from components import aws
from factory.spec import BudgetSpec
from stacks.package.inputs import as_input_errors
from stacks.package.place import PlaceArgs, checked, placed, provided


class BudgetArgs(TypedDict):
    """What a program says of a budget."""

    place: PlaceArgs
    """Where it stands: what carries the tag of its app counts."""
    dollars: int
    """Most that it is to cost in a month, in US dollars."""
    alerts: NotRequired[list[int]]
    """Percentages of it at which its topic is told; default as in app.yaml. Spending does not stop by itself."""


class Budget(pulumi.ComponentResource):
    """A monthly cost budget over what carries the tag of one app. It tells, it does not stop."""

    topic: Output[str]
    """ARN of the topic: people and programs subscribe to it."""

    def __init__(self, name: str, args: BudgetArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("millwright:index:Budget", name, {}, opts)
        with as_input_errors():
            place = placed(name, args["place"])
            said = checked(BudgetSpec, name, {"dollars": args["dollars"], "alerts": args.get("alerts")})
        child, _ = provided(place, name, ResourceOptions(parent=self))
        made = aws.Budget(
            name,
            {
                "account": place.account,
                "app": place.name,
                "environment": place.environment.value,
                "dollars": said.dollars,
                "alerts": said.alerts,
            },
            child,
        )
        self.topic = made.topic
        self.register_outputs({"topic": self.topic})
