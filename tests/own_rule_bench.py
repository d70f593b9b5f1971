"""The rule of docs/how-to/write-a-policy.md, and factories that have it."""

import re
from pathlib import Path

from factory.paths import FactoryRoot
from policies.settings import settings_file

PAGE = Path(__file__).parents[1] / "docs" / "how-to" / "write-a-policy.md"
FILE = "rules/queue_retention.py"
QUEUE = "aws:sqs/queue:Queue"


def blocks(language: str) -> list[str]:
    """The page's texts in this language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)


def rule_text(*changes: tuple[str, str]) -> str:
    """The page's rule, with texts in it replaced; each must be there."""
    (text,) = blocks("python")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return str(text)


def with_rule(root: FactoryRoot, text: str | None = None, file: str = FILE) -> Path:
    """Give the factory the rule, as the page says; the rule's file."""
    (settings,) = blocks("yaml")
    settings_file(root).write_text(settings.replace(FILE, file))
    path = root.path / file
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(rule_text() if text is None else text)
    return path
