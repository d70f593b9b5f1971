"""The statements that one session has prepared, by name, and whether the values for them are recorded. Pure.

The protocol's Parse and SQL's PREPARE share the names. SQL's DEALLOCATE is not followed, so a name that once was of a
statement which hides its values hides them for good.
"""

from dataclasses import dataclass

from access.postgres.refusals import Reason, Refused
from access.postgres.statements import Judgement
from access.postgres.texts import without_constants


@dataclass(frozen=True)
class Prepared:
    """`types`: those of its parameters, as Parse told them; `hides`: their values are not recorded."""

    types: tuple[int, ...]
    hides: bool


class Named:
    """Those of one session; no more than `most` of each kind."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._parsed: dict[str, Prepared] = {}
        # By SQL's PREPARE: whether any text of that name hides.
        self._by_sql: dict[str, bool] = {}

    def require_place(self, name: str) -> None:
        """Raises Refused: so many are there already."""
        if len(self._parsed) >= self._most and name not in self._parsed:
            raise _too_many()

    def parse(self, name: str, prepared: Prepared) -> None:
        """Parse has made it."""
        self._parsed[name] = prepared

    def close(self, name: str) -> None:
        """Close has taken it away."""
        self._parsed.pop(name, None)

    def bound(self, name: str) -> Prepared:
        """What is bound by this name. Of one that is not known, nothing is shown."""
        found, by_sql = self._parsed.get(name), self._by_sql.get(name)
        if found is None:
            return Prepared((), hides=by_sql is not False)
        return Prepared(found.types, hides=True) if by_sql else found

    def recorded(self, text: str, judgement: Judgement, *, passes: bool) -> str:
        """What is recorded of a text that may prepare and execute. Raises Refused.

        In `EXECUTE p('x')` only the statement `p` tells what 'x' is; where that is not known, it is taken out.
        """
        if passes:
            for name in judgement.prepares:
                self._by_sql[name] = judgement.hides or self._by_sql.get(name, False)
            if len(self._by_sql) > self._most:
                raise _too_many()
        if judgement.executes and any(self.bound(name).hides for name in judgement.executes):
            return without_constants(text)
        return judgement.text


def _too_many() -> Refused:
    return Refused(Reason.LIMIT, "54000", "too many prepared statements")
