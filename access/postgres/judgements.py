"""The judgements of texts that came last: one text is read once, and so are those that differ in numbers only."""

import re
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from access.postgres.kinds import StatementKind as Kind
from access.postgres.statements import Judgement, judge
from access.postgres.texts import plain, without_constants

CACHED: Final = 4096
CACHED_CHARACTERS: Final = 8 << 20
NUMBER: Final = re.compile(r"\b[0-9]+\b", re.ASCII)
# A tag between dollars may hold digits, and ends a string; `$1` is a parameter.
TAG: Final = re.compile(r"\$(?![0-9])")
SHAPED_CHARACTERS: Final = 1024
# What such a statement does hangs on no constant; what one about settings does, on the setting's name and value.
SHAPED_KINDS: Final = frozenset({Kind.READ, Kind.WRITE})


class Judgements:
    """Those of one grant: `hidden` as in `judge`."""

    def __init__(self, hidden: Sequence[str] = ()) -> None:
        self.hidden = tuple(hidden)
        self._known: OrderedDict[str, Judgement] = OrderedDict()
        self._characters = 0
        self._shapes: OrderedDict[str, Judgement] = OrderedDict()

    def known(self, text: str) -> Judgement | None:
        """That of a text which was judged before, or of one that differs in its numbers only."""
        if found := self._known.get(text):
            return found
        if (shaped := shape(text)) and (alike := self._shapes.get(shaped)):
            recorded = without_constants(text) if alike.hides else plain(text)
            return Judgement(alike.kinds, recorded, "", alike.hides)
        return None

    def judge(self, text: str) -> Judgement:
        """Judge it here and now."""
        return self.known(text) or self.learn(text, judge(text, self.hidden))

    def learn(self, text: str, judgement: Judgement) -> Judgement:
        """Keep what was judged, here or elsewhere."""
        if text not in self._known:
            self._known[text] = judgement
            self._characters += len(text)
            while len(self._known) > CACHED or self._characters > CACHED_CHARACTERS:
                oldest, _ = self._known.popitem(last=False)
                self._characters -= len(oldest)
        if judgement.kinds <= SHAPED_KINDS and not judgement.never and (shaped := shape(text)):
            self._shapes[shaped] = judgement
            if len(self._shapes) > CACHED:
                self._shapes.popitem(last=False)
        return judgement


def shape(text: str) -> str:
    """The text with 0 for each whole number that stands alone; "" where that could change what it does.

    No token of it becomes another kind of token: a number stays one, and what is in a string stays in it.
    """
    # Digits may be letters (`U&'\0072'`) or of a name; a tag between dollars may hold every letter that is not ASCII.
    if "\\" in text or '"' in text or "&" in text or not text.isascii() or len(text) > SHAPED_CHARACTERS:
        return ""
    return "" if "$" in text and TAG.search(text) else NUMBER.sub("0", text)
