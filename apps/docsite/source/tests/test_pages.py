from html.parser import HTMLParser
from pathlib import Path

import pytest

from docsite.__main__ import PAGES
from docsite.pages import BadPage, read_pages, render

ATTACKS = [
    "<script>alert(1)</script>",
    "text <img src=x onerror=alert(1)> text",
    "<div onclick=alert(1)>\n\ntext\n\n</div>",
    "<!-- --><svg onload=alert(1)>",
    "[click](javascript:alert(1))",
    "[click](JaVaScRiPt:alert(1))",
    "[click](&#106;avascript:alert(1))",
    "[click](vbscript:msgbox(1))",
    "[click](data:text/html;base64,PHNjcmlwdD4=)",
    "<javascript:alert(1)>",
    "![x](javascript:alert(1))",
    '[click](https://a.example "\\" onmouseover=\\"alert(1)")',
    '[click](https://a.example/"onmouseover="alert(1))',
    '```"><script>alert(1)</script>\ncode\n```',
    "[click][ref]\n\n[ref]: javascript:alert(1)",
    "| <script>alert(1)</script> |\n|---|\n| <b onclick=alert(1)> |",
]


class Elements(HTMLParser):
    """What a browser makes elements and attributes of."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs


def write(folder: Path, **pages: str) -> Path:
    for name, text in pages.items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_in_a_page_becomes_a_script(attack: str) -> None:
    html = Elements(render("page", f"# {attack}\n\n{attack}\n\n> {attack}\n").html)
    assert html.tags.isdisjoint({"script", "svg", "div", "b", "iframe"})
    assert not [name for name, _ in html.attributes if name.startswith("on")]
    for name, value in html.attributes:
        if name in ("href", "src"):
            assert (value or "").partition(":")[0] in ("https", "x"), value


def test_the_markup_of_a_page_is_rendered() -> None:
    page = render("page", "# Title\n\nA *b* `c`\nd [e](https://e.example/).\n\n| f |\n|---|\n| g |\n\n```\nh\n```\n")
    assert Elements(page.html).tags >= {"h1", "p", "em", "code", "a", "table", "pre"}
    assert page.title == "Title"
    assert page.text.splitlines() == ["A b c d e.", "f", "g", "h"]
    assert page.links == ("https://e.example/",)


def test_the_summary_is_the_first_sentence() -> None:
    assert render("page", "# T\n\nOne `x.y` is. Two is.\n\nThree.").summary == "One x.y is."
    assert render("page", "# T\n").summary == ""


def test_pages_come_in_the_order_of_their_titles(tmp_path: Path) -> None:
    pages = read_pages(write(tmp_path, a="# zebra", b="# Ant\n\n[a](a) [top](/) [b](/b#part)"))
    assert list(pages) == ["b", "a"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("untitled", "text", "must begin with its title"),
        ("second", "## Title", "must begin with its title"),
        ("empty", "", "must begin with its title"),
        ("Upper", "# T", "lower-case"),
        ("a b", "# T", "lower-case"),
        ("search", "# T", "lower-case"),
        ("health", "# T", "lower-case"),
        ("broken", "# T\n\n[nowhere](nothere)", "leads to no page"),
        ("broken", "# T\n\n[nowhere](../broken)", "leads to no page"),
    ],
)
def test_a_page_that_cannot_be_shown_is_told_with_its_file(tmp_path: Path, name: str, text: str, said: str) -> None:
    write(tmp_path, good="# Good\n\n[good](good)")
    assert list(read_pages(tmp_path)) == ["good"]
    write(tmp_path, **{name: text})
    with pytest.raises(BadPage, match=said) as caught:
        read_pages(tmp_path)
    assert f"{name}.md" in str(caught.value)


def test_a_page_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.md").write_bytes(b"# caf\xe9")
    with pytest.raises(BadPage, match=r"latin\.md: it is no text in UTF-8"):
        read_pages(tmp_path)


def test_a_folder_without_pages_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadPage, match="no page"):
        read_pages(tmp_path)
    with pytest.raises(BadPage, match="no such folder"):
        read_pages(tmp_path / "nothere")


def test_the_pages_of_this_site_can_be_shown() -> None:
    pages = read_pages(PAGES)
    assert len(pages) >= 10
    assert all(page.summary for page in pages.values())
