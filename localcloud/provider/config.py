"""The provider's own arguments: which account and region a connection works in, and its default tags."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.isolation import DEFAULT_ACCOUNT
from localcloud.provider.checks import Failure, nearest
from localcloud.provider.values import Unknown, has_unknown, plain, revive

Json = Any

HONOURED = ("region", "defaultTags", "allowedAccountIds", "accessKey", "secretKey")
# They steer how the real provider finds or checks credentials; here there are none to find.
WITHOUT_EFFECT = (
    "profile",
    "skipCredentialsValidation",
    "skipMetadataApiCheck",
    "skipRegionValidation",
    "skipRequestingAccountId",
)
ENGINES_OWN = ("version", "pluginDownloadURL", "pluginChecksums")
REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
ACCOUNT = re.compile(r"\d{12}")


@dataclass(frozen=True)
class Scope:
    """What one configured connection acts on."""

    region: str
    account: str
    default_tags: Mapping[str, Json] = field(default_factory=dict)


def unfolded(arguments: Mapping[str, Json]) -> dict[str, Json]:
    """The arguments as data: the engine sends everything but strings as JSON text."""
    return {name: _unfold(name, value) for name, value in arguments.items()}


def _unfold(name: str, value: Json) -> Json:
    if name in {"region", "accessKey", "secretKey", "profile"} or not isinstance(plain(value), str):
        return value
    try:
        return revive(json.loads(plain(value)))
    except ValueError:
        return value


def problems(arguments: Mapping[str, Json]) -> list[Failure]:
    """What is wrong with the provider's arguments; what is not known yet is not judged."""
    found = []
    known = (*HONOURED, *WITHOUT_EFFECT, *ENGINES_OWN)
    for name in arguments:
        if name not in known and not name.startswith("__"):
            close = nearest(name, known)
            hint = f'; the nearest supported one is "{close}"' if close else ""
            found.append(Failure(name, f'the local cloud does not support the provider argument "{name}"{hint}'))
    values = plain(unfolded(arguments))
    region = values.get("region")
    if not region:
        found.append(Failure("region", "no AWS region: set it on the provider, or pulumi config set aws:region REGION"))
    elif not isinstance(region, Unknown) and not (isinstance(region, str) and REGION.fullmatch(region)):
        found.append(Failure("region", f"{region!r} is not an AWS region such as eu-central-1"))
    found += _tag_problems(values.get("defaultTags"))
    allowed = values.get("allowedAccountIds")
    if allowed and not has_unknown(allowed) and not has_unknown(values.get("accessKey")):
        account = account_of(values.get("accessKey"))
        if account not in allowed:
            reason = f"this is account {account} of the local cloud; allowed are {', '.join(allowed)}"
            found.append(Failure("allowedAccountIds", reason))
    return found


def _tag_problems(default_tags: Json) -> list[Failure]:
    if default_tags is None or isinstance(default_tags, Unknown):
        return []
    if not isinstance(default_tags, Mapping) or set(default_tags) - {"tags"}:
        return [Failure("defaultTags", "defaultTags takes an object with one property: tags")]
    return []


def scope(arguments: Mapping[str, Json]) -> Scope:
    """The scope that valid arguments describe."""
    values = unfolded(arguments)
    given = values.get("defaultTags")
    tags = given.get("tags") if isinstance(given, Mapping) else None
    return Scope(
        region=plain(values["region"]),
        account=account_of(plain(values.get("accessKey"))),
        default_tags=dict(tags) if isinstance(tags, Mapping) else {},
    )


def account_of(access_key: Json) -> str:
    """The account an access key stands for: a twelve-digit key names it, every other one is the default account."""
    return access_key if isinstance(access_key, str) and ACCOUNT.fullmatch(access_key) else DEFAULT_ACCOUNT
