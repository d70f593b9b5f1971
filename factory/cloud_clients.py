"""Clients of the cloud that environments live in: the real one by the SDK's own credentials, or the local one."""

import threading
from functools import lru_cache
from typing import Any

from factory import daemons
from factory.paths import FactoryRoot
from factory.settings import Settings

_SESSION = threading.Lock()


def client(root: FactoryRoot, settings: Settings, service: str, region: str, *, profile: str | None = None) -> Any:
    """A boto3 client of one service; the local cloud is started if need be. `profile`: of AWS's configuration files."""
    endpoint = daemons.ensure(root, daemons.LOCAL_CLOUD).addresses["http"] if settings.aws == "local" else None
    return _client(service, region, endpoint, None if endpoint else profile)


@lru_cache(maxsize=256)
def _client(service: str, region: str, endpoint: str | None, profile: str | None) -> Any:
    # Kept: each reads the service's whole model, a third of a second. They may be used from several threads.
    local: dict[str, Any] = {}
    if endpoint is not None:
        local = {"endpoint_url": endpoint, "aws_access_key_id": "local", "aws_secret_access_key": "local"}
    # A session is not for several threads; what it has read of one service it need not read for the next.
    with _SESSION:
        return _session(profile).client(service, region_name=region, **local)


@lru_cache(maxsize=4)
def _session(profile: str | None) -> Any:
    # Imported late: boto3 costs half a second, and most commands need none.
    import boto3

    return boto3.Session(profile_name=profile)
