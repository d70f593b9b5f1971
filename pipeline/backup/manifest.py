"""What a backup says about itself: the first file in it, and the only list of what may be in it."""

from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic_core import from_json

from factory.errors import InputError

NAME = "manifest.json"
# Everything else of the archive is below it.
CONTENT = "millwright"
FORMAT = "millwright-backup"
# Raised when a restore by older code would go wrong.
VERSION = 1
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
RIGHTS = 0o777


class Entry(BaseModel):
    """One file, folder or symbolic link below `.millwright`. `mode` is its permission bits.

    A link is kept here alone and never as a member of the archive: it is made when everything else is in its place, so
    that nothing is ever written through one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    kind: Literal["file", "folder", "link"]
    mode: int = Field(default=0, ge=0, le=RIGHTS)
    size: int = Field(default=0, ge=0)
    sha256: Digest | None = None
    target: str | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        path = PurePosixPath(self.path)
        if not path.parts or path.is_absolute() or ".." in path.parts or str(path) != self.path or "\0" in self.path:
            raise ValueError(f"{self.path!r} is no path below a folder")
        if (self.sha256 is not None) != (self.kind == "file") or (self.target is not None) != (self.kind == "link"):
            raise ValueError(f"{self.path!r}: a file has a checksum, a link a target, and nothing else has")
        return self


class Origin(BaseModel):
    """Which factory it is of: what a backup must have in common with where it is restored."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    project: str
    """Name of the Pulumi project: every resource's URN holds it."""
    aws: str
    aws_account: str | None
    state: str
    """Where `.millwright` was."""


class Manifest(BaseModel):
    """Everything a restore must know before it writes anything."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["millwright-backup"] = "millwright-backup"
    version: int = VERSION
    made: str
    """UTC, ISO 8601."""
    millwright: str
    """Version of the code that made it."""
    revision: str
    """Newest migration of the database that this code knew."""
    origin: Origin
    elsewhere: dict[str, str]
    """What the settings keep outside `.millwright`, by setting; not in the backup."""
    left_out: list[str]
    """What was found and cannot be kept: no plain file, or not readable, in an agent's worktree."""
    entries: list[Entry]

    @model_validator(mode="after")
    def _is_a_tree(self) -> Self:
        folders, paths = {"."}, set[str]()
        for entry in self.entries:
            if entry.path in paths:
                raise ValueError(f"{entry.path!r} stands twice in it")
            # Folders come before what is in them, so nothing is in a link or a file.
            if str(PurePosixPath(entry.path).parent) not in folders:
                raise ValueError(f"{entry.path!r} has no folder to be in")
            paths.add(entry.path)
            if entry.kind == "folder":
                folders.add(entry.path)
        return self

    @property
    def size(self) -> int:
        """Bytes of all files, unpacked."""
        return sum(entry.size for entry in self.entries)

    def summary(self) -> dict[str, Any]:
        """For people and programs: what it is, without the single files."""
        parts: dict[str, dict[str, int]] = {}
        for entry in self.entries:
            if entry.kind == "file":
                part = parts.setdefault(PurePosixPath(entry.path).parts[0], {"files": 0, "bytes": 0})
                part["files"] += 1
                part["bytes"] += entry.size
        return {
            **self.model_dump(include={"version", "made", "millwright", "origin", "elsewhere", "left_out"}),
            "parts": parts,
        }


def parse(text: bytes) -> Manifest:
    """The manifest that `text` holds. Raises InputError for one that is none, is newer, or contradicts itself."""
    try:
        document = from_json(text)
    except ValueError as error:
        raise InputError(f"its manifest is no JSON: {error}") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise InputError("it is no backup of a factory", hint="it is what `millwright factory backup` writes")
    version = document.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise InputError(
            f"it is of version {version!r}, and this Millwright reads up to {VERSION}",
            hint=f"restore it with Millwright {document.get('millwright', 'that made it')} or newer",
        )
    try:
        return Manifest.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"its manifest is wrong: {place}: {first['msg']}") from None
