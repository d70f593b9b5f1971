"""The judgements of texts that came last: one text is read once, and so are those that differ in numbers only."""

import re
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, TypeVar

from access.postgres.kinds import StatementKind as Kind
from access.postgres.statements import Judgement, judge
from access.postgres.texts import plain, without_constants
from access.redaction import HINT

CACHED: Final = 4096
CACHED_CHARACTERS: Final = 8 << 20
NUMBER: Final = re.compile(r"\b[0-9]+\b", re.ASCII)
# A tag between dollars may hold digits, and ends a string; `$1` is a parameter.
TAG: Final = re.compile(r"\$(?![0-9])")
SHAPED_CHARACTERS: Final = 1024
# Every digit becomes a 0, so texts of one length whose numbers alone differ become one key, in a tenth of the time.
ZEROS: Final = bytes.maketrans(b"123456789", b"0" * 9)
# A digit beside a letter is of a name, or of a number that NUMBER leaves as it is.
NAMED: Final = re.compile(r"[0-9][A-Za-z_]|[A-Za-z_][0-9]")
# What such a statement does hangs on no constant; what one about settings does, on the setting's name and value.
SHAPED_KINDS: Final = frozenset({Kind.READ, Kind.WRITE})
Key = TypeVar("Key", str, bytes)


class Judgements:
    """Those of one grant: `hidden` as in `judge`."""

    def __init__(self, hidden: Sequence[str] = ()) -> None:
        self.hidden = tuple(hidden)
        self._known: OrderedDict[str, Judgement] = OrderedDict()
        self._characters = 0
        self._shapes: OrderedDict[str, Judgement] = OrderedDict()
        # By their bytes with 0 for each digit: those of shapes that hide nothing and hold nothing like a credential.
        self._zeroed: OrderedDict[bytes, Judgement] = OrderedDict()

    def known(self, text: str) -> Judgement | None:
        """That of a text which was judged before, or of one that differs in its numbers only."""
        if found := self._known.get(text):
            return found
        if len(text) <= SHAPED_CHARACTERS and (alike := self._zeroed.get(text.encode().translate(ZEROS))):
            # HINT has no digits: where it was not found, it is not in here.
            return Judgement(alike.kinds, text)
        if (shaped := shape(text)) and (alike := self._shapes.get(shaped)):
            recorded = without_constants(text) if alike.hides else plain(text)
            if not (alike.hides or HINT.search(text) or NAMED.search(text)):
                _keep(self._zeroed, text.encode().translate(ZEROS), alike)
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
            _keep(self._shapes, shaped, judgement)
        return judgement


def _keep(found: OrderedDict[Key, Judgement], key: Key, judgement: Judgement) -> None:
    found[key] = judgement
    if len(found) > CACHED:
        found.popitem(last=False)


def shape(text: str) -> str:
    """The text with 0 for each whole number that stands alone; "" where that could change what it does.

    No token of it becomes another kind of token: a number stays one, and what is in a string stays in it.
    """
    # Digits may be letters (`U&'\0072'`) or of a name; a tag between dollars may hold every letter that is not ASCII.
    if "\\" in text or '"' in text or "&" in text or not text.isascii() or len(text) > SHAPED_CHARACTERS:
        return ""
    return "" if "$" in text and TAG.search(text) else NUMBER.sub("0", text)
