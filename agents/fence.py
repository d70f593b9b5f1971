"""The fence around text from outside, so that the model can tell it from what it is asked to do."""

import re
from dataclasses import dataclass

NAME_LENGTH = 200


@dataclass(frozen=True)
class Fence:
    """One task's fence. `nonce` is drawn when the task begins: no text written before can close it."""

    nonce: str

    def around(self, source: str, text: str) -> str:
        """`text` marked as data that came from `source`."""
        name = re.sub(r"[^\w./:, -]", "?", source)[:NAME_LENGTH]
        # The model has seen the nonce and may have written it to a file.
        inside = text.replace(self.nonce, "(nonce)")
        return f'<data-{self.nonce} source="{name}">\n{inside}\n</data-{self.nonce}>'
