"""moto as one function: from an AWS request to its answer. Whoever calls it holds the lock of the backends.

Importing this imports moto: `localcloud.isolation.isolate` must have run before. The dispatch follows moto's own
server but keeps the compiled routes (moto compiles them on every call).
"""

import io
import re
import sys
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any
from urllib.parse import unquote, urlsplit

from moto import backends as moto_backends
from moto.core import responses as moto_responses
from moto.core.base_backend import BackendDict
from moto.core.common_models import BaseModel
from moto.core.request import (
    PRESERVED_HEADER_NAMES_ENVIRON_KEY,
    Request,
    environ_key_for_header,
    should_preserve_original_header_name,
)
from moto.core.utils import method_names_from_class
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.exceptions import HTTPException

from localcloud.isolation import DEFAULT_ACCOUNT
from localcloud.reply import Reply, problem

Handler = Callable[..., Any]
Route = tuple[re.Pattern[str], Handler]
# Method, absolute URL, headers (lower-case names), body.
Call = tuple[str, str, Mapping[str, str], bytes]
MOTO_ADMIN = "moto_api"


class Dispatch:
    """Finds the service that a request means, and asks it."""

    def __init__(self, loaded: Callable[[], None]) -> None:
        """`loaded` is called when a service has been imported, before its first call."""
        self._dispatcher = DomainDispatcherApplication(create_backend_app)
        self._preparations: dict[str, Callable[[], None]] = {}
        self._prepared: set[str] = set()
        self._loaded = loaded
        _tune()

    def before_first_call(self, service: str, prepare: Callable[[], None]) -> None:
        """Run `prepare` when `service` (moto's name) is used for the first time, before that; once."""
        self._preparations[service] = prepare

    def prepare(self, service: str) -> None:
        """Get a service ready for calls, or for state that was kept."""
        if prepare := self._preparations.pop(service, None):
            prepare()
        if service not in self._prepared:
            self._prepared.add(service)
            _routes(service)
            self._loaded()

    def __call__(self, call: Call) -> Reply:
        """Answer a call. Never raises."""
        method, url, headers, body = call
        environ = _environ(method, url, headers, body)
        service = self._service(url, environ)
        if service.startswith(MOTO_ADMIN):
            # moto's own: it resets, seeds and records without any token.
            return problem(service, headers, 404, "UnknownOperation", "the local AWS has no such service")
        try:
            self.prepare(service)
            return _dispatch(service, urlsplit(url).path, environ) or problem(
                service, headers, 404, "UnknownOperation", f"the local AWS has no such call: {method} {url}"
            )
        except NotImplementedError as error:
            return problem(service, headers, 501, "NotImplemented", f"the local AWS cannot do this: {error}")
        except Exception as error:  # noqa: BLE001  the seam: a fault in one service must not end the daemon
            said = f"the local AWS failed: {type(error).__name__}: {error}"
            return problem(service, headers, 500, "InternalFailure", said)

    def service_of(self, call: Call) -> str:
        """moto's name of the service that a call goes to. Raises whatever moto does at a call it cannot read."""
        return self._service(call[1], _environ(*call))

    def service_at(self, host: str) -> str:
        """moto's name of the service that has a host (`sqs.eu-central-1.amazonaws.com`); "None" for none."""
        return _service(self._dispatcher, host)

    def failure(self, call: Call, message: str) -> Reply:
        """An answer that says, as the service would, that the call failed for no fault of the caller."""
        service = self._service(call[1], _environ(*call))
        return problem(service, call[2], 500, "InternalFailure", message)

    def _service(self, url: str, environ: dict[str, Any]) -> str:
        """moto's name of the service that is asked: by host as AWS has it, else by signature, target or body."""
        host: str | None = urlsplit(url).netloc
        if host is None or not ("amazonaws.com" in host or "api.aws" in host):
            host = self._dispatcher.infer_service_region_host(environ, environ["PATH_INFO"])
        return _service(self._dispatcher, host or "s3.us-east-1.amazonaws.com")


def _tune() -> None:
    """Two changes to moto in this process that a daemon needs; neither changes an answer."""
    # moto remembers every instance of every model for its dashboard, deleted ones too: a daemon would only grow.
    setattr(BaseModel, "__new__", lambda cls, *_, **__: object.__new__(cls))  # noqa: B010  mypy forbids it plainly
    # It lists a response class's methods on every call, a fifth of the time of an EC2 call.
    vars(moto_responses)["method_names_from_class"] = cache(method_names_from_class)


def _dispatch(service: str, path: str, environ: dict[str, Any]) -> Reply | None:
    for pattern, handler in _routes(service):
        if pattern.match(path or "/"):
            request = Request(environ)
            try:
                answer = handler(request, request.raw_url, request.headers)
            except HTTPException as error:
                answer = error.code, error.get_headers(), error.get_body()
            return _reply(answer)
    return None


# Bounded: hosts hold bucket names.
@lru_cache(maxsize=1024)
def _service(dispatcher: Any, host: str) -> str:
    return str(dispatcher.get_backend_for_host(host))


@cache
def _routes(service: str) -> list[Route]:
    found: Any = moto_backends.get_backend(service)  # type: ignore[call-overload]  # the name is known at run time only
    regions = found[DEFAULT_ACCOUNT] if isinstance(found, BackendDict) else found
    region = next(name for name in ("us-east-1", "aws", "global") if name in regions)
    return [(re.compile(path), handler) for path, handler in regions[region].url_paths.items()]


def _environ(method: str, url: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    parts = urlsplit(url)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(parts.path, "latin-1"),
        "QUERY_STRING": parts.query,
        "RAW_URI": url[len(parts.scheme) + 3 + len(parts.netloc) :],
        "SERVER_NAME": parts.netloc,
        "SERVER_PORT": "443" if parts.scheme == "https" else "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": parts.netloc,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": parts.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    kept = environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = {}
    for name, value in headers.items():
        key = environ_key_for_header(name)
        environ[key] = value
        if should_preserve_original_header_name(name):
            kept[key] = name
    environ["CONTENT_LENGTH"] = str(len(body))
    return environ


def _reply(answer: Any) -> Reply:
    status, headers, body = answer if isinstance(answer, tuple) else (200, {}, answer)
    content = body.encode() if isinstance(body, str) else bytes(body or b"")
    return Reply(int(status), {str(name): str(value) for name, value in dict(headers).items()}, content)
