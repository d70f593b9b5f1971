"""Bypass: resources that make others, or do something, which no rule gets to see."""

from collections.abc import Iterator
from typing import Final

from policies.context import Context
from policies.model import Fail, Finding
from policies.resources import Resource

TEMPLATE: Final = "makes what a template says, which no rule sees"
ANYTHING: Final = "makes a resource of any type, which no rule reads"
CONTROLLER: Final = "has a controller in the cluster make what no rule sees"
CODE: Final = "runs code of its own, which no rule sees"

# Exact types, each with what is wrong with it.
RESOURCES: Final = {
    "aws:cloudformation/stack:Stack": TEMPLATE,
    "aws:cloudformation/stackSet:StackSet": TEMPLATE,
    "aws:cloudformation/stackInstances:StackInstances": TEMPLATE,
    "aws:cloudformation/stackSetInstance:StackSetInstance": TEMPLATE,
    "aws:servicecatalog/provisionedProduct:ProvisionedProduct": TEMPLATE,
    "aws:serverlessrepository/cloudFormationStack:CloudFormationStack": TEMPLATE,
    "aws:cloudcontrol/resource:Resource": ANYTHING,
    "kubernetes:helm.sh/v3:Release": TEMPLATE,
}
# Whole providers and API groups, by the beginning of the type.
FAMILIES: Final = {
    # Cloud Control under its own types: the same resources, under names that no rule reads.
    "aws-native:": ANYTHING,
    "command:": CODE,
    "pulumi-python:dynamic": CODE,
    "pulumi-nodejs:dynamic": CODE,
    "gcp:deploymentmanager/": TEMPLATE,
    "kubernetes:helm.toolkit.fluxcd.io/": CONTROLLER,
    "kubernetes:kustomize.toolkit.fluxcd.io/": CONTROLLER,
    "kubernetes:helm.cattle.io/": CONTROLLER,
    "kubernetes:argoproj.io/v1alpha1:Application": CONTROLLER,
    "kubernetes:pulumi.com/": CONTROLLER,
}

# Beside those that fail: their neighbours that pass, because what they make is declared as resources of its own.
OPAQUE_READS: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(RESOURCES, ()),
    **dict.fromkeys((f"{start}*" for start in FAMILIES), ()),
    **dict.fromkeys(("aws:cloudformation/*", "kubernetes:helm.sh/*", "kubernetes:yaml*"), ()),
}


def nothing_opaque(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 1: no resource that makes others, or acts, out of sight of the rules."""
    del context
    message = RESOURCES.get(resource.type)
    if message is None:
        message = next((text for start, text in FAMILIES.items() if resource.type.startswith(start)), None)
    if message is not None:
        yield Fail((), message)
