"""What is wrong with an order is told by its place, and never by what was said: an order may hold a secret."""

import json
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from access.apis import orders as apis
from access.aws import orders as aws
from access.git import orders as git
from access.postgres import orders as postgres
from access.ssh import orders as ssh


@pytest.mark.parametrize("kind", [apis, aws, git, postgres, ssh])
@pytest.mark.parametrize("line", ['{{"order": "open", "grant": "!", "{name}": ["{said}"]}}', '{{"{name}": "{said}"'])
def test_an_order_that_is_none_is_not_told_by_what_it_says(kind: Any, line: str) -> None:
    order: TypeAdapter[Any] = kind.ORDER
    assert order.validate_json(json.dumps({"order": "close", "grants": {"g1": "over"}})).grants == {"g1": "over"}
    with pytest.raises(ValidationError) as wrong:
        order.validate_json(line.format(name="secret", said="not-to-be-told"))
    assert "not-to-be-told" not in str(wrong.value)
    assert wrong.value.error_count() >= 1
