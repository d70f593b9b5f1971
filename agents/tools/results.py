"""What a tool answers: whole for the record, shortened and fenced for the model."""

from dataclasses import dataclass

from agents.fence import Fence

# About four thousand tokens: a test run's beginning and end fit, a log does not.
SHOWN_CHARACTERS = 16_000


@dataclass(frozen=True)
class Result:
    """`said` is our own words; `data` is text from outside, `source` where from. `before`, `after` are an edit's."""

    said: str
    data: str | None = None
    source: str = ""
    error: bool = False

    def shown(self, fence: Fence) -> str:
        """What the model is given."""
        if self.data is None:
            return self.said
        return f"{self.said}\n{fence.around(self.source, shortened(self.data))}"


def refused(why: str) -> Result:
    """A call that was not carried out."""
    return Result(said=f"refused: {why}", error=True)


def failed(why: str) -> Result:
    """A call that could not be carried out."""
    return Result(said=why, error=True)


def shortened(text: str, limit: int = SHOWN_CHARACTERS) -> str:
    """The text's beginning and end, with how much is left out between them."""
    if len(text) <= limit:
        return text
    half = limit // 2
    cut = len(text) - 2 * half
    return f"{text[:half]}\n[... {cut} of {len(text)} characters are left out here ...]\n{text[-half:]}"
