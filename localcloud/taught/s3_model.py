"""A bucket's policy refuses what it refuses without a condition: moto reads each condition as one that holds.

A bucket that denies whatever does not come over TLS, as every one of a factory does, would take and give nothing.
"""

import json
from functools import wraps
from typing import Any

from moto.s3.models import FakeBucket

Json = Any


def teach() -> None:
    """Let moto's S3 in this process leave conditional statements out. Calling it again changes nothing."""
    plain: Json = FakeBucket.get_permission
    if hasattr(plain, "__wrapped__"):
        return

    @wraps(plain)
    def get_permission(self: Json, action: str, resource: str) -> Json:
        stored = self.policy
        if stored is None:
            return plain(self, action, resource)
        self.policy = _unconditional(stored)
        try:
            return plain(self, action, resource)
        finally:
            self.policy = stored

    bucket: Json = FakeBucket
    bucket.get_permission = get_permission


def _unconditional(policy: bytes) -> bytes:
    document: Json = json.loads(policy)
    statements = document.get("Statement", [])
    listed = statements if isinstance(statements, list) else [statements]
    document["Statement"] = [each for each in listed if not each.get("Condition")]
    return json.dumps(document).encode()
