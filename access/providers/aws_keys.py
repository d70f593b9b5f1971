"""What a client signs with: an access key that names its grant, and a secret that only the factory's host can tell.

Signatures are made and checked with one secret, so it must not follow from what the database holds of a token: a key on
the host is a part of it.
"""

import base64
import hashlib
import hmac
import secrets
from typing import Final, NamedTuple

from access.grants import Grant
from factory.own_file import made_once
from factory.paths import FactoryRoot

KEY: Final = "aws.key"
KEY_BYTES: Final = 32
# AWS's own begin with AKIA or ASIA, and have 20 characters.
PREFIX: Final = "MWGA"
ID_CHARACTERS: Final = 16


class ClientKeys(NamedTuple):
    """As an SDK takes them."""

    key_id: str
    secret: str


def client_keys(root: FactoryRoot, grant: Grant) -> ClientKeys:
    """Those of a grant; the key on the host is made at the first use."""
    own = made_once(root.access / KEY, lambda: secrets.token_bytes(KEY_BYTES))
    name = base64.b32encode(hashlib.sha256(grant.id.encode()).digest()).decode()[:ID_CHARACTERS]
    told = f"aws:{grant.id}:{grant.token_digest}".encode()
    return ClientKeys(PREFIX + name, base64.b64encode(hmac.digest(own, told, "sha256")).decode())
