"""The life of a grant, as a pure table: every move there is, and nothing beside it."""

from enum import StrEnum
from typing import Final

from factory.errors import MillwrightError


class State(StrEnum):
    """Where a grant is.

    `requested`: it waits for people. `issuing`: it may be, and what it needs at the provider is being made. `active`:
    it can be used. `revoking`: it ends, and what was made is being taken away. `revoke_failed`: that did not work yet,
    and is tried again for as long as it takes. `ended`, `denied`: nothing of it is left, or ever was.
    """

    REQUESTED = "requested"
    ISSUING = "issuing"
    ACTIVE = "active"
    REVOKING = "revoking"
    REVOKE_FAILED = "revoke_failed"
    ENDED = "ended"
    DENIED = "denied"


class Move(StrEnum):
    """What can happen to it."""

    ALLOW = "allow"
    DENY = "deny"
    ISSUED = "issued"
    REVOKE = "revoke"
    FAIL = "fail"
    RETRY = "retry"
    END = "end"


MOVES: Final[dict[tuple[State, Move], State]] = {
    (State.REQUESTED, Move.ALLOW): State.ISSUING,
    (State.REQUESTED, Move.DENY): State.DENIED,
    (State.ISSUING, Move.ISSUED): State.ACTIVE,
    # Something may have been made for it already: what is not used is taken away like what was.
    (State.ISSUING, Move.REVOKE): State.REVOKING,
    (State.ACTIVE, Move.REVOKE): State.REVOKING,
    (State.REVOKING, Move.END): State.ENDED,
    (State.REVOKING, Move.FAIL): State.REVOKE_FAILED,
    (State.REVOKE_FAILED, Move.RETRY): State.REVOKING,
}
# In these something may stand at the provider.
LIVE: Final = frozenset({State.ISSUING, State.ACTIVE, State.REVOKING, State.REVOKE_FAILED})
# From these nothing comes after.
OVER: Final = frozenset({State.ENDED, State.DENIED})


class IllegalMove(MillwrightError):
    """A grant was to make a move that it cannot make from where it is."""


def moved(state: State, move: Move) -> State:
    """Where a grant is after a move. Raises IllegalMove: there is no such move from there."""
    if (after := MOVES.get((state, move))) is None:
        raise IllegalMove(f"a grant that is {state} cannot {move}", hint=f"from {state}: {_possible(state)}")
    return after


def _possible(state: State) -> str:
    return ", ".join(move for at, move in MOVES if at is state) or "nothing"
