"""Budget: what an environment is to cost in a month, and the topic that is told when it costs more."""

import json
from typing import TypedDict

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_aws import budgets, sns


class BudgetArgs(TypedDict):
    """What a budget is made from."""

    account: Input[str]
    """Id of the account that pays."""
    app: str
    """The app: what carries its tag counts."""
    environment: str
    """The environment: what carries its tag too counts."""
    dollars: int
    """US dollars in a month."""
    alerts: list[int]
    """Percentages of it at which the topic is told."""


class Budget(pulumi.ComponentResource):
    """A monthly cost budget over what carries the tags of one app and environment. It tells, it does not stop."""

    topic: Output[str]
    """ARN of the topic: people and programs subscribe to it."""

    def __init__(self, name: str, args: BudgetArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("millwright:aws:Budget", name, {}, opts)
        child = ResourceOptions(parent=self)
        account = Output.from_input(args["account"])
        # Not encrypted by the environment's key: what it says is no secret, and the billing service has no use of keys.
        topic = sns.Topic(name, name=f"{name}-budget", tags={"Name": name}, opts=child)
        sns.TopicPolicy(
            name,
            arn=topic.arn,
            policy=Output.all(topic.arn, account).apply(lambda known: _policy(*known)),
            opts=child,
        )
        budgets.Budget(
            name,
            name=name,
            account_id=account,
            budget_type="COST",
            limit_amount=str(args["dollars"]),
            limit_unit="USD",
            time_unit="MONTHLY",
            cost_filters=[{"name": "TagKeyValue", "values": [f"user:app${args['app']}"]}],
            notifications=[
                {
                    "comparison_operator": "GREATER_THAN",
                    "notification_type": "ACTUAL",
                    "threshold": float(alert),
                    "threshold_type": "PERCENTAGE",
                    "subscriber_sns_topic_arns": [topic.arn],
                }
                for alert in args["alerts"]
            ],
            tags={"Name": name},
            opts=child,
        )
        self.topic = topic.arn
        self.register_outputs({"topic": self.topic})


def _policy(topic: str, account: str) -> str:
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "Budgets",
                    "Effect": "Allow",
                    "Principal": {"Service": "budgets.amazonaws.com"},
                    "Action": "sns:Publish",
                    "Resource": topic,
                    "Condition": {
                        "StringEquals": {"aws:SourceAccount": account},
                        "ArnLike": {"aws:SourceArn": f"arn:aws:budgets::{account}:*"},
                    },
                }
            ],
        }
    )
