"""Make one safe HTTP exchange with Lofty. No other module of the console speaks HTTP to Lofty."""

import base64
import http.client
import io
import json as standard_json
import queue
import re
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import requests
import requests.adapters
import requests.auth
import requests.utils
import urllib3
import urllib3.connection
import urllib3.connectionpool
import urllib3.exceptions

from lofty_admin.lofty.endpoint import (
    Endpoint,
    Origin,
    Resolver,
    SocketAddress,
    allowed_origin,
    permits,
    system_resolver,
)
from lofty_admin.lofty.errors import LoftyError, Misconfigured, Unknown, Unreachable
from lofty_admin.lofty.exchange import Answer, Received, Scribe, utc_now
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.lofty.marking import gettext_noop

PATH = re.compile(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._-]+)+", re.ASCII)
TOO_LARGE = "the response is too large"
HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Connection": "close",
    "User-Agent": "lofty-sales-agent-console",
}


class Authorization(requests.auth.AuthBase):
    """An Authorization header whose repr is empty. secrets: what to redact."""

    def __init__(self, value: str, *secrets: str) -> None:
        self._value = value
        self.secrets = secrets

    @classmethod
    def of_token(cls, word: str, token: str) -> Self:
        return cls(f"{word} {token}", token)

    @classmethod
    def basic(cls, user: str, password: str) -> Self:
        packed = base64.b64encode(f"{user}:{password}".encode()).decode()
        return cls(f"Basic {packed}", password, packed)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._value
        return request

    def __repr__(self) -> str:
        return "<Authorization: hidden>"


class Transport:
    """Make exchanges with one endpoint.

    Holds no connection, cookie or token: safe to fork and share. resolve and now are for tests.
    Raises Misconfigured when the endpoint's base_url is not allowed.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        resolve: Resolver = system_resolver,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._endpoint = endpoint
        self._origin = allowed_origin(endpoint)
        self._resolve = resolve
        self._now = now

    def exchange(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        json: JSON = None,
        form: Mapping[str, str] | None = None,
        auth: Authorization,
        secret_answer: bool = False,
        deadline: float | None = None,
    ) -> Answer:
        """Send one request, once, and read the whole answer, whatever its status.

        json is sent as application/json, form as application/x-www-form-urlencoded, None as no
        body. auth's secrets and the form's values are redacted from the Exchange; with
        secret_answer it keeps nothing of the body. deadline (s) can only shorten the endpoint's.

        Raises Misconfigured (path, body or address refused), Unreachable (nothing sent), Unknown
        (bytes left, no whole answer).
        """
        request = self._request(method, path, query, json, form, auth)
        hidden = (*auth.secrets, *(form or {}).values())
        scribe = Scribe(method, path, hidden, keep_body=not secret_answer, now=self._now)
        error: LoftyError | None = None
        with self._endpoint.gate(method) as report:
            with _Wire(self._endpoint, deadline) as wire:
                try:
                    body = self._talk(wire, request)
                except FAULTS as fault:
                    error = wire.explain(fault)
            if error is not None:  # outside the except block: the fault may hold the token
                error.exchange = scribe.failed(wire.received())
                report(error.exchange)
                raise error
            answer = scribe.answered(wire.received(), body)
            report(answer.exchange)
            return answer

    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int] | None,
        json: JSON,
        form: Mapping[str, str] | None,
        auth: Authorization,
    ) -> requests.Request:
        if not PATH.fullmatch(path):
            raise Misconfigured(
                gettext_noop("The console did not call Lofty: the address is not allowed.")
            )
        kind = "application/json" if form is None else "application/x-www-form-urlencoded"
        return requests.Request(
            method,
            self._origin.url + path,
            headers={**HEADERS, "Content-Type": kind},
            params=query,
            data=form if json is None else _json_bytes(json),
            auth=auth,
        )

    def _talk(self, wire: "_Wire", request: requests.Request) -> bytes:
        """Send the request without a requests Session.

        A Session reads netrc and proxies, keeps cookies, shares connections after a fork, and
        unpacks the body of a redirect without limit even with redirects disabled.
        """
        wire.addresses = self._checked_addresses(wire)
        limits = (self._endpoint.connect_timeout, self._endpoint.read_timeout)
        with closing(_Adapter(wire, self._origin, self._tls())) as adapter:
            response = adapter.send(request.prepare(), stream=True, timeout=limits)
            with closing(response):
                wire.status, wire.headers = response.status_code, response.headers
                return _unpacked(wire, self._read(wire, response), self._endpoint.max_bytes)

    def _read(self, wire: "_Wire", response: requests.Response) -> bytes:
        parts, size = [], 0
        while part := response.raw.read1(65536, decode_content=False):
            parts.append(part)
            size += len(part)
            if size > self._endpoint.max_bytes:
                raise _UnsoundError(TOO_LARGE)
            wire.check_deadline()
        wire.check_deadline()  # cut by the watchdog, a body without length looks complete
        return b"".join(parts)

    def _checked_addresses(self, wire: "_Wire") -> Sequence[SocketAddress]:
        """Resolve the host once and return its addresses; raise if one of them is forbidden."""
        found: queue.SimpleQueue[Sequence[SocketAddress]] = queue.SimpleQueue()
        threading.Thread(target=lambda: found.put(self._looked_up()), daemon=True).start()
        try:
            addresses = found.get(
                timeout=max(0.0, min(wire.left(), self._endpoint.connect_timeout))
            )
        except queue.Empty:
            raise TimeoutError from None
        if not all(permits(self._endpoint, self._origin, sockaddr[0]) for _, sockaddr in addresses):
            raise _ForbiddenAddressError
        return addresses

    def _looked_up(self) -> Sequence[SocketAddress]:
        try:
            return self._resolve(self._origin.host, self._origin.port)
        except (OSError, UnicodeError):
            return ()

    def _tls(self) -> ssl.SSLContext | None:
        """Return the TLS context; None for a plain origin, which only loopback may be."""
        if not self._origin.is_tls:
            return None
        return TRUST.context(self._endpoint.ca_file or requests.utils.DEFAULT_CA_BUNDLE_PATH)


class _Trust(threading.local):
    """Cache each thread's TLS contexts, by CA file. Holds no connection and no session.

    Reading that file takes 20 ms, as long as a call may. Contexts are not shared between threads,
    because urllib3 writes into the context of every connection it makes.
    """

    def __init__(self) -> None:
        self._made: dict[str, tuple[int, ssl.SSLContext]] = {}

    def context(self, ca_file: str) -> ssl.SSLContext:
        """Return the context, rebuilt when the file has changed, so a removed CA loses trust."""
        changed = Path(ca_file).stat().st_mtime_ns
        known = self._made.get(ca_file)
        if known is None or known[0] != changed:
            known = self._made[ca_file] = changed, _tls_context(ca_file)
        return known[1]


TRUST = _Trust()


def _tls_context(ca_file: str) -> ssl.SSLContext:
    """Build the context by hand, as ssl's and urllib3's own write keys to SSLKEYLOGFILE."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(ca_file)
    return context


def _json_bytes(value: JSON) -> bytes:
    try:
        return standard_json.dumps(value, allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError):
        pass
    raise Misconfigured(gettext_noop("The request is not valid JSON, so it was not sent."))


def _unpacked(wire: "_Wire", body: bytes, limit: int) -> bytes:
    """Return the unpacked body; Lofty may compress it although asked not to.

    A body that is compressed twice is refused.
    """
    encoding = wire.headers.get("Content-Encoding", "").strip().lower()
    if encoding in {"", "identity"}:
        return body
    if encoding not in {"gzip", "x-gzip"}:
        raise _UnsoundError("the response has an unsupported encoding")
    gzip = zlib.decompressobj(wbits=31)
    unpacked = gzip.decompress(body, limit + 1)
    if len(unpacked) > limit:
        raise _UnsoundError(TOO_LARGE)
    if not gzip.eof or gzip.unused_data:
        raise _UnsoundError("the response was cut short")
    return unpacked


class _UnsoundError(Exception):
    """The answer breaks one of our rules; the text is half a sentence for users."""


class _ForbiddenAddressError(Exception):
    """The host resolves to an address the endpoint does not allow."""


# What the libraries raise: requests, urllib3's raw reads, http.client, sockets and TLS, zlib.
# ValueError covers UnicodeError and what requests raises for malformed headers.
FAULTS = (
    _UnsoundError,
    _ForbiddenAddressError,
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    ValueError,
    RecursionError,
    zlib.error,
)


class _Wire:
    """The one connection of one exchange: its allowed addresses, its progress, its deadline.

    A context manager: leaving it stops the watchdog and releases the socket.
    """

    def __init__(self, endpoint: Endpoint, deadline: float | None) -> None:
        self._endpoint = endpoint
        self._seconds = endpoint.deadline if deadline is None else min(endpoint.deadline, deadline)
        self.started = time.monotonic()
        self.addresses: Sequence[SocketAddress] | None = None
        self.connected = False
        self.sent = False
        self.expired = False
        self.status: int | None = None
        self.headers: Mapping[str, str] = {}
        self._lock = threading.Lock()
        self._handle: socket.socket | None = None
        self._watchdog = threading.Timer(self._seconds, self._cut)
        self._watchdog.daemon = True

    def __enter__(self) -> Self:
        self._watchdog.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._watchdog.cancel()
        with self._lock:
            if self._handle is not None:
                self._handle.close()
                self._handle = None

    def left(self) -> float:
        """Return the seconds until the deadline."""
        return self.started + self._seconds - time.monotonic()

    def received(self) -> Received:
        spent = round((time.monotonic() - self.started) * 1000)
        return Received(self.status, self.headers, spent)

    def check_deadline(self) -> None:
        if self.expired or self.left() <= 0:
            self.expired = True
            raise TimeoutError

    def connect(self) -> socket.socket:
        """Connect to the first checked address that answers, all within connect_timeout."""
        until = time.monotonic() + min(self._endpoint.connect_timeout, self.left())
        addresses = self.addresses or ()
        for position, (family, sockaddr) in enumerate(addresses):
            share = (until - time.monotonic()) / (len(addresses) - position)
            with suppress(OSError):
                return self._watched(family, sockaddr, share)
        raise ConnectionError

    def _watched(
        self, family: socket.AddressFamily, sockaddr: tuple[Any, ...], seconds: float
    ) -> socket.socket:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(max(seconds, 0.001))
            sock.connect(sockaddr)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(self._endpoint.connect_timeout)
            self._keep_handle(sock)
        except OSError:
            sock.close()
            raise
        return sock

    def _keep_handle(self, sock: socket.socket) -> None:
        """Duplicate the socket's descriptor: during its handshake TLS holds the original alone."""
        with self._lock:
            self._handle = sock.dup()
            self.connected = True
        self.check_deadline()

    def _cut(self) -> None:
        with self._lock:
            self.expired = True
            if self._handle is not None:
                with suppress(OSError):
                    self._handle.shutdown(socket.SHUT_RDWR)

    def explain(self, fault: BaseException) -> LoftyError:
        """Convert the fault to one of our errors, whose text is only our own words."""
        if isinstance(fault, _ForbiddenAddressError):
            return Misconfigured(
                gettext_noop(
                    "Lofty's host name resolves to an address inside this network, which "
                    "is not allowed."
                )
            )
        if not self.sent:
            return Unreachable(f"Lofty could not be reached: {self._obstacle()}.")
        if isinstance(fault, _UnsoundError):
            return Unknown(f"Lofty's response can't be read: {fault}.")
        if self.expired:
            return Unknown(f"Lofty sent no complete response within {self._seconds:.3g} seconds.")
        if isinstance(fault, requests.Timeout | urllib3.exceptions.TimeoutError | TimeoutError):
            seconds = self._endpoint.read_timeout
            return Unknown(
                f"Lofty stopped sending for {seconds:.3g} seconds before its response was complete."
            )
        return Unknown(
            gettext_noop("The connection to Lofty broke before the whole response arrived.")
        )

    def _obstacle(self) -> str:
        if not self.addresses:
            return "its name could not be looked up"
        if self.connected:
            return "no secure connection (TLS) could be made, or its certificate is not trusted"
        return "nothing responds at its address"


class _WholeLines(io.BufferedReader):
    """Raise if the stream ends inside the headers; http.client takes that as their end."""

    def readline(self, size: int | None = -1) -> bytes:
        line = super().readline(size)
        if not line.endswith(b"\n") and len(line) != size:
            raise http.client.HTTPException("cut inside a line")
        return line


class _Response(http.client.HTTPResponse):
    def __init__(
        self,
        sock: socket.socket,
        debuglevel: int = 0,
        method: str | None = None,
        url: str | None = None,
    ) -> None:
        super().__init__(sock, debuglevel, method, url)
        self.fp = _WholeLines(self.fp.detach())

    def _read_status(self) -> tuple[str, int, str]:
        """Skip informational answers: http.client knows 100 and takes 103 for the final one.

        Their number needs no limit of its own, as the deadline of the exchange ends them.
        """
        version, status, reason = super()._read_status()  # type: ignore[misc]  # private to it
        while 100 <= status < 200 and status != http.HTTPStatus.SWITCHING_PROTOCOLS:
            http.client.parse_headers(self.fp)
            version, status, reason = super()._read_status()  # type: ignore[misc]
        return version, status, reason


class _Guarded(urllib3.connection.HTTPConnection):
    """Connect to checked addresses only, and record from which moment bytes may have left."""

    debuglevel = 0  # even when http.client's debug output was turned on
    response_class = _Response

    def __init__(self, *args: Any, wire: _Wire, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._wire = wire

    def _new_conn(self) -> socket.socket:
        return self._wire.connect()

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        self._wire.sent = True
        super().send(data)


class _GuardedTLS(_Guarded, urllib3.connection.HTTPSConnection):
    pass


class _Pool(urllib3.connectionpool.HTTPConnectionPool):
    ConnectionCls = _Guarded


class _PoolTLS(urllib3.connectionpool.HTTPSConnectionPool):
    ConnectionCls = _GuardedTLS


class _Adapter(requests.adapters.HTTPAdapter):
    """A requests adapter with no retries, no proxies, and one pool of one connection."""

    def __init__(self, wire: _Wire, origin: Origin, tls: ssl.SSLContext | None) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)
        self._pool = self._pool_for(wire, origin, tls)

    @staticmethod
    def _pool_for(
        wire: _Wire, origin: Origin, tls: ssl.SSLContext | None
    ) -> urllib3.connectionpool.HTTPConnectionPool:
        if not origin.is_tls:
            return _Pool(origin.host, origin.port, wire=wire)
        return _PoolTLS(origin.host, origin.port, wire=wire, ssl_context=tls)

    def get_connection_with_tls_context(
        self, *_: Any, **__: Any
    ) -> urllib3.connectionpool.HTTPConnectionPool:
        return self._pool

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Do nothing: the context already knows which authorities to trust."""

    def close(self) -> None:
        self._pool.close()
        super().close()
