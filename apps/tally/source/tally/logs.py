"""One line of JSON on standard error for each thing that happened."""

import json
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path

TEXT_LIMIT = 200


def log(event: str, **facts: str | int | None) -> None:
    """Write one line. The caller names no secret; a text is cut after 200 characters."""
    cut = {name: fact[:TEXT_LIMIT] if isinstance(fact, str) else fact for name, fact in facts.items()}
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    # One call, so that the lines of two threads do not mix.
    sys.stderr.write(json.dumps({"time": now, "event": event} | cut) + "\n")


def log_error(event: str, **facts: str | int | None) -> None:
    """Write one line with the exception that is being handled, and where it was raised."""
    error = sys.exception()
    frames = traceback.extract_tb(error.__traceback__) if error else []
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else None
    log(event, why=repr(error), where=where, **facts)
