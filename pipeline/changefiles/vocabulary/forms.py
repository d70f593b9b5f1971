"""The forms that a step may have: what people write, what it matches, what it means. Lint, steps and docs use them.

A form's `{name}` stands for a value; `KINDS` says which texts each of them takes.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final

GIVEN: Final = "Given"
WHEN: Final = "When"
THEN: Final = "Then"
# What a value may be, by its name in the forms. A text in quotes holds no quote; JSON reaches to the end of the step.
KINDS: Final[dict[str, str]] = {
    "environment": r"staging|production",
    "method": r"GET|HEAD|OPTIONS|DELETE|POST|PUT|PATCH",
    "path": r"/\S*",
    "json": r"[\[{\"$0-9-].*|true|false|null",
    "text": r'[^"]*',
    "field": r'[^"\s]+',
    "header": r"[A-Za-z0-9-]+",
    "value": r'[^"]*',
    "name": r"[a-z][a-z0-9_]*",
    "count": r"[1-9][0-9]{0,2}",
    "status": r"[1-5][0-9]{2}",
}
_PLACE: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Form:
    """One form of a step. `text` stands in criteria with every `{name}` filled in."""

    keyword: str
    text: str
    meaning: str

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What a whole step must match; its groups are named as the values."""
        pieces = _PLACE.split(self.text)
        expression = "".join(
            f"(?P<{piece}>{KINDS[piece]})" if index % 2 else re.escape(piece) for index, piece in enumerate(pieces)
        )
        return re.compile(expression)


RUNS: Final = Form(
    GIVEN, "the service runs", "starts the service with an empty /data and waits until it answers; no APP_ENVIRONMENT"
)
RUNS_AS: Final = Form(
    GIVEN, "the service runs as {environment}", "the same, with APP_ENVIRONMENT set to `staging` or `production`"
)
EVERY_REQUEST: Final = Form(
    GIVEN, 'every request has the header "{header}" with "{value}"', "from here on, in this scenario"
)
ASK: Final = Form(WHEN, "I {method} {path}", "sends a request without a body; redirects are not followed")
ASK_TIMES: Final = Form(WHEN, "I {method} {path} {count} times", "sends it that often; the last answer counts")
ASK_WITH_HEADER: Final = Form(
    WHEN, 'I {method} {path} with the header "{header}" set to "{value}"', "sends it with one more header"
)
SEND: Final = Form(WHEN, "I {method} {path} with {json}", "sends a JSON body")
SEND_TEXT: Final = Form(WHEN, 'I {method} {path} with the text "{text}"', "sends the text itself as the body")
REMEMBER: Final = Form(
    WHEN, 'I remember "{field}" as {name}', "keeps a field of the answer; later steps write it as `$name`"
)
RESTARTS: Final = Form(WHEN, "the service restarts", "SIGTERM, then the same again with the same /data")
IS_KILLED: Final = Form(WHEN, "the service is killed and runs again", "SIGKILL, then the same again, the same /data")
STATUS: Final = Form(THEN, "the status is {status}", "the last answer's HTTP status")
STATUS_NOT: Final = Form(THEN, "the status is not {status}", "any other status")
EQUAL: Final = Form(THEN, 'the answer has "{field}" equal to {json}', "that field of the JSON answer has this value")
NOT_EQUAL: Final = Form(THEN, 'the answer has "{field}" other than {json}', "the field is there, with another value")
HAS: Final = Form(THEN, 'the answer has "{field}"', "the field is there, whatever its value")
HAS_NOT: Final = Form(THEN, 'the answer has no "{field}"', "the field is not there")
ANSWER_IS: Final = Form(THEN, "the answer is {json}", "the whole JSON answer has this value")
CONTAINS: Final = Form(THEN, 'the body contains "{text}"', "the answer's body holds this text")
HEADER_IS: Final = Form(THEN, 'the header "{header}" is "{value}"', "a header of the answer has this value")
HEADER_STARTS: Final = Form(THEN, 'the header "{header}" starts with "{value}"', "a header begins so")
HEADER_NOT: Final = Form(THEN, 'there is no header "{header}"', "the answer has no such header")

FORMS: Final[tuple[Form, ...]] = (
    RUNS,
    RUNS_AS,
    EVERY_REQUEST,
    ASK,
    ASK_TIMES,
    ASK_WITH_HEADER,
    SEND,
    SEND_TEXT,
    REMEMBER,
    RESTARTS,
    IS_KILLED,
    STATUS,
    STATUS_NOT,
    EQUAL,
    NOT_EQUAL,
    HAS,
    HAS_NOT,
    ANSWER_IS,
    CONTAINS,
    HEADER_IS,
    HEADER_STARTS,
    HEADER_NOT,
)


def matching(keyword: str, text: str) -> list[Form]:
    """The forms of `keyword` that a step has."""
    return [form for form in FORMS if form.keyword == keyword and form.pattern.fullmatch(text)]
