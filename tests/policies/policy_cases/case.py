"""What the cases of the pack share beside the model of a case (`policies.testing`)."""

from policies.testing.case import NONE, OWN_ACCOUNT, SETTINGS, Case, thing, urn

__all__ = ["EVASION", "LINKS_TAGS", "NONE", "OWN_ACCOUNT", "SETTINGS", "Case", "thing", "urn"]

EVASION = "evasion of the rule as others write it"
LINKS_TAGS = {"app": "links", "environment": "build", "owner": "web", "cost-center": "web"}
