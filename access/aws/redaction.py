"""What of a call is recorded: its parameters, without what messages hold and what may be a credential."""

import hashlib
from typing import Any, Final

# What is handed over or said to others: by length and digest only.
CONTENT: Final = frozenset({"messagebody", "stringvalue", "binaryvalue", "stringlistvalues", "binarylistvalues"})
SECRETS: Final = ("secret", "password", "token", "plaintext")
# Names of things that hold nothing.
NAMES: Final = frozenset({"nexttoken", "secretid"})
MOST_ENTRIES: Final = 50


def redacted(parameters: Any, most_bytes: int, name: str = "") -> Any:
    """The same, fit to be recorded. `most_bytes`: of one value."""
    key = name.lower()
    if key in CONTENT or (key not in NAMES and any(part in key for part in SECRETS)):
        return summary(parameters)
    if isinstance(parameters, dict):
        return {each: redacted(value, most_bytes, each) for each, value in parameters.items()}
    if isinstance(parameters, list):
        found = [redacted(value, most_bytes, name) for value in parameters[:MOST_ENTRIES]]
        return [*found, f"and {len(parameters) - MOST_ENTRIES} more"] if len(parameters) > MOST_ENTRIES else found
    if isinstance(parameters, str) and len(parameters.encode(errors="replace")) > most_bytes:
        return summary(parameters)
    return parameters


def summary(value: Any) -> dict[str, Any]:
    """Of a value that is not recorded: how long it is in UTF-8, and its SHA-256."""
    content = (value if isinstance(value, str) else str(value)).encode(errors="replace")
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
