"""A secret's versions are told with the time at which each was made."""

import json
from typing import Any

from localcloud_door import ACCOUNT, REGION
from moto.secretsmanager.models import secretsmanager_backends

from localcloud.taught import secretsmanager_model


def test_a_version_is_as_old_as_it_is_whenever_it_is_asked_for() -> None:
    secretsmanager_model.teach()
    backend: Any = secretsmanager_backends[ACCOUNT][REGION]
    told = backend.create_secret(
        name="old", secret_string="x", secret_binary=None, description="", tags=[], kms_key_id=None,
        client_request_token=None, replica_regions=[], force_overwrite=False,
    )  # fmt: skip
    arn = json.loads(told)["ARN"]
    (made,) = backend.secrets[arn].versions.values()
    made["createdate"] = 1_000_000
    (version,) = json.loads(backend.list_secret_version_ids(arn))["Versions"]
    assert (version["CreatedDate"], version["VersionStages"]) == (1_000_000, ["AWSCURRENT"])
