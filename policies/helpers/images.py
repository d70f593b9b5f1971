"""Image references: whether one names exactly one image, and whose registry it comes from.

Sources: the grammar of references in the OCI distribution reference implementation; Amazon ECR, "Private registry"
and "Dual-stack endpoints"; Google Artifact Registry, "Repository and image names".
"""

import re
from collections.abc import Iterator
from typing import Final

from policies.context import Context
from policies.model import UNKNOWN, Fail, Finding, Path, Plain, Unknown
from policies.settings import PolicySettings

_PART: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REFERENCE: Final = re.compile(
    rf"(?P<name>(?:[A-Za-z0-9.-]+(?::\d+)?/)?{_PART}(?:/{_PART})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][\w.-]{0,127}))?(?:@(?P<digest>[^@]+))?",
    re.ASCII,
)
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_ECR: Final = re.compile(
    r"(\d{12})\.(?:dkr\.ecr(?:-fips)?\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?|dkr-ecr(?:-fips)?\.[a-z0-9-]+\.on\.aws)",
    re.ASCII,
)
_ARTIFACT_REGISTRY: Final = re.compile(r"[a-z0-9-]+-docker\.pkg\.dev")
DOCKER_HUB: Final = "docker.io"


def image_faults(image: Plain, path: Path, context: Context) -> Iterator[Finding]:
    """What is wrong with an image reference: no digest, or a registry that is none of the factory's."""
    if image is UNKNOWN:
        yield Unknown(path)
        return
    read = _REFERENCE.fullmatch(image) if isinstance(image, str) else None
    if read is None:
        yield Fail(path, "is no image reference")
        return
    if not _DIGEST.fullmatch(read["digest"] or ""):
        yield Fail(path, "names no digest, so that what runs may change")
    if not approved(read["name"], context.settings):
        yield Fail(path, "comes from a registry that is not approved")


def approved(name: str, settings: PolicySettings) -> bool:
    """Whether the image `name` (without tag and digest) is in a registry of the factory's, or one it has listed."""
    host, repository = _split(name)
    ecr = _ECR.fullmatch(host)
    if ecr and ecr[1] in settings.accounts:
        return True
    if _ARTIFACT_REGISTRY.fullmatch(host) and repository.split("/")[0] in settings.gcp_projects:
        return True
    return any(f"{host}/{repository}/".startswith(f"{entry.rstrip('/')}/") for entry in settings.registries)


def _split(name: str) -> tuple[str, str]:
    """Host and repository. A first part without dot and port is no host (`localhost` aside): Docker Hub serves it."""
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        host, repository = first, rest
    else:
        host, repository = DOCKER_HUB, name
    if host in (DOCKER_HUB, "index.docker.io"):
        return DOCKER_HUB, repository if "/" in repository else f"library/{repository}"
    return host, repository
