"""Budgets can be changed and tagged, and tell whom they notify. They watch nothing: nothing here costs anything."""

import json
from functools import wraps
from typing import Any

from moto.budgets.exceptions import NotFoundException
from moto.budgets.responses import BudgetsResponse
from moto.core.utils import unix_time

Json = Any


def teach() -> None:
    """Give moto's Budgets in this process the calls it lacks. Calling it again changes nothing."""
    door: Any = BudgetsResponse
    door.update_budget = _update
    door.describe_subscribers_for_notification = _subscribers
    door.tag_resource = _tag
    door.untag_resource = _untag
    door.list_tags_for_resource = _tags
    door.create_budget = _created_with_tags(door.create_budget)


def _created_with_tags(create: Json) -> Json:
    if hasattr(create, "__wrapped__"):
        return create

    @wraps(create)
    def call(self: Json) -> str:
        answer = str(create(self))
        given = json.loads(self.body)
        budget = _budget(self, given["AccountId"], given["Budget"]["BudgetName"])
        budget.tags = {tag["Key"]: tag["Value"] for tag in given.get("ResourceTags") or []}
        return answer

    return call


def _budget(self: Json, account: str, name: str) -> Json:
    found: Json = self.backend.budgets[account].get(name)
    if found is None:
        raise NotFoundException(f"Unable to get budget: {name} - the budget doesn't exist.")
    return found


def _update(self: Json) -> str:
    given = json.loads(self.body)
    new = given["NewBudget"]
    found = _budget(self, given["AccountId"], new["BudgetName"])
    # Its period stays when none is given.
    found.budget = {"TimePeriod": found.budget["TimePeriod"], **new, "LastUpdatedTime": unix_time()}
    return "{}"


def _subscribers(self: Json) -> str:
    given = json.loads(self.body)
    for notification in _budget(self, given["AccountId"], given["BudgetName"]).notifications:
        if notification.details == given["Notification"]:
            return json.dumps({"Subscribers": notification.subscribers})
    raise NotFoundException("Unable to describe subscribers - the notification doesn't exist.")


def _by_arn(self: Json) -> Json:
    arn = json.loads(self.body)["ResourceARN"]
    return _budget(self, arn.split(":")[4], arn.rpartition("/")[2])


def _tag(self: Json) -> str:
    budget = _by_arn(self)
    budget.tags |= {tag["Key"]: tag["Value"] for tag in json.loads(self.body)["ResourceTags"]}
    return "{}"


def _untag(self: Json) -> str:
    budget = _by_arn(self)
    for key in json.loads(self.body)["ResourceTagKeys"]:
        budget.tags.pop(key, None)
    return "{}"


def _tags(self: Json) -> str:
    tags = [{"Key": key, "Value": value} for key, value in _by_arn(self).tags.items()]
    return json.dumps({"ResourceTags": tags})
