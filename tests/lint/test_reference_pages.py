"""The generated reference says what the code says, and a page that does not is named."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import AfterValidator, BaseModel, Field

from factory.paths import FactoryRoot
from factory.spec import load_app
from tests.lint import reference
from tests.lint.fields import rows
from tests.lint.pages import member_docstrings


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A repository with the example that the pages quote, and its pages."""
    example = tmp_path / "apps" / "links" / "app.yaml"
    example.parent.mkdir(parents=True)
    example.write_text((reference.ROOT / "apps" / "links" / "app.yaml").read_text())
    reference.write(tmp_path)
    return tmp_path


def test_pages_just_written_are_not_stale(written: Path) -> None:
    assert list(reference.stale(written)) == []


def test_an_edited_a_missing_and_a_left_over_page_are_named(written: Path) -> None:
    folder = written / "docs" / "reference"
    (folder / "cli.md").write_text("edited\n")
    (folder / "settings.md").unlink()
    (folder / "old.md").write_text(reference.HEADER + "\n")
    (folder / "by-hand.md").write_text("not generated, so none of our business\n")
    found = " ".join(reference.stale(written))
    for said in ("cli.md is stale", "settings.md is missing", "old.md is generated no more"):
        assert said in found
    assert "by-hand.md" not in found


def test_every_page_says_that_it_is_generated_and_how(written: Path) -> None:
    for page in (written / "docs" / "reference").glob("*.md"):
        assert page.read_text().startswith("<!-- Generated from the code by `make docs`")


def test_the_quoted_example_is_a_valid_app(written: Path) -> None:
    assert load_app(FactoryRoot(written), "links").name == "links"


def test_types_limits_and_defaults_of_a_model_are_said_in_words() -> None:
    def no_network(value: str) -> str:
        if "/" in value:
            raise ValueError("must hold no slash")
        return value

    class Colour(StrEnum):
        RED = "red"
        BLUE = "blue"

    class Part(BaseModel):
        pass

    class Model(BaseModel):
        count: int = Field(ge=1, le=20, multiple_of=2, description="How many.")
        word: Annotated[str, AfterValidator(no_network)] | None = None
        parts: dict[Annotated[str, AfterValidator(no_network)], Part] = Field(min_length=1)
        words: list[Annotated[str, Field(pattern="^x")]] = []
        size: Literal[1, 2] = Field(default=1, alias="theSize")
        colour: Colour = Colour.RED

    said = {row.key: (row.kind, row.limits, row.default) for row in rows(Model)}
    assert said == {
        "count": ("whole number", "at least 1; at most 20; a multiple of 2", None),
        "word": ("text", "must hold no slash", "unset"),
        "parts": ("map of text to [Part](#part)", "at least 1 entry; each key: must hold no slash", None),
        "words": ("list of text", "each: matches `^x`", "empty"),
        "theSize": ("one of `1`, `2`", "", "`1`"),
        "colour": ("one of `red`, `blue`", "", "`red`"),
    }
    assert next(iter(rows(Model))).description == "How many."


def test_a_rule_that_cannot_be_stated_is_an_error_instead_of_a_gap() -> None:
    class Model(BaseModel):
        word: Annotated[str, AfterValidator(lambda value: value)]

    with pytest.raises(ValueError, match="refuses none of"):
        list(rows(Model))


def test_a_member_without_a_meaning_is_an_error() -> None:
    described = 'class Code:\n    """Codes."""\n    OK = 0\n    """Fine."""\n'
    assert member_docstrings(described, "Code") == {"OK": "Fine."}
    with pytest.raises(KeyError, match="BAD has no docstring"):
        member_docstrings(described + "    BAD = 1\n", "Code")
