"""What a rule's own file says its cases with, and what holds a rule against them; `millwright policy test` runs it.

Rules of a factory's own, the console and tests may import it. Importing it loads no Pulumi code; `rpc` does.
"""

from policies.testing.case import SETTINGS, Case, thing, urn

__all__ = ["SETTINGS", "Case", "thing", "urn"]
