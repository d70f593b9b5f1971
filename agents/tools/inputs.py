"""The tools' inputs: what the model may ask, as models that become JSON Schema."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

MOST_RUN_SECONDS = 600
Path = Annotated[str, Field(min_length=1, max_length=400, description="Path relative to the worktree's root.")]


class ToolInput(BaseModel):
    """The input of one tool; its docstring is what the model is told about the tool."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def description(cls) -> str:
        """What the model is told about the tool."""
        return " ".join((cls.__doc__ or "").split())

    @classmethod
    def schema_for_model(cls) -> dict[str, Any]:
        """The JSON Schema of the input, without the titles that repeat the names."""
        schema: dict[str, Any] = _without_titles(cls.model_json_schema())
        return schema


class Read(ToolInput):
    """Read lines of a text file. The answer says which of how many lines it holds."""

    path: Path
    from_line: int = Field(default=1, ge=1, description="First line, counted from 1.")
    lines: int = Field(default=400, ge=1, le=2000, description="Most lines to read.")


class Search(ToolInput):
    """Find lines of the worktree's text files that match a pattern: `path:line: text` for each."""

    pattern: str = Field(min_length=1, max_length=200, description="A regular expression in Python's syntax.")
    path: str = Field(default="", max_length=400, description="Folder or file to search; the whole worktree if empty.")


class Edit(ToolInput):
    """Replace a text that stands exactly once in a file, or make a new file (leave `old` out)."""

    path: Path
    old: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="The exact text to replace; leave it out to make a new file."
    )
    new: str = Field(max_length=500_000, description="The text that takes its place, or the new file's text.")


class Run(ToolInput):
    """Run a program in the worktree (/work), without network and without git. No shell: give each argument by itself.
    `python -m pytest -q` runs the tests."""

    argv: list[Annotated[str, Field(max_length=10_000)]] = Field(
        min_length=1, max_length=100, description="The program and its arguments."
    )
    seconds: int = Field(default=120, ge=1, le=MOST_RUN_SECONDS, description="Most seconds that it may take.")


INPUTS: dict[str, type[ToolInput]] = {"read": Read, "search": Search, "edit": Edit, "run": Run}
SUBMIT = "submit"


def _without_titles(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_titles(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    # A property may be called `title`; as a keyword of the schema it is always a text.
    return {k: _without_titles(v) for k, v in schema.items() if not (k == "title" and isinstance(v, str))}
