"""Cutting a process off from every real AWS account, before anything that talks to AWS is imported."""

import os
from collections.abc import MutableMapping
from typing import Final

from factory.settings import LOCAL_ACCOUNT

DEFAULT_ACCOUNT: Final = LOCAL_ACCOUNT


def isolate(environment: MutableMapping[str, str]) -> None:
    """Cut the process off from any real account and set moto up: no profile, key, endpoint or metadata is read."""
    for name in list(environment):
        if name.startswith(("AWS_", "MOTO_")):
            del environment[name]
    # moto really calls what its users name (an SNS subscription's URL): such calls end at a closed port here.
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        environment[name] = "http://127.0.0.1:9"
    environment.update(
        NO_PROXY="",
        no_proxy="",
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
        # The default images cost 0.4 s and 0.9 MB for every account and region.
        MOTO_EC2_LOAD_DEFAULT_AMIS="false",
    )
