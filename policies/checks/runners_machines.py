"""Runners: machines, and what is said to them of who they are."""

from collections.abc import Iterator
from typing import Final

from policies.context import Context
from policies.helpers.fields import found, found_or_missing, must_be
from policies.model import Finding
from policies.resources import Resource

_TYPES: Final = (
    "aws:ec2/instance:Instance",
    "aws:ec2/launchTemplate:LaunchTemplate",
    "aws:ec2/launchConfiguration:LaunchConfiguration",
    "aws:ec2/spotInstanceRequest:SpotInstanceRequest",
)
METADATA_READS: Final = dict.fromkeys(_TYPES, ("metadataOptions",))
_BLOCK: Final = ("metadataOptions",)


def metadata_v2(resource: Resource, context: Context) -> Iterator[Finding]:
    """Control 55: the metadata service asks for a token, and its answers do not leave the machine.

    Both must be said: the image, the account or a launch template may say something else where the machine does not.
    """
    del context
    options = resource.properties.get("metadataOptions")
    endpoints = [setting.value for setting in found(options, ("httpEndpoint",), _BLOCK)]
    if endpoints and all(value == "disabled" for value in endpoints):
        return
    tokens = found_or_missing(options, ("httpTokens",), _BLOCK)
    yield from must_be(tokens, ("required",), "lets who can make the machine ask for a page read its credentials")
    hops = found_or_missing(options, ("httpPutResponseHopLimit",), _BLOCK)
    yield from must_be(hops, (1,), "lets containers on the machine read its credentials")
