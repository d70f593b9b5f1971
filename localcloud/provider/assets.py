"""Assets and archives of a program: files, folders and text that it hands to a resource, and their bytes.

On the wire they are structs with a signature of Pulumi's own (sdk/go/common/resource/sig/sig.go). The engine has hashed
them, and two of the same hash are the same.
"""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

from factory.errors import UpdateFailed

Json = Any
SIGNED_ASSET: Final = "c44067f5952c0a294b673a41bacd8c17"
SIGNED_ARCHIVE: Final = "0def7320c3a5731c473e5ecbe6d01bc7"
# The oldest that a ZIP file can tell: what is packed again is the same to the byte.
ZIP_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
FILE_MODE: Final = 0o644 << 16


@dataclass(frozen=True)
class Asset:
    """A file or a text (`signature` SIGNED_ASSET), or an archive of several (SIGNED_ARCHIVE)."""

    signature: str
    hash: str
    given: Mapping[str, Json] = field(compare=False)

    def __hash__(self) -> int:
        return hash((self.signature, self.hash))

    @property
    def wire(self) -> dict[str, Json]:
        """Its fields on the wire, without the signature."""
        return {"hash": self.hash, **self.given}


def asset_from(signature: str, fields: Mapping[str, Json]) -> Asset:
    """What the wire's fields (decoded) mean."""
    return Asset(signature, str(fields.get("hash") or ""), {k: v for k, v in fields.items() if k != "hash" and v})


def content(asset: Asset) -> bytes:
    """Its bytes; an archive is a ZIP file. Raises UpdateFailed, which names what cannot be read."""
    if asset.signature == SIGNED_ASSET:
        return _text(asset) if "text" in asset.given or not asset.given else _file(asset).read_bytes()
    if "assets" not in asset.given:
        path = _file(asset)
        if path.is_dir():
            return _zip({str(each.relative_to(path)): each.read_bytes() for each in path.rglob("*") if each.is_file()})
        if not zipfile.is_zipfile(path):
            raise UpdateFailed(f"{path} is no ZIP file", hint="the local cloud takes ZIP files, folders and lists")
        return path.read_bytes()
    return _zip(dict(_named("", asset)))


def _text(asset: Asset) -> bytes:
    return str(asset.given.get("text") or "").encode()


def _named(prefix: str, archive: Asset) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for name, each in archive.given["assets"].items():
        if each.signature == SIGNED_ASSET:
            found.append((f"{prefix}{name}", content(each)))
        elif "assets" in each.given:
            found += _named(f"{prefix}{name}/", each)
        else:
            with zipfile.ZipFile(io.BytesIO(content(each))) as inner:
                found += [(f"{prefix}{name}/{member}", inner.read(member)) for member in inner.namelist()]
    return found


def _file(asset: Asset) -> Path:
    if "path" in asset.given:
        path = Path(asset.given["path"])
    else:
        parts = urlsplit(str(asset.given.get("uri") or ""))
        if parts.scheme != "file":
            raise UpdateFailed(
                f"{asset.given.get('uri')} is not read", hint="the local cloud fetches nothing: give a file"
            )
        path = Path(url2pathname(parts.path))
    if not path.is_absolute():
        # The daemon serves many programs, each with a working folder of its own.
        raise UpdateFailed(f"the path {path} is relative", hint="give an absolute one: os.path.abspath(...)")
    if not path.exists():
        raise UpdateFailed(f"{path} does not exist")
    return path


def _zip(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, ZIP_EPOCH)
            entry.external_attr, entry.compress_type = FILE_MODE, zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name])
    return packed.getvalue()
