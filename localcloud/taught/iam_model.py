"""AWS's own managed policies: moto has all of them, and would load a thousand of them into every account, or none.

Here one is there as soon as it is asked for by its ARN.
"""

import json
from collections.abc import Callable
from functools import cache, wraps
from typing import Any, Final

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, IAMBackend
from moto.moto_api._internal import mock_random

Json = Any
PREFIX: Final = ":iam::aws:policy/"
# The methods that take a policy's ARN, and its place among their arguments.
ASKED: Final = {
    "attach_role_policy": 0,
    "attach_user_policy": 0,
    "attach_group_policy": 0,
    "get_policy": 0,
    "get_policy_version": 0,
    "list_policy_versions": 0,
}


def teach() -> None:
    """Give moto's IAM in this process AWS's policies, one by one. Calling it again changes nothing."""
    for name, place in ASKED.items():
        method = getattr(IAMBackend, name)
        if not hasattr(method, "__wrapped__"):
            setattr(IAMBackend, name, _loading(method, place))


def _loading(method: Callable[..., Json], place: int) -> Callable[..., Json]:
    @wraps(method)
    def call(self: IAMBackend, *arguments: Json, **named: Json) -> Json:
        _load(self, str(arguments[place] if len(arguments) > place else named.get("policy_arn")))
        return method(self, *arguments, **named)

    return call


def _load(backend: IAMBackend, arn: str) -> None:
    if PREFIX not in arn or arn in backend.managed_policies:
        return
    name = arn.rpartition("/")[2]
    data = _published().get(name)
    if data is None:
        return
    before = mock_random.getstate()
    # The same id whoever asks first, and after each restart.
    mock_random.seed(arn)
    try:
        policy = AWSManagedPolicy.from_data(name, backend.account_id, backend.region_name, data)
    finally:
        mock_random.setstate(before)
    if policy.arn == arn:
        backend.managed_policies[arn] = policy


@cache
def _published() -> dict[str, Json]:
    return dict(json.loads(aws_managed_policies_data))
