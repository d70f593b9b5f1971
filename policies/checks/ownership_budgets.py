"""Cost: a budget for each app that tells somebody."""

from collections.abc import Iterator
from typing import Final

from policies.context import Context
from policies.helpers.values import is_false, number, owned_by, under
from policies.model import UNKNOWN, Fail, Finding, Plain, Unknown
from policies.reading import each, has_unknown
from policies.resources import Resource, Stack

BUDGET: Final = "aws:budgets/budget:Budget"
GCP_BUDGET: Final = "gcp:billing/budget:Budget"
# What costs while nobody uses it.
SPENDERS: Final = (
    "aws:ecs/service:Service",
    "aws:ec2/instance:Instance",
    "aws:rds/instance:Instance",
    "aws:rds/cluster:Cluster",
    "aws:eks/cluster:Cluster",
    "gcp:container/cluster:Cluster",
    "gcp:sql/databaseInstance:DatabaseInstance",
)
_SUBSCRIBERS: Final = ("subscriberSnsTopicArns", "subscriberEmailAddresses")
WHOLE: Final = 100
_TELLS_NOBODY: Final = "tell nobody before all of the budget is spent"


def budgeted(stack: Stack, context: Context) -> Iterator[Finding]:
    """Control 64: budgets tell somebody by the time they are spent; an app that costs has one, by its tag."""
    for budget in stack.of(BUDGET):
        yield from owned_by(budget, _notifies(budget))
    for budget in stack.of(GCP_BUDGET):
        yield from owned_by(budget, _notifies_google(budget))
    if not context.environment:
        return
    budgets = list(stack.of(BUDGET, GCP_BUDGET))
    answers = [_is_of(budget, context.app) for budget in budgets]
    for spender in stack.of(*SPENDERS):
        if True in answers:
            return
        if None in answers:
            yield Unknown(("tags",), spender.urn)
        else:
            yield Fail(("tags",), f"are of what costs, and no budget is for {context.app}", urn=spender.urn)


def _notifies(budget: Resource) -> Iterator[Finding]:
    value = budget.properties.get("notifications")
    answers = [_tells(notification) for _, notification in each(value, ())]
    if any(answers):
        return
    path = ("notifications",)
    yield Unknown(path) if has_unknown(value) else Fail(path, _TELLS_NOBODY)


def _tells(notification: Plain) -> bool:
    """Whether it reaches somebody at the whole of the budget, or before."""
    kinds = [value for _, value in under(notification, ("thresholdType",))]
    thresholds = [number(value) for _, value in under(notification, ("threshold",))]
    lists = [value for name in _SUBSCRIBERS for _, value in under(notification, (name,)) if isinstance(value, list)]
    early = any(threshold is not None and 0 < threshold <= WHOLE for threshold in thresholds)
    # A topic that is made in the same update has no ARN yet: it is somebody.
    return kinds == ["PERCENTAGE"] and early and any(one is UNKNOWN or bool(one) for told in lists for one in told)


def _notifies_google(budget: Resource) -> Iterator[Finding]:
    rules = budget.properties.get("thresholdRules")
    percents = [number(value) for _, value in under(rules, ("thresholdPercent",))]
    if not any(percent is not None and 0 < percent <= 1 for percent in percents):
        path = ("thresholdRules",)
        yield Unknown(path) if has_unknown(rules) else Fail(path, _TELLS_NOBODY)
    update = budget.properties.get("allUpdatesRule")
    channels = [
        one
        for name in ("pubsubTopic", "monitoringNotificationChannels")
        for _, value in under(update, (name,))
        for _, one in each(value, ())
    ]
    # Without this those who manage the billing account are told.
    silenced = [value for _, value in under(update, ("disableDefaultIamRecipients",)) if not is_false(value)]
    if silenced and not any(one is not UNKNOWN and bool(one) for one in channels):
        path = ("allUpdatesRule",)
        yield Unknown(path) if has_unknown(update) else Fail(path, "tells nobody")


def _is_of(budget: Resource, app: str) -> bool | None:
    """Whether a budget is for the app, by the value of its tag; None: not known yet."""
    google = budget.type == GCP_BUDGET
    wanted = (app,) if google else (app, f"user:app${app}")
    blocks = [
        budget.properties.get(name) for name in (("budgetFilter",) if google else ("costFilters", "filterExpression"))
    ]
    if any(text in wanted for block in blocks for text in _texts(block)):
        return True
    return None if any(map(has_unknown, blocks)) else False


def _texts(value: Plain) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value
