"""CI/CD: registries of images."""

from collections.abc import Iterator
from typing import Final

from policies.context import Context
from policies.helpers.fields import found_or_missing, must_be
from policies.model import UNKNOWN, Fail, Finding, Unknown
from policies.reading import each
from policies.resources import Resource

REPOSITORY: Final = "aws:ecr/repository:Repository"
TEMPLATE: Final = "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate"
SCANNING: Final = "aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration"
REGISTRY_READS: Final = {
    REPOSITORY: ("imageTagMutability", "imageScanningConfiguration"),
    TEMPLATE: ("imageTagMutability",),
    SCANNING: ("rules",),
}
SCANS: Final = ("SCAN_ON_PUSH", "CONTINUOUS_SCAN")


def immutable_scanned(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 59: a tag never moves to another image, and every image is scanned when it is pushed."""
    del context
    if resource.type == SCANNING:
        yield from _every_image_scanned(resource)
        return
    # IMMUTABLE_WITH_EXCLUSION lets some tags move.
    tags = found_or_missing(resource.properties, ("imageTagMutability",), ())
    yield from must_be(tags, ("IMMUTABLE",), "lets a tag move to another image")
    if resource.type == REPOSITORY:
        scanned = found_or_missing(resource.properties, ("imageScanningConfiguration", "scanOnPush"), ())
        yield from must_be(scanned, (True,), "leaves images that are pushed without a scan")


def _every_image_scanned(resource: Resource) -> Iterator[Finding]:
    """What the registry says goes before what a repository says: what no rule of it matches is not scanned."""
    unknown = []
    for path, rule in each(resource.properties.get("rules"), ("rules",)):
        frequencies = [setting.value for setting in found_or_missing(rule, ("scanFrequency",), path)]
        filters = [setting.value for setting in found_or_missing(rule, ("repositoryFilters", "filter"), path)]
        if any(value in SCANS for value in frequencies) and "*" in filters:
            return
        if any(may in SCANS or may is UNKNOWN for may in frequencies) and ("*" in filters or UNKNOWN in filters):
            unknown.append(Unknown(path))
    yield from unknown or (Fail(("rules",), "leaves images of some repositories without a scan"),)
