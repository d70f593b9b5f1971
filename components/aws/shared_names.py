"""Names of what all apps share, which follow from the account: a stack may name it without depending on it."""

from components.naming import physical_name

# The stack of what all apps share, and the first part of each name in it. No app may be called so.
PLATFORM = "platform"
# S3 allows bucket names of 63 characters.
BUCKET_NAME_LIMIT = 63


def audit_bucket(account: str) -> str:
    """The bucket of the account's audit trail."""
    return physical_name(PLATFORM, "audit", account, limit=BUCKET_NAME_LIMIT)


def state_bucket(account: str) -> str:
    """The bucket of the stacks' states."""
    return physical_name(PLATFORM, "state", account, limit=BUCKET_NAME_LIMIT)
