"""Search: an inverted index over the pages, ranked by Okapi BM25 (Robertson and Zaragoza, 2009)."""

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from docsite.pages import Page

# The usual values: how soon more of the same word stops to count, and how much a long page is discounted.
SATURATION = 1.2
LENGTH_WEIGHT = 0.75
# A word in the title counts as so many in the text.
TITLE_WEIGHT = 3
EXCERPT_LENGTH = 160
WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Hit:
    """A page that was found, with a piece of its text around the first word that was asked for."""

    page: Page
    score: float
    excerpt: str


def words(text: str) -> list[str]:
    """The words of a text, in one spelling each."""
    return WORD.findall(unicodedata.normalize("NFKC", text).casefold())


class Index:
    """Made once, never changed: safe to use from many threads."""

    def __init__(self, pages: Iterable[Page]) -> None:
        self._pages = {page.name: page for page in pages}
        self._postings: dict[str, dict[str, int]] = defaultdict(dict)
        self._lengths: dict[str, int] = {}
        for page in self._pages.values():
            counted = Counter(words(page.title) * TITLE_WEIGHT + words(page.text))
            self._lengths[page.name] = counted.total()
            for word, times in counted.items():
                self._postings[word][page.name] = times
        self._mean = sum(self._lengths.values()) / max(len(self._lengths), 1)

    def search(self, query: str, most: int) -> list[Hit]:
        """The pages with any of the query's words, at most `most`: the best first, equal ones by name."""
        asked = sorted(set(words(query)))
        scores: dict[str, float] = defaultdict(float)
        for word in asked:
            postings = self._postings.get(word, {})
            for name, times in postings.items():
                scores[name] += self._rarity(len(postings)) * self._weight(name, times)
        best = sorted(scores.items(), key=lambda scored: (-scored[1], scored[0]))[:most]
        return [Hit(self._pages[name], score, excerpt(self._pages[name].text, asked)) for name, score in best]

    def _rarity(self, pages: int) -> float:
        """How much a word says that so many pages have. Never negative, also for one that most have."""
        return math.log(1 + (len(self._pages) - pages + 0.5) / (pages + 0.5))

    def _weight(self, name: str, times: int) -> float:
        length = 1 - LENGTH_WEIGHT + LENGTH_WEIGHT * self._lengths[name] / self._mean
        return times * (SATURATION + 1) / (times + SATURATION * length)


def excerpt(text: str, asked: Iterable[str]) -> str:
    """A piece of a text around the first of these words; its beginning when none is in it. Cut between words."""
    flat = " ".join(text.split())
    wanted = set(asked)
    places = (match.start() for match in WORD.finditer(flat) if not set(words(match[0])).isdisjoint(wanted))
    found = next(places, 0)
    begin = 0 if found < EXCERPT_LENGTH // 2 else flat.rfind(" ", 0, found - EXCERPT_LENGTH // 4) + 1
    piece = flat[begin : begin + EXCERPT_LENGTH]
    if begin + EXCERPT_LENGTH < len(flat):
        piece = piece.rpartition(" ")[0] or piece
    before, after = "… " if begin else "", " …" if begin + len(piece) < len(flat) else ""
    return f"{before}{piece}{after}"
