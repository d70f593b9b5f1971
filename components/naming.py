"""Names: logical names are stable words; physical names are derived from them and fit the service's limit."""

import hashlib


def physical_name(*parts: str, limit: int, separator: str = "-") -> str:
    """`parts` joined; when that is longer than `limit`, cut and ended by a hash of the whole, so it stays unique.

    The same parts always give the same name: a name never depends on what else exists.
    """
    whole = separator.join(parts)
    if len(whole) <= limit:
        return whole
    digest = hashlib.sha256(whole.encode()).hexdigest()[:8]
    return f"{whole[: limit - 9].rstrip('-/')}-{digest}"
