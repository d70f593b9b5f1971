"""What the egress proxy's process is, when it runs as a service: how it is started, and from which image.

Whoever declares it, runs it, or judges a network by it (components, access, policies, stacks, the local cloud) means
the same process by these words.
"""

from collections.abc import Mapping
from typing import Final

# What starts it; `factory.egress_lists.Lists` as JSON is its one argument.
ENTRY_POINT: Final = ("python", "-P", "-m", "access.egress.service")
# The repository of the image that holds it, which is the agents' own.
REPOSITORY: Final = "agent-runner"
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
_IMAGE: Final = f".amazonaws.com/{REPOSITORY}@sha256:"


def is_proxy(container: Mapping[str, object]) -> bool:
    """Whether a container definition (as ECS has it) starts this process, from the image that holds it."""
    entry = container.get("entryPoint")
    started = isinstance(entry, list) and tuple(entry) == ENTRY_POINT
    return started and _IMAGE in str(container.get("image"))
