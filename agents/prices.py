"""What the model costs: tokens to US dollars."""

import re
from dataclasses import dataclass

from factory.usage import Usage

# US dollars per million tokens, input and output. https://platform.claude.com/docs/en/about-claude/pricing
# Left out are models whose price depends on the request's length: what is not here is not asked.
PER_MILLION: dict[str, tuple[float, float]] = {
    "claude-fable-5-1": (10.0, 50.0),
    "claude-opus-5-5": (4.0, 20.0),
    "claude-opus-5": (5.0, 25.0),
    "claude-opus-4-8": (5.0, 25.0),
    "claude-opus-4-7": (5.0, 25.0),
    "claude-opus-4-6": (5.0, 25.0),
    "claude-opus-4-5": (5.0, 25.0),
    "claude-sonnet-5-5": (2.0, 10.0),
    "claude-sonnet-5": (2.0, 10.0),
    # Up to 200,000 tokens of input; the loop's longest conversation is shorter.
    "claude-sonnet-4-6": (3.0, 15.0),
    "claude-sonnet-4-5": (3.0, 15.0),
    "claude-haiku-4-5": (1.0, 5.0),
}
# The same page: writing to the cache for five minutes, and reading from it, as parts of the input's price. Where a
# model reads for less, too much is counted, never too little.
CACHE_WRITE, CACHE_READ = 1.25, 0.1
MILLION = 1_000_000
# A model's name may end with the date of its snapshot.
SNAPSHOT = re.compile(r"-20[0-9]{6}$")


@dataclass(frozen=True)
class Price:
    """US dollars per token."""

    input: float
    output: float

    def dollars(self, usage: Usage) -> float:
        """What `usage` costs."""
        weighed = usage.input + usage.cache_written * CACHE_WRITE + usage.cache_read * CACHE_READ
        return weighed * self.input + usage.output * self.output


def price_of(model: str) -> Price | None:
    """The price of a model, or None when it is not known: then nothing may be spent on it."""
    found = PER_MILLION.get(SNAPSHOT.sub("", model))
    return Price(found[0] / MILLION, found[1] / MILLION) if found else None
