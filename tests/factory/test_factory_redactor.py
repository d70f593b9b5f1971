"""Secrets are taken out of outputs, in every form and across every boundary; what is none stays as it is."""

import base64
import html
import json
import shlex
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.redactor import Redactor, forms

VALUE = "s3cret/with+odd \"characters\" & 'more' äö"
MARK = "[redacted: KEY]"
KEY = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\nAgEGCCqGSM49AwEHBG0w\n-----END PRIVATE KEY-----\n"


def taken_out(text: str, value: str = VALUE) -> str:
    return Redactor({"KEY": value}).text(text)


@pytest.mark.parametrize(
    "form",
    [
        VALUE,
        VALUE.encode().hex(),
        VALUE.encode().hex().upper(),
        quote(VALUE),
        quote(VALUE, safe=""),
        quote_plus(VALUE),
        quote(VALUE, safe="").lower(),
        json.dumps(VALUE)[1:-1],
        json.dumps(VALUE, ensure_ascii=False)[1:-1],
        repr(VALUE)[1:-1],
        shlex.quote(VALUE)[1:-1],
        html.escape(VALUE),
    ],
)
def test_a_secret_is_taken_out_in_each_form(form: str) -> None:
    assert taken_out(f"before {form} after") == f"before {MARK} after"
    assert taken_out("before s3cret after") == "before s3cret after"


@pytest.mark.parametrize("before", ["", "u", "user", "user:"])
@pytest.mark.parametrize("after", ["", "!", "!!"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_secret_is_found_wherever_it_stands_in_base64(
    before: str, after: str, encode: Callable[[bytes], bytes]
) -> None:
    written = encode(f"{before}{VALUE}{after}".encode()).decode()
    found = taken_out(f"Basic {written}")
    assert MARK in found
    # At most a character of it is left at each end, with less than a byte of the secret.
    begin, end = found.removeprefix("Basic ").split(MARK)
    assert len(begin) <= -(-len(before) * 8 // 6)
    assert len(end.rstrip("=")) <= len(after) * 8 // 6 + 2
    other = encode(f"{before}{VALUE[::-1]}".encode()).decode()
    assert taken_out(other) == other


def test_of_two_that_begin_alike_the_longer_one_is_named() -> None:
    both = Redactor({"SHORT": "abcdefgh", "LONG": "abcdefghijkl"})
    assert both.text("abcdefghijkl abcdefgh") == "[redacted: LONG] [redacted: SHORT]"


def test_each_line_of_a_secret_with_several_is_taken_out() -> None:
    said = taken_out(f"key:\n  {KEY.splitlines()[1]}\n  {KEY.splitlines()[2]}\n", KEY)
    assert said == f"key:\n  {MARK}\n  {MARK}\n"
    assert taken_out(KEY, KEY) == MARK
    # Written without the end of its last line.
    assert taken_out(f"<{KEY.strip()}>", KEY) == f"<{MARK}>"


def test_a_short_secret_is_taken_out_as_it_is_and_makes_nothing_else_unreadable() -> None:
    assert taken_out("pin 4711, hex 34373131", "4711") == f"pin {MARK}, hex {MARK}"
    assert taken_out("ab cd", "ab") == f"{MARK} cd"
    assert taken_out("nothing", "") == "nothing"


def test_what_is_cut_off_in_the_middle_of_a_secret_does_not_show_its_beginning() -> None:
    redactor = Redactor({"KEY": VALUE})
    assert redactor.text("it is s3cret/with", cut=True) == f"it is {MARK}"
    assert redactor.text("it is s3cret/with") == "it is s3cret/with"
    assert redactor.text("it is nothing:", cut=True) == "it is nothing:"


@given(st.data())
def test_in_parts_comes_what_comes_of_the_whole(data: st.DataObject) -> None:
    values = data.draw(st.dictionaries(st.sampled_from("AB"), st.text("ab", min_size=1, max_size=4)))
    redactor = Redactor(values)
    pieces = [value.encode() for value in values.values()] + [
        form for value in values.values() for form in forms(value)
    ]
    parts = data.draw(st.lists(st.one_of(st.binary(max_size=3), st.sampled_from([*pieces, b"ab"])), max_size=12))
    whole = b"".join(parts)
    stream = redactor.stream()
    at_once = stream.feed(whole) + stream.end()
    in_parts = redactor.stream()
    size = data.draw(st.integers(1, 5))
    passed = b"".join(in_parts.feed(whole[at : at + size]) for at in range(0, len(whole), size)) + in_parts.end()
    assert passed == at_once


@given(st.text('xyé/"', min_size=1), st.text('xyé/"'), st.text('xyé/"'))
def test_whatever_a_secret_is_it_does_not_pass(value: str, before: str, after: str) -> None:
    kept = Redactor({"KEY": value}).text(before + value + after)
    assert value not in kept
    assert MARK in kept
