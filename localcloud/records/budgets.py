"""Budgets: budget. It is kept, and watches nothing: nothing here costs anything."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from localcloud.records.record import (
    TAGS,
    Call,
    Kind,
    Name,
    Prop,
    Record,
    View,
    flag,
    set_of,
    tags_from,
    tags_to,
    text,
    texts,
)

Json = Any
# As the SDK writes a time.
TIME: Final = "%Y-%m-%d_%H:%M"
PERIOD: Final = {"timePeriodStart": "Start", "timePeriodEnd": "End"}
COST_TYPES: Final = {
    "includeCredit": "IncludeCredit",
    "includeDiscount": "IncludeDiscount",
    "includeOtherSubscription": "IncludeOtherSubscription",
    "includeRecurring": "IncludeRecurring",
    "includeRefund": "IncludeRefund",
    "includeSubscription": "IncludeSubscription",
    "includeSupport": "IncludeSupport",
    "includeTax": "IncludeTax",
    "includeUpfront": "IncludeUpfront",
    "useAmortized": "UseAmortized",
    "useBlended": "UseBlended",
}
NOTIFICATION: Final = {
    "comparisonOperator": "ComparisonOperator",
    "notificationType": "NotificationType",
    "threshold": "Threshold",
    "thresholdType": "ThresholdType",
}
SUBSCRIBERS: Final = {"subscriberEmailAddresses": "EMAIL", "subscriberSnsTopicArns": "SNS"}


def _budget(call: Call) -> dict[str, Json]:
    inputs = call.inputs
    filters = {each["name"]: each["values"] for each in inputs.get("costFilters") or []}
    types = {
        key: inputs["costTypes"][name] for name, key in COST_TYPES.items() if name in (inputs.get("costTypes") or {})
    }
    period = {key: _time(inputs[name]) for name, key in PERIOD.items() if inputs.get(name)}
    return {
        "BudgetName": inputs["name"],
        "BudgetType": inputs["budgetType"],
        "TimeUnit": inputs["timeUnit"],
        "BudgetLimit": {"Amount": inputs["limitAmount"], "Unit": inputs["limitUnit"]},
        **({"CostFilters": filters} if filters else {}),
        **({"CostTypes": types} if types else {}),
        **({"TimePeriod": period} if period else {}),
    }


def _time(declared: str) -> datetime:
    return datetime.strptime(declared, TIME).replace(tzinfo=UTC)


def _notified(each: Mapping[str, Json]) -> tuple[dict[str, Json], list[dict[str, str]]]:
    """A notification in the service's words, and whom it tells."""
    subscribers = [
        {"SubscriptionType": kind, "Address": address}
        for name, kind in SUBSCRIBERS.items()
        for address in each.get(name) or []
    ]
    return {key: each[name] for name, key in NOTIFICATION.items()}, subscribers


def create_budget(call: Call) -> str:
    """Make a budget with its notifications; the SDK's id is account and name."""
    account = call.inputs.get("accountId") or call.account
    notifications = [
        {"Notification": told, "Subscribers": subscribers}
        for told, subscribers in map(_notified, call.inputs.get("notifications") or [])
    ]
    call.aws("budgets").create_budget(
        AccountId=account,
        Budget=_budget(call),
        NotificationsWithSubscribers=notifications,
        **({"ResourceTags": call.tag_list} if call.tags else {}),
    )
    return f"{account}:{call.inputs['name']}"


def _where(call: Call) -> dict[str, str]:
    account, _, name = call.id.partition(":")
    return {"AccountId": account, "BudgetName": name}


def _arn(call: Call) -> str:
    where = _where(call)
    return f"arn:aws:budgets::{where['AccountId']}:budget/{where['BudgetName']}"


def update_budget(call: Call) -> None:
    """Change a budget, whom it notifies, and its tags."""
    budgets = call.aws("budgets")
    budgets.update_budget(AccountId=_where(call)["AccountId"], NewBudget=_budget(call))
    if call.changed("notifications"):
        for told in _told_notifications(call):
            budgets.delete_notification(**_where(call), Notification=told)
        for told, subscribers in map(_notified, call.inputs.get("notifications") or []):
            budgets.create_notification(**_where(call), Notification=told, Subscribers=subscribers)
    added, removed = call.tag_change()
    if removed:
        budgets.untag_resource(ResourceARN=_arn(call), ResourceTagKeys=removed)
    if added:
        tags = tags_to(added)
        budgets.tag_resource(ResourceARN=_arn(call), ResourceTags=tags)


def _told_notifications(call: Call) -> list[dict[str, Json]]:
    return list(call.aws("budgets").describe_notifications_for_budget(**_where(call)).get("Notifications") or [])


def read_budget(call: Call) -> View:
    """A budget."""
    client, where = call.aws("budgets"), _where(call)
    budget = client.describe_budget(**where)["Budget"]
    limit, types, period = (
        budget.get("BudgetLimit") or {},
        budget.get("CostTypes") or {},
        budget.get("TimePeriod") or {},
    )
    filters = budget.get("CostFilters") or {}
    notifications = []
    for told in _told_notifications(call):
        found = client.describe_subscribers_for_notification(**where, Notification=told)["Subscribers"]
        by_kind = {
            name: [each["Address"] for each in found if each["SubscriptionType"] == kind]
            for name, kind in SUBSCRIBERS.items()
        }
        notifications.append({name: told[key] for name, key in NOTIFICATION.items()} | by_kind)
    return {
        "name": budget["BudgetName"],
        "accountId": where["AccountId"],
        "budgetType": budget["BudgetType"],
        "timeUnit": budget["TimeUnit"],
        "limitAmount": limit.get("Amount"),
        "limitUnit": limit.get("Unit"),
        "costFilters": [{"name": name, "values": values} for name, values in filters.items()],
        "costTypes": {name: types[key] for name, key in COST_TYPES.items() if key in types} or None,
        "notifications": notifications,
        "arn": _arn(call),
        "tagsAll": tags_from(client.list_tags_for_resource(ResourceARN=_arn(call)).get("ResourceTags")),
        **{name: period[key].strftime(TIME) for name, key in PERIOD.items() if period.get(key)},
    }


def delete_budget(call: Call) -> None:
    """Remove a budget."""
    call.aws("budgets").delete_budget(**_where(call))


def amount_form(amount: Json) -> Json:
    """An amount so that 100 and 100.0 are equal."""
    return float(amount) if amount not in (None, "") else None


def check_budget(inputs: Mapping[str, Json]) -> list[tuple[str, str]]:
    """Amounts and times that can be read."""
    found = []
    for name in PERIOD:
        value = inputs.get(name)
        if isinstance(value, str):
            try:
                _time(value)
            except ValueError:
                found.append((name, f'give it as "2026-01-31_00:00" (found: "{value}")'))
    amount = inputs.get("limitAmount")
    if isinstance(amount, str):
        try:
            float(amount)
        except ValueError:
            found.append(("limitAmount", f'give a number as text (found: "{amount}")'))
    return found


OPERATORS: Final = ("GREATER_THAN", "LESS_THAN", "EQUAL_TO")
RECORDS = (
    Record(
        type="aws:budgets/budget:Budget",
        service="budgets",
        properties={
            "name": text(replaces=True),
            "namePrefix": text(replaces=True, unread=True),
            "accountId": text(cloud_decides=True, replaces=True),
            "budgetType": text(
                required=True,
                one_of=(
                    "COST",
                    "USAGE",
                    "RI_UTILIZATION",
                    "RI_COVERAGE",
                    "SAVINGS_PLANS_UTILIZATION",
                    "SAVINGS_PLANS_COVERAGE",
                ),
            ),
            "timeUnit": text(required=True, one_of=("DAILY", "MONTHLY", "QUARTERLY", "ANNUALLY")),
            "limitAmount": text(required=True, same_as=amount_form),
            "limitUnit": text(required=True),
            "timePeriodStart": text(cloud_decides=True),
            "timePeriodEnd": text(cloud_decides=True),
            "costFilters": set_of({"name": text(required=True), "values": texts(required=True)}),
            "costTypes": Prop(
                kind=Kind.OBJECT, fields={name: flag() for name in COST_TYPES}, cloud_decides=True, if_declared=True
            ),
            "notifications": set_of(
                {
                    "comparisonOperator": text(required=True, one_of=OPERATORS),
                    "notificationType": text(required=True, one_of=("ACTUAL", "FORECASTED")),
                    "threshold": Prop(kind=Kind.NUMBER, required=True),
                    "thresholdType": text(required=True, one_of=("PERCENTAGE", "ABSOLUTE_VALUE")),
                    "subscriberEmailAddresses": texts(),
                    "subscriberSnsTopicArns": texts(),
                }
            ),
            **TAGS,
        },
        name=Name(limit=100, allowed=r"A-Za-z0-9 ._\-"),
        create=create_budget,
        read=read_budget,
        update=update_budget,
        delete=delete_budget,
        gone=("NotFoundException",),
        check=check_budget,
        refused={
            "autoAdjustData": "nothing here costs anything, so no limit follows what was spent",
            "billingViewArn": "the local cloud has no billing views",
            "filterExpression": "give costFilters",
            "metrics": "give costTypes",
            "plannedLimits": "give limitAmount and limitUnit",
        },
    ),
)
