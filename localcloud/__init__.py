"""The embedded local cloud: AWS served from one process on loopback, and the provider that deploys to it.

A daemon (`python -m localcloud.daemon`) holds the state and keeps it on disk; nothing is ever sent to AWS.
Only `console` and tests may import this room; others start it through `factory.daemons` and meet it as AWS.
"""

from localcloud.supported import supported_invokes, supported_types

__all__ = ["supported_invokes", "supported_types"]
