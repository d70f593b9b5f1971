"""Destroying production: asked by a person who proves it, decided by another, once, for exactly what stands."""

import pytest
from production_bench import ask_to_destroy, asked_by, decide, stand
from production_bench import place as place  # noqa: PLC0414  (the fixture)

from factory import decisions, demo_people
from factory.errors import DecisionRequired, InputError
from stacks import destruction
from stacks.places import Place


def test_destroying_needs_a_decision_on_exactly_what_stands(place: Place) -> None:
    with pytest.raises(InputError, match="does not stand"):
        destruction.require_destroy(place)
    stand(place, "2026-01-01T00:00:00")
    with pytest.raises(DecisionRequired, match="nobody was asked"):
        destruction.require_destroy(place)
    assert destruction.asked(place) is None
    request = ask_to_destroy(place, demo_people.AUTHOR)
    assert ask_to_destroy(place, demo_people.AUTHOR).id == request.id
    with pytest.raises(DecisionRequired, match="nobody has decided"):
        destruction.require_destroy(place)
    decide(place, request.id)
    destruction.require_destroy(place)
    # Another update since: it is asked anew, so one decision destroys once.
    stand(place, "2026-01-02T00:00:00")
    with pytest.raises(DecisionRequired, match="nobody was asked"):
        destruction.require_destroy(place)


def test_who_asks_to_destroy_proves_it_and_does_not_decide_it(place: Place) -> None:
    stand(place, "2026-01-01T00:00:00")
    with pytest.raises(InputError, match="is not one of demo-author's"):
        destruction.ask(place, demo_people.AUTHOR, asked_by(place, demo_people.AUTHOR, key_of=demo_people.OPERATOR))
    assert destruction.asked(place) is None
    request = ask_to_destroy(place, demo_people.OPERATOR)
    with pytest.raises(decisions.DecisionRefused, match="nobody decides on their own work"):
        decide(place, request.id)
    with pytest.raises(DecisionRequired, match="nobody has decided"):
        destruction.require_destroy(place)
