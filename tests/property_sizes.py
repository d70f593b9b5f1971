"""How much a property test tries: what it says, and a third of that in `make test` (see the profiles in conftest)."""

from typing import Final

from hypothesis import settings

# What hypothesis tries where nothing is said, and so the measure of a profile.
WHOLE: Final = 100


def tried(examples: int) -> int:
    """So many examples of `examples`, by the profile that is loaded."""
    return max(1, examples * settings.default.max_examples // WHOLE)
