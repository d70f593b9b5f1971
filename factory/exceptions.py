"""Exceptions: findings that a person accepted, with reason and end. One form for the policy pack and the scanners.

`factory.exception_file` reads `exceptions.yaml` and refuses what does not hold; `factory.exception_desk` is where one
is requested and accepted. Two people sign: the requester what is asked for, the approver the whole entry.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Final, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from factory.fingerprints import canonical, fingerprint

FILE: Final = "exceptions.yaml"
REQUESTED_FILE: Final = "exceptions.requested.yaml"
LONGEST: Final = timedelta(days=90)
"""No exception holds for longer, counted from when it was approved."""
# What a scanner calls its rules. A test of the pipeline holds it against what the scanners report.
SCANNERS: Final = {
    "ruff": re.compile(r"S\d{3}|invalid-syntax"),
    "detect-secrets": re.compile(r"[a-z0-9().-]+"),
    "tree": re.compile(r"[a-z-]+"),
}
URN: Final = "urn:pulumi:"
# So many letters and digits of a name say which resources are meant.
LITERAL: Final = 3


def _a_day(text: str) -> str:
    date.fromisoformat(text)
    return text


def _a_moment(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("a time without an offset: end it with Z or +00:00")
    return text


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("nothing but space")
    # A line of its own, and nothing that would show as something else where it is reviewed.
    if not text.isprintable():
        raise ValueError("holds characters that are not shown, or a line break")
    return text


PersonId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]
Day = Annotated[str, Field(pattern=r"^20\d{2}-\d{2}-\d{2}$"), AfterValidator(_a_day)]
Moment = Annotated[str, Field(pattern=r"^20\d{2}-\d{2}-\d{2}T"), AfterValidator(_a_moment)]
Fingerprint = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Words = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_said)]


class Place(NamedTuple):
    """What a URN is made of. `type` is whole: those of its parents, with `$` between."""

    stack: str
    project: str
    type: str
    name: str


def place_of(urn: str) -> Place | None:
    """The parts of a URN; None for what is none. A name may hold `::` itself."""
    parts = urn.removeprefix(URN).split("::", 3)
    return Place(*parts) if urn.startswith(URN) and len(parts) == len(Place._fields) and all(parts) else None


class Requested(BaseModel):
    """What somebody asks to have accepted: a finding, where, why, and until when.

    One of `resource` (an exact URN), `pattern` (a URN with `*` in the resource's name) and `app` (for scanners).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)] = Field(
        description="Its name, for good: no two have one."
    )
    factory: str = Field(
        description="Which factory it is for: `factory_id` of millwright.yaml, `@`, and its AWS account or `local`."
    )
    rule: str = Field(description="A control of the policy pack, or `scanner/rule`: `detect-secrets/aws-access-key`.")
    resource: str | None = Field(default=None, description="The URN of the resource whose finding is accepted.")
    pattern: str | None = Field(default=None, description="A URN with `*` in its last part, the resource's name.")
    app: str | None = Field(default=None, description="For a scanner's finding: the app in whose files it is.")
    path: str = Field(default="", description="Which property of the resource, or which file of the app.")
    message: Words = Field(description="What the finding says, letter by letter.")
    fingerprint: Fingerprint = Field(description="Of rule, path and message: another finding has another one.")
    reason: Words = Field(description="Why it is accepted.")
    ticket: Words = Field(description="Where the mending of it is followed.")
    requester: PersonId = Field(description="Who asks: an id of people.yaml.")
    requested: Moment = Field(description="When it was asked for.")
    expires: Day = Field(description="The day, at whose beginning (UTC) it ends; at most 90 days after its approval.")
    request_signature: str = Field(description="The requester's SSH signature.")

    @property
    def tool(self) -> str:
        """The scanner whose finding it is; "" for the policy pack's."""
        return self.rule.partition("/")[0] if "/" in self.rule else ""

    @property
    def urn(self) -> str:
        """The URN or the pattern of one; "" for a scanner's finding."""
        return self.resource or self.pattern or ""

    @property
    def place(self) -> Place | None:
        """The parts of `urn`."""
        return place_of(self.urn)

    @property
    def stack(self) -> str:
        """The stack that it is about; "" for a scanner's finding."""
        return self.place.stack if self.place else ""

    @property
    def ends(self) -> datetime:
        """From when on it covers nothing."""
        return datetime.combine(date.fromisoformat(self.expires), time(), UTC)

    def finding_fingerprint(self) -> str:
        """The fingerprint of the finding that the entry describes, which `fingerprint` has to be."""
        if self.tool:
            return scanner_fingerprint(self.tool, self.rule.partition("/")[2], self.path, self.message)
        return policy_fingerprint(self.rule, self.path, self.message)

    def covers(self, urn: str) -> bool:
        """Whether it is about the resource `urn`."""
        return urn == self.resource if self.pattern is None else in_pattern(self.pattern, urn)

    def request_payload(self) -> bytes:
        """What the requester signs: everything that is asked for."""
        asked = Requested.model_fields.keys() - {"request_signature"}
        return canonical(self.model_dump(include=set(asked), exclude_none=True))


class Accepted(Requested):
    """An exception: what was requested, and who accepted it."""

    approver: PersonId = Field(description="Who accepts it: holds the role security, and is not the requester.")
    approved: Moment = Field(description="When it was accepted.")
    signature: str = Field(description="The approver's SSH signature.")

    @property
    def since(self) -> datetime:
        """When it was accepted."""
        return datetime.fromisoformat(self.approved)

    def payload(self) -> bytes:
        """What the approver signs: the whole entry, the requester's signature in it."""
        return canonical(self.model_dump(exclude={"signature"}, exclude_none=True))

    def expired(self, now: datetime) -> bool:
        """Whether it covers nothing any more."""
        return now >= self.ends

    def as_json(self) -> dict[str, str]:
        """What is to be known of it beside a finding that it covers."""
        return {
            "exception": self.id,
            "person": self.approver,
            "until": self.expires,
            "reason": self.reason,
            "ticket": self.ticket,
        }

    def __str__(self) -> str:
        return f"accepted until {self.expires} by {self.approver} ({self.id})"


def in_pattern(pattern: str, urn: str) -> bool:
    """Whether a URN is one that the pattern stands for: the same stack, project and type, and a name like that."""
    own, found = place_of(pattern), place_of(urn)
    if own is None or found is None or own[:3] != found[:3]:
        return False
    name = ".*".join(re.escape(part) for part in own.name.split("*"))
    return re.fullmatch(name, found.name, re.DOTALL) is not None


def policy_fingerprint(rule: str, path: str, message: str) -> str:
    """Of a finding of the policy pack: what it says, and of which property.

    The URN is no part of it, so that a pattern can have one; the entry names it, and that is signed as well.
    """
    return fingerprint({"rule": rule, "path": path, "message": message})


def scanner_fingerprint(tool: str, rule: str, path: str, message: str) -> str:
    """Of a scanner's finding: the one that `factory.findings.Finding` has."""
    return fingerprint({"tool": tool, "rule": rule, "path": path, "message": message})


def too_broad(place: Place) -> str:
    """What is wrong with a pattern; "" when it is limited: only a part of the resource's name is left open."""
    if "*" in place.stack + place.project + place.type:
        return "only the resource's name may hold `*`: stack, project and type are exact"
    if "*" not in place.name:
        return "a pattern without `*`: name the one resource with `resource:`"
    literal = place.name
    # Every resource of an app's environment may carry these words in its name.
    for word in (place.stack, *place.stack.split("-")):
        literal = literal.replace(word, "")
    if sum(letter.isalnum() for letter in literal) < LITERAL:
        return f"the name says too little: at least {LITERAL} letters or digits of it beside the stack's name"
    return ""
