"""Who may be let into what: decided by Cedar, from app.yaml's `access:` and the base policies written by hand.

Pure: it grants nothing and remembers nothing but what it parsed. The rest of `access` asks it, and `console` for
`access why`. Whatever cannot be decided is refused.
"""

from access.rules.asked import Asked, Verdict
from access.rules.deciding import decide, may_approve, may_stop, may_stop_all, statement_kinds
from access.rules.engine import STATEMENT_KINDS
from access.rules.explaining import as_json, explain
from access.rules.generated import location_of, policies_of

__all__ = [
    "STATEMENT_KINDS",
    "Asked",
    "Verdict",
    "as_json",
    "decide",
    "explain",
    "location_of",
    "may_approve",
    "may_stop",
    "may_stop_all",
    "policies_of",
    "statement_kinds",
]
