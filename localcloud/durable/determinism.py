"""Makes a call repeatable: the same seed, moment and keys give the same ids, times and key pairs.

moto draws from a random generator of its own, but also from `os.urandom`, the clock, OpenSSL and the addresses of
objects. While a call is repeatable, all of these answer from its seed on its thread; on every other thread, and at any
other time, they are what they always are. Importing this changes nothing; `install` does, once per process.
"""

import os
import random
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import time_machine
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from moto.core import base_backend
from moto.core.base_backend import AccountSpecificBackend
from moto.moto_api._internal import mock_random

from localcloud.durable.keys import der, private_key

Json = Any
# Bits that an object's address has.
ADDRESS_BITS: Final = 47

_urandom = os.urandom
_generate_rsa: Callable[..., Any] = rsa.generate_private_key
_get_backend = AccountSpecificBackend.__getitem__


@dataclass
class _Draws:
    """What one repeatable call has drawn: key pairs cannot be seeded, so they are told and given again."""

    keys: list[bytes]
    used: int = 0


@dataclass
class Repeatable:
    """What all repeatable things of one local cloud have in common: a salt, and when it was born (Unix seconds)."""

    salt: str = ""
    born: float = 0.0
    _local: threading.local = field(default_factory=threading.local)

    @contextmanager
    def call(self, number: int, moment: float, keys: list[bytes]) -> Iterator[None]:
        """Run call `number` as at `moment`. `keys`: the key pairs it made the first time; what it makes is added."""
        mock_random.seed(f"{self.salt}/{number}")
        # A few of moto's services draw from the standard library's generator.
        random.seed(f"{self.salt}/{number}")
        self._local.draws = _Draws(keys)
        try:
            with time_machine.travel(moment, tick=False):
                yield
        finally:
            self._local.draws = None

    def first_use(self, name: str, make: Callable[[], Json]) -> Json:
        """What is made at its first use, by a read as well: it depends on nothing but its `name`."""
        before, draws = mock_random.getstate(), self._draws
        mock_random.seed(f"{self.salt}/{name}")
        self._local.draws = _Draws([])
        try:
            with time_machine.travel(self.born, tick=False):
                return make()
        finally:
            mock_random.setstate(before)
            self._local.draws = draws

    @property
    def _draws(self) -> _Draws | None:
        return getattr(self._local, "draws", None)

    def urandom(self, size: int) -> bytes:
        """`os.urandom`."""
        return _urandom(size) if self._draws is None else mock_random.randbytes(size)

    def rsa_key(self, public_exponent: int, key_size: int, backend: Json = None) -> Json:
        """`rsa.generate_private_key`."""
        del backend
        draws = self._draws
        if draws is None:
            return _generate_rsa(public_exponent, key_size)
        if draws.used >= len(draws.keys):
            draws.keys.append(der(_generate_rsa(public_exponent, key_size)))
        draws.used += 1
        return private_key(draws.keys[draws.used - 1])


def install(repeatable: Repeatable) -> None:
    """Teach this process's moto, and what it draws from, to be repeatable."""

    def backend(self: AccountSpecificBackend[Json], region: str) -> Json:
        name = "aws" if region == "global" else region
        if dict.__contains__(self, name):
            return dict.__getitem__(self, name)
        # A default VPC and the like come with the first use of an account and region.
        return repeatable.first_use(f"{self.service_name}/{self.account_id}/{name}", lambda: _get_backend(self, name))

    def elliptic(curve: Json, backend: Json = None) -> Json:
        del backend
        return ec.derive_private_key(int.from_bytes(os.urandom(curve.key_size // 8 - 1), "big") + 1, curve)

    def edwards() -> Json:
        return ed25519.Ed25519PrivateKey.from_private_bytes(os.urandom(32))

    os.urandom = repeatable.urandom
    rsa.generate_private_key = repeatable.rsa_key
    ec.generate_private_key = elliptic
    setattr(ed25519.Ed25519PrivateKey, "generate", staticmethod(edwards))  # noqa: B010  mypy forbids it plainly
    setattr(AccountSpecificBackend, "__getitem__", backend)  # noqa: B010  as above
    # Names of containers: they must not take draws from a call.
    vars(base_backend)["uuid4"] = lambda: uuid.UUID(bytes=_urandom(16), version=4)


def install_loaded(repeatable: Repeatable) -> None:
    """The same for those of moto's services that have been imported; calling it again changes nothing."""
    vpcs = sys.modules.get("moto.ec2.models.vpcs")
    if vpcs and not getattr(vpcs.VPCBackend, "repeatable", False):
        collect = vpcs.VPCBackend._collect_default_endpoint_services  # noqa: SLF001  moto's cache with random ids

        def services(account: str, region: str) -> Json:
            return repeatable.first_use(f"vpce/{region}", lambda: collect(account, region))

        vpcs.VPCBackend._collect_default_endpoint_services = staticmethod(services)  # noqa: SLF001  as above
        vpcs.VPCBackend.repeatable = True
    if balancers := sys.modules.get("moto.elbv2.models"):
        # An ARN is made of an object's address.
        vars(balancers)["id"] = lambda _: mock_random.getrandbits(ADDRESS_BITS)
