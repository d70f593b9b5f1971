import pytest

from docsite.__main__ import PAGES
from docsite.pages import read_pages, render
from docsite.search import EXCERPT_LENGTH, Index, excerpt, words


def index(**texts: str) -> Index:
    return Index(render(name, f"# {text}") for name, text in texts.items())


def found(index: Index, query: str, most: int = 10) -> list[str]:
    return [hit.page.name for hit in index.search(query, most)]


def test_only_pages_with_a_word_of_the_query_are_found() -> None:
    pages = index(a="A\n\nred apple", b="B\n\ngreen apple", c="C\n\nplum")
    assert found(pages, "apple") == ["a", "b"]
    assert sorted(found(pages, "plum red")) == ["a", "c"]
    assert found(pages, "cherry") == found(pages, "") == found(pages, "?!") == []


def test_a_rare_word_counts_more_than_a_common_one() -> None:
    pages = index(a="A\n\nthe the apple", b="B\n\nthe plum", c="C\n\nthe pear", d="D\n\nthe fig")
    assert found(pages, "the plum")[0] == "b"


def test_the_same_word_more_often_counts_more_and_in_a_long_page_less() -> None:
    pages = index(a="A\n\napple pear plum", b="B\n\napple apple plum", c="C\n\napple " + "other " * 50)
    assert found(pages, "apple") == ["b", "a", "c"]


def test_a_word_in_the_title_counts_more() -> None:
    assert found(index(a="Fruit\n\napple plum", b="Apple\n\nfruit plum"), "apple") == ["b", "a"]


def test_equal_pages_come_by_name_and_no_more_than_asked_for() -> None:
    pages = index(c="T\n\napple", a="T\n\napple", b="T\n\napple")
    assert found(pages, "apple") == ["a", "b", "c"]
    assert found(pages, "apple", most=2) == ["a", "b"]


@pytest.mark.parametrize("query", ["HELD-OUT", "held out", "held_out", "\uff28eld \uff4fut", "out, held!"])
def test_spelling_does_not_matter(query: str) -> None:
    assert found(index(a="A\n\nheld-out criteria", b="B\n\nother"), query) == ["a"]


def test_words_of_other_scripts_are_words() -> None:
    assert words("Stra\u00dfe, \u6771\u4eac x_1") == ["strasse", "\u6771\u4eac", "x", "1"]


def test_the_same_word_twice_in_a_query_counts_once() -> None:
    pages = index(a="A\n\napple", b="B\n\nplum")
    assert pages.search("apple apple", 1)[0].score == pages.search("apple", 1)[0].score > 0


def test_an_excerpt_is_cut_between_words_around_the_first_hit() -> None:
    text = "begin " + "filler " * 60 + "needle " + "filler " * 60 + "end"
    piece = excerpt(text, ["needle"])
    assert piece.startswith("… filler ")
    assert " needle " in piece
    assert piece.endswith(" filler …")
    assert len(piece) <= EXCERPT_LENGTH + 4
    assert excerpt(text, ["begin"]).startswith("begin filler")
    assert excerpt("short text", ["nothere"]) == "short text"
    assert excerpt("", ["nothere"]) == ""


@pytest.mark.parametrize("word", ["gate", "sandbox", "release", "artefact", "held-out criteria", "policy pack"])
def test_a_word_of_the_factory_finds_its_own_page_first(word: str) -> None:
    assert found(Index(read_pages(PAGES).values()), word)[0] == word.replace(" ", "-")
