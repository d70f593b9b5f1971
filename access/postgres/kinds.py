"""What a statement does, as a grant allows it."""

from enum import StrEnum


class StatementKind(StrEnum):
    """One statement may be of several kinds: all of them have to be allowed. OTHER never is: it has no meaning here."""

    READ = "read"
    """Reads rows or settings and changes nothing: SELECT, FETCH, EXPLAIN, SHOW, LOCK in the mode of a reader."""
    WRITE = "write"
    """Changes rows, sequences or large objects, or locks rows against others: SELECT ... FOR UPDATE is one."""
    DDL = "ddl"
    """Changes what there is: CREATE, ALTER, DROP, SELECT INTO."""
    TRANSACTION = "transaction"
    """BEGIN, COMMIT, ROLLBACK, SAVEPOINT and how isolated they are."""
    SESSION = "session"
    """Settings of this session: SET, RESET, DISCARD."""
    COPY_IN = "copy_in"
    """COPY ... FROM STDIN (a write as well)."""
    COPY_OUT = "copy_out"
    """COPY ... TO STDOUT (with a query: of that query's kinds as well)."""
    ROUTINE = "routine"
    """Code or SQL text that the database runs and the relay cannot judge: CALL, DO, query_to_xml()."""
    ROLE = "role"
    """Who may do what, and as whom: CREATE ROLE, GRANT, SET ROLE, set_config() of a name that cannot be seen."""
    MAINTENANCE = "maintenance"
    """What concerns the server or other sessions: VACUUM, ALTER SYSTEM, pg_terminate_backend(), PREPARE TRANSACTION."""
    LISTEN = "listen"
    """LISTEN, UNLISTEN, NOTIFY."""
    PREPARE = "prepare"
    """PREPARE (of the kinds of its statement as well), EXECUTE, DEALLOCATE."""
    OTHER = "other"
    """Not parsed, or not known."""
