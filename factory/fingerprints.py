"""Fingerprints: the SHA-256 of exactly what was shown, whatever order its keys had."""

import hashlib
import json
from typing import Any


def canonical(value: Any) -> bytes:
    """`value` (plain JSON data) as the one text that means it: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def fingerprint(value: Any) -> str:
    """`sha256:<hex>` of the canonical form of `value`."""
    return "sha256:" + hashlib.sha256(canonical(value)).hexdigest()
