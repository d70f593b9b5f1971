"""What is taken for a place, everybody takes for the same place; what a list lets through is on the list."""

from urllib.parse import urlsplit

from hypothesis import example, given
from hypothesis import strategies as st

from access.egress.decision import Target, require_allowed, shown, target_of
from access.egress.refusals import Refused
from factory.spec import egress_rule

TARGETS = st.text(st.sampled_from("aB.-:@/[]#?%\\0127* "), max_size=24) | st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "a.", "u@", "//", "["]),
    st.just("b.example.com"),
    st.text("0123456789:./@", max_size=6),
)
RULES = [egress_rule(text) for text in ("b.example.com", "*.b.example.com:27")]


def place(target: str) -> Target | None:
    try:
        return target_of(b"CONNECT", target.encode(), [])
    except Refused:
        return None


@given(TARGETS)
@example("b.example.com:443")
@example("a.b.example.com:27")
@example("B.EXAMPLE.COM:1")
def test_a_target_that_is_taken_is_read_in_the_same_way_by_others(target: str) -> None:
    if found := place(target):
        other = urlsplit(f"//{target}")
        assert (other.hostname, other.port, other.username, other.path) == (found.host, found.port, None, "")
        assert str(found) == target.lower()


@given(TARGETS)
@example("b.example.com:443")
@example("a.b.example.com:27")
def test_what_is_let_through_is_on_the_list(target: str) -> None:
    if found := place(target):
        listed = str(found) == "b.example.com:443" or (found.host.endswith(".b.example.com") and found.port == 27)
        try:
            require_allowed(RULES, found)
        except Refused:
            assert not listed or found.host.count(".") != 3
        else:
            assert listed


def test_what_is_recorded_of_a_request_holds_no_credential() -> None:
    assert shown(b"GET", b"http://user:word@localhost/x?token=word#word") == "GET http://localhost/x"
    assert shown(b"CONNECT", b"user:word@localhost:443") == "CONNECT localhost:443"
    assert len(shown(b"GET", b"x" * 8000)) == 200
