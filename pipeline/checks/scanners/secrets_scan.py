"""`python secrets_scan.py`: the secrets in the files below the working folder, as JSON lines, their values hashed."""

import hashlib
import json
import sys
from pathlib import Path

from detect_secrets.core.scan import scan_file
from detect_secrets.settings import default_settings

# All of these pass over a line or a file because of what its author wrote around the value, or named it.
SILENCERS = (
    "allowlist.is_line_allowlisted",
    "heuristic.is_indirect_reference",
    "heuristic.is_likely_id_string",
    "heuristic.is_lock_file",
    "heuristic.is_non_text_file",
    "heuristic.is_prefixed_with_dollar_sign",
    "heuristic.is_swagger_file",
)
HASH_LENGTH = 12


def main() -> None:
    """Scan every file; the last line says how many, so that a run that was cut short is none."""
    files = sorted(path for path in Path().rglob("*") if path.is_file())
    with default_settings() as settings:
        settings.disable_filters(*(f"detect_secrets.filters.{name}" for name in SILENCERS))
        for path in files:
            for secret in scan_file(str(path)):
                value = hashlib.sha256((secret.secret_value or "").encode()).hexdigest()[:HASH_LENGTH]
                found = {"path": str(path), "line": secret.line_number, "type": secret.type, "hash": value}
                sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.write(json.dumps({"scanned": len(files)}) + "\n")


if __name__ == "__main__":
    main()
