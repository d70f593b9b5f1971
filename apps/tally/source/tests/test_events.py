import json

import pytest

from tally.events import Event, InvalidEvent, read_event, read_message


def test_an_event_counts_once_unless_it_says_more() -> None:
    assert read_event({"name": "signup"}, "id") == Event("id", "signup", 1)
    assert read_event({"name": "sign-up_2.0", "count": 1_000_000}, "id") == Event("id", "sign-up_2.0", 1_000_000)


def test_a_message_says_all_of_an_event() -> None:
    event = Event("id", "signup", 2)
    assert read_message(event.message(), "another id") == event


def test_a_message_without_an_id_has_that_of_the_queue() -> None:
    assert read_message('{"name": "signup"}', "of-the-queue") == Event("of-the-queue", "signup", 1)


@pytest.mark.parametrize(
    "said",
    [
        None,
        [],
        "signup",
        {},
        {"name": 7},
        {"name": ""},
        {"name": "a b"},
        {"name": ".a"},
        {"name": "a\n"},
        {"name": "\u0661"},
        {"name": "a" * 65},
        {"name": "a", "count": 0},
        {"name": "a", "count": -1},
        {"name": "a", "count": 1_000_001},
        {"name": "a", "count": 1.0},
        {"name": "a", "count": True},
        {"name": "a", "count": "2"},
        {"name": "a", "count": None},
    ],
)
def test_what_is_no_event_is_refused_from_clients_and_on_the_queue(said: object) -> None:
    with pytest.raises(InvalidEvent):
        read_event(said, "id")
    with pytest.raises(InvalidEvent):
        read_message(json.dumps(said), "id")


@pytest.mark.parametrize(
    "body", ["", "no JSON", "[" * 100_000, '{"id": 7, "name": "a"}', '{"id": "", "name": "a"}', '{"id": "\\u0000"}']
)
def test_a_message_that_cannot_be_read_is_refused(body: str) -> None:
    with pytest.raises(InvalidEvent):
        read_message(body, "id")
