"""Refused logins: some are told one by one, of the others how many there were, and nothing is lost at the end."""

import asyncio

from access.few import Refusals
from access.orders import Happened


def refused(seconds: float, *grants: str) -> list[Happened]:
    """What is told of refused logins of these grants when two of each are told one by one."""
    told: list[Happened] = []

    async def refuse() -> None:
        logins = Refusals(2, seconds, Happened, told.append)
        for grant in grants:
            logins.refuse(grant, "127.0.0.1:1", "key", "no such key")
        logins.close()
        # It may go on after that, and begins to count anew.
        logins.refuse("g", "127.0.0.1:1", "key", "no such key")
        logins.close()

    asyncio.run(refuse())
    return told


def test_what_is_more_than_some_is_counted_by_grant_and_told_at_the_end() -> None:
    told = refused(3600.0, "g", "", "g", "g", "g", "")
    assert [(each.grant, each.reason, each.detail) for each in told] == [
        *(("g", "key", "no such key"), ("", "key", "no such key"), ("g", "key", "no such key")),
        ("", "key", "no such key"),
        ("g", "limit", "2 more logins were refused"),
        ("g", "key", "no such key"),
    ]


def test_few_are_told_each_and_nothing_is_summed_up() -> None:
    assert [each.reason for each in refused(3600.0, "g", "")] == ["key", "key", "key"]
