"""All of moto's backends as bytes and back.

Most of moto's state pickles as it is. Not so locks, keys, some functions, and those of its dictionaries whose `items`
or `__init__` are not a dictionary's: S3's tells only the newest version of an object, so plain pickling would lose the
others without a word.
"""

import gc
import io
import marshal
import pickle
import sys
import threading
import types
import weakref
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from moto.core.base_backend import AccountSpecificBackend, BackendDict

from localcloud.durable.keys import der, private_key

Json = Any
Reference = tuple[str, str]
# What a BackendDict is made with; the rest of its attributes is state (S3's names of all accounts).
MADE_WITH: Final = frozenset({"backend", "service_name", "_use_boto3_regions", "_additional_regions", "_id"})
KEYS: Final = (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey)


def dump(others: Json) -> bytes:
    """Every backend of every account and region, and `others` (anything that pickles)."""
    backends = [
        (
            _reference(backend),
            {name: value for name, value in vars(backend).items() if name not in MADE_WITH},
            {account: dict(regions) for account, regions in backend.items()},
        )
        for backend in _in_use()
    ]
    file = io.BytesIO()
    _Pickler(file, 5).dump((sorted({_service(module) for (module, _), _, _ in backends}), pickle.dumps(others, 5)))
    _Pickler(file, 5).dump(backends)
    return file.getvalue()


def load(data: bytes, prepare: Callable[[str], None]) -> Json:
    """Bring the backends back into this process; the `others`. `prepare` is told each service before it is loaded."""
    collecting = gc.isenabled()
    # Nothing of what is loaded is garbage; collecting meanwhile would double the time.
    gc.disable()
    try:
        file = io.BytesIO(data)
        services, others = pickle.load(file)  # noqa: S301  our own file, readable by its owner only
        for service in services:
            import_module(f"moto.{service}.models")
            prepare(service)
        for reference, extra, accounts in pickle.load(file):  # noqa: S301  as above
            backend = _named(*reference)
            backend.__dict__.update(extra)
            for account, regions in accounts.items():
                dict.update(backend[account], regions)
        return pickle.loads(others)  # noqa: S301  as above
    finally:
        if collecting:
            gc.enable()


def _in_use() -> list[Json]:
    there: Json = BackendDict
    return list(there._instances)  # noqa: SLF001  the only list of what is in use


def _service(module: str) -> str:
    return module.split(".")[1]


def _named(module: str, name: str) -> Json:
    return getattr(import_module(module), name)


@cache
def _reference(backend: Json) -> Reference:
    module = backend.backend.__module__
    # A model's class may live below `models`, and the dictionary beside it or above.
    for place in (module, f"moto.{_service(module)}.models"):
        for name, value in vars(sys.modules[place]).items():
            if value is backend:
                return place, name
    raise pickle.PicklingError(f"the backends of {backend.service_name} have no name")


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: Json) -> Json:
        if reduce := _REDUCERS.get(type(obj)):
            return reduce(obj)
        if isinstance(obj, KEYS):
            return private_key, (der(obj),)
        if isinstance(obj, x509.Certificate):
            return _certificate, (obj.public_bytes(serialization.Encoding.DER),)
        if isinstance(obj, BackendDict):
            # A service that holds another one's backends: it is to hold the live ones.
            return _named, _reference(obj)
        if isinstance(obj, dict) and type(obj).__module__.startswith("moto.") and not isinstance(obj, OrderedDict):
            return _dictionary(obj)
        return NotImplemented


def _function(function: Json) -> Json:
    if "<l" not in function.__qualname__ or function.__closure__:
        # By name; what has neither a name nor plain code fails, and loudly.
        return NotImplemented
    code = marshal.dumps(function.__code__)
    return _local_function, (code, function.__module__, function.__name__, function.__defaults__)


def _local_function(code: bytes, module: str, name: str, defaults: Json) -> Json:
    return types.FunctionType(marshal.loads(code), vars(import_module(module)), name, defaults)  # noqa: S302  our file


def _dictionary(obj: Json) -> Json:
    state = dict(dict.items(obj)), dict(vars(obj)), getattr(obj, "default_factory", None)
    return _new, (type(obj),), state, None, None, _fill


def _new(cls: Json) -> Json:
    return cls.__new__(cls)


def _fill(obj: Json, state: Json) -> None:
    items, attributes, default = state
    dict.update(obj, items)
    obj.__dict__.update(attributes)
    if isinstance(obj, defaultdict):
        obj.default_factory = default


def _weak_values(items: Json) -> Json:
    return weakref.WeakValueDictionary(items)


def _certificate(data: bytes) -> Json:
    # Wrapped: the builtin itself does not pickle by name.
    return x509.load_der_x509_certificate(data)


def _account(obj: Json) -> Json:
    owner = next(each for each in _in_use() if dict.get(each, obj.account_id) is obj)
    return _account_named, (_reference(owner), obj.account_id)


def _account_named(reference: Reference, account: str) -> Json:
    return _named(*reference)[account]


_REDUCERS: Final[dict[type, Callable[[Json], Json]]] = {
    types.FunctionType: _function,
    type(threading.Lock()): lambda _: (threading.Lock, ()),
    type(threading.RLock()): lambda _: (threading.RLock, ()),
    threading.Condition: lambda _: (threading.Condition, ()),
    threading.Event: lambda _: (threading.Event, ()),
    weakref.WeakValueDictionary: lambda obj: (_weak_values, (dict(obj),)),
    AccountSpecificBackend: _account,
}
