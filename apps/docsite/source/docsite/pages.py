"""Pages: Markdown files, read and rendered once. What is wrong with one is told at the start, with its file."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
# Paths of the site itself.
RESERVED = frozenset({"health", "search"})
TEXTS = frozenset({"text", "code_inline", "code_block", "fence"})
BREAKS = frozenset({"softbreak", "hardbreak"})


class BadPage(Exception):
    """A page cannot be shown; the message says which and why."""


@dataclass(frozen=True)
class Page:
    """One page: its title as plain text, its body as safe HTML and as plain text, and what its links lead to."""

    name: str
    title: str
    html: str
    text: str
    links: tuple[str, ...]

    @property
    def summary(self) -> str:
        """The first paragraph's first sentence."""
        first = self.text.partition("\n")[0]
        return re.split(r"(?<=[.!?])\s", first, maxsplit=1)[0]


def read_pages(folder: Path) -> Mapping[str, Page]:
    """All pages of a folder by name, in the order of their titles. Raises BadPage."""
    if not folder.is_dir():
        raise BadPage(f"{folder}: there is no such folder")
    pages = [_read(file) for file in sorted(folder.glob("*.md"))]
    if not pages:
        raise BadPage(f"{folder}: there is no page, no file *.md")
    names = {page.name for page in pages}
    for page in pages:
        for link in page.links:
            if _leads_nowhere(link, names):
                raise BadPage(f"{page.name}.md: the link to {link!r} leads to no page")
    return {page.name: page for page in sorted(pages, key=lambda page: page.title.casefold())}


def render(name: str, markdown: str) -> Page:
    """The page of a Markdown text. Raises BadPage when it has no title.

    HTML in the text is shown as text, and a link with a scheme that could run something is no link.
    """
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = reader.parse(markdown)
    title, first = "", 0
    if tokens and (tokens[0].type, tokens[0].tag) == ("heading_open", "h1"):
        title, first = " ".join(_plain(tokens[1:2])), 3
    if not title:
        raise BadPage(f"{name}.md: it must begin with its title: # Title")
    body = tokens[first:]
    html = reader.renderer.render(tokens, reader.options, {})
    return Page(name, title, html, "\n".join(_plain(body)), tuple(_links(tokens)))


def _read(file: Path) -> Page:
    if not NAME.fullmatch(file.stem) or file.stem in RESERVED:
        kept = ", ".join(sorted(RESERVED))
        raise BadPage(f"{file.name}: a page's name is lower-case letters, digits and single hyphens, and not {kept}")
    try:
        return render(file.stem, file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadPage(f"{file.name}: it is no text in UTF-8") from error


def _plain(tokens: Sequence[Token]) -> Iterator[str]:
    """The text of each block, without markup."""
    for token in tokens:
        if token.type == "inline":
            parts = (" " if child.type in BREAKS else child.content for child in token.children or () if _shown(child))
            yield "".join(parts)
        elif token.type in TEXTS:
            yield " ".join(token.content.split())


def _shown(token: Token) -> bool:
    return token.type in TEXTS or token.type in BREAKS


def _links(tokens: Sequence[Token]) -> Iterator[str]:
    for token in tokens:
        for child in token.children or ():
            if child.type == "link_open":
                yield str(child.attrGet("href") or "")


def _leads_nowhere(link: str, names: set[str]) -> bool:
    try:
        parts = urlsplit(link)
    except ValueError:
        return True
    if parts.scheme or parts.netloc:
        # Another site's.
        return False
    return parts.path.removeprefix("/") not in names | {""}
