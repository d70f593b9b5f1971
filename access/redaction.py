"""What never gets into the audit log, which nobody can change later: credentials, by the shapes that policies know.

It stands beside the log: the processes of the PostgreSQL relay use it, and have no use for a database.
"""

import re
from typing import Any, Final

from policies.checks.shapes import SHAPES, URL_PASSWORD

# Of the value under such a name nothing is kept, whatever it looks like.
NAMES: Final = re.compile(
    r"(?:^|_)(?:password|passwd|passphrase|secret_value|private_key|api_key|authorization)$", re.IGNORECASE
)
PRIVATE_KEY: Final = re.compile(
    r"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?)-----.*?(?:-----END \1-----|\Z)", re.DOTALL
)
# One of these stands in whatever a shape takes, so text without any is not searched for each (a test holds that).
HINT: Final = re.compile(
    r"-----BEGIN |A[KS]IA|AIza|gh[pousr]_|github_pat_|glpat-|xox|hooks\.slack|k_live_|sk-ant-|npm_|pypi-|eyJ|://"
)


def redacted(value: Any) -> Any:
    """`value` (plain JSON data) without credentials; what stood there is named by its kind."""
    match value:
        case dict():
            return {key: _under(key, inner) for key, inner in value.items()}
        case list():
            return [redacted(inner) for inner in value]
        case str():
            return redacted_text(value)
        case _:
            return value


def _under(name: str, value: Any) -> Any:
    if isinstance(value, str) and value and NAMES.search(name):
        return f"[redacted: {name}]"
    return redacted(value)


def redacted_text(text: str) -> str:
    """The same of a text."""
    if not HINT.search(text):
        return text
    # A key's shape is only its first line; what is secret follows.
    text = PRIVATE_KEY.sub("[redacted: a private key]", text)
    for kind, shape in SHAPES:
        text = shape.sub(f"[redacted: {kind}]", text)
    return URL_PASSWORD.sub(lambda found: found[0].replace(f":{found[1]}@", ":[redacted: a password]@"), text)
