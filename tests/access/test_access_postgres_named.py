"""What stands in EXECUTE is recorded where it is known what it stands for, and taken out everywhere else."""

import pytest
from postgres_place import run
from test_access_postgres_wire import EXECUTE, SYNC, TOGETHER, Line, bind, parse, query

from access.postgres.judging import Elsewhere
from access.postgres.limits import Limits
from access.postgres.refusals import Refused

HARMLESS = "PREPARE p AS SELECT a FROM notes WHERE b = $1"
HIDING = "PREPARE p AS UPDATE users SET password = $1"


def said(*texts: str) -> list[str]:
    """What is recorded of these, one after the other."""
    line = Line(TOGETHER)
    line.say(b"".join(map(query, texts)))
    return [each["text"] for each in line.of("query")]


def test_what_is_executed_under_a_name_of_this_session_is_recorded_as_the_statement_allows() -> None:
    assert said(HARMLESS, "EXECUTE p('shown', 7)")[-1] == "EXECUTE p('shown', 7)"
    assert said(HIDING, "EXECUTE p('secret')")[-1] == "EXECUTE p(?)"
    assert said(HARMLESS, "EXPLAIN EXECUTE P('shown')")[-1] == "EXPLAIN EXECUTE P('shown')"
    assert said(f"{HARMLESS}; EXECUTE p('shown')") == [f"{HARMLESS}; EXECUTE p('shown')"]
    assert "secret" not in said(f"{HIDING}; EXECUTE p('secret')")[0]


@pytest.mark.parametrize(
    "before",
    [
        [],
        ["PREPARE q AS SELECT $1"],
        # Refused, so that another one may have the name.
        ["PREPARE p AS DROP TABLE notes"],
        [HIDING, "DEALLOCATE p", HARMLESS],
        [HARMLESS, "DEALLOCATE ALL", HIDING],
    ],
)
def test_where_that_is_not_known_it_is_taken_out(before: list[str]) -> None:
    assert said(*before, "EXECUTE p('secret')")[-1] == "EXECUTE p(?)"


def test_the_protocols_own_names_are_the_same_names() -> None:
    line = Line(TOGETHER)
    line.say(parse("SELECT a FROM notes WHERE b = $1", "s") + parse("SELECT $1 AS password", "t") + SYNC)
    line.say(query("EXECUTE s('shown')") + query("EXECUTE t('secret')"))
    assert [each["text"] for each in line.of("query")] == ["EXECUTE s('shown')", "EXECUTE t(?)"]
    line.say(query(HARMLESS) + bind(b"shown", name="p") + EXECUTE + SYNC)
    line.say(query(HIDING) + bind(b"secret", name="p") + EXECUTE + SYNC)
    assert [each["values"] for each in line.of("bind")] == [["shown"], ["[redacted]"]]


def test_names_are_bounded() -> None:
    line = Line(TOGETHER, Limits(prepared=3))
    for number in range(3):
        line.say(query(f"PREPARE p{number} AS SELECT 1"))
    with pytest.raises(Refused, match="too many prepared statements"):
        line.say(query("PREPARE p3 AS SELECT 1"))


def test_the_parsers_own_process_tells_names_too() -> None:
    async def ask() -> None:
        elsewhere = Elsewhere(20)
        found = await elsewhere.judge(f"{HARMLESS}; EXECUTE q(1)", ())
        process = elsewhere._process
        elsewhere.close()
        assert process is not None
        await process.wait()
        assert (found.prepares, found.executes) == (("p",), ("q",))

    run(ask())
