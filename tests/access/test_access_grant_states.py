"""A grant's life: the moves that there are, and that there is no other."""

import itertools

import pytest

from access.grants import LIVE, OVER, IllegalMove, Move, State, moved
from access.grants.states import MOVES


@pytest.mark.parametrize(("state", "step"), list(itertools.product(State, Move)))
def test_a_move_that_is_not_written_down_is_an_error_that_names_those_that_are(state: State, step: Move) -> None:
    if (state, step) in MOVES:
        assert moved(state, step) is MOVES[state, step]
        return
    with pytest.raises(IllegalMove, match=f"{state} cannot {step}") as refused:
        moved(state, step)
    possible = [each for at, each in MOVES if at is state]
    assert refused.value.hint == f"from {state}: {', '.join(possible) or 'nothing'}"


def test_every_state_can_be_reached_and_leads_to_an_end() -> None:
    reached, looked = {State.REQUESTED}, set()
    while new := reached - looked:
        looked |= new
        reached |= {after for (at, _), after in MOVES.items() if at in new}
    assert reached == set(State)
    ends = {state for state in State if not any(at is state for at, _ in MOVES)}
    assert ends == OVER


def test_what_may_stand_at_a_provider_never_ends_without_being_taken_away() -> None:
    ways_in = [(at, step) for (at, step), after in MOVES.items() if after is State.ENDED]
    assert ways_in == [(State.REVOKING, Move.END)]
    assert State.REQUESTED not in LIVE
    assert {after for (at, _), after in MOVES.items() if at in LIVE} <= LIVE | {State.ENDED}
