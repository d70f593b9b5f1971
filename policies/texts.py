"""Texts that may hold anything (names of resources, keys of mappings), made fit for what shows or parses them."""

import re
from typing import Final

# What XML 1.0 cannot hold in any spelling (section 2.2), and what a terminal obeys; tab and line feed are neither.
_CONTROL: Final = re.compile("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def printable(text: str) -> str:
    r"""`text` with its control characters and broken code points spelt out: `\x1b`, `\ud800`."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def one_line(text: str) -> str:
    """The same on one line."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")
