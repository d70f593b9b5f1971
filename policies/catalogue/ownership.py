"""Ownership, data, cost: whose it is, what may be lost, what it may cost."""

from typing import Final

from policies.checks import ownership
from policies.model import Control, Severity

CONTROLS: Final[tuple[Control, ...]] = (
    Control(
        number=61,
        id="required-tags",
        title="Required tags match the stack's app",
        severity=Severity.MEDIUM,
        reads={"aws:*": ("tags",)},
        why="What nobody owns nobody mends, deletes or pays for; rules that go by tags are only as good as the tags.",
        fix="leave these tags to the provider's default tags, or write what stands there",
        references=(
            "Kyverno require-labels",
            "AWS Config required-tags",
            "AWS, Tagging best practices",
        ),
        check=ownership.required_tags,
    ),
)
