"""Give a request to a gunicorn thread only once the whole request has arrived.

gunicorn's threaded worker hands a connection to a thread with its first byte, so a few clients that
send half a header or half a body and then nothing take every thread. Here the worker's one event
loop collects requests without a thread, within a time limit and a size limit.

Only gunicorn's parser decides where a request ends. The bytes collected here are at least a whole
request by our own reading; the parser gets all bytes in their order, and what it leaves is the
start of the next request. It never reads from the socket, so where the two readings differ, the
connection ends and no thread waits. /healthz has a thread of its own, so that it answers however
busy the others are.
"""

import re
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from selectors import EVENT_READ
from socket import SHUT_WR
from typing import Any

from gunicorn import util
from gunicorn.http.body import Body, ChunkedReader, LengthReader
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, NoMoreData
from gunicorn.http.unreader import Unreader
from gunicorn.workers.gthread import TConn, ThreadWorker

HEADER_SECONDS = 10
REQUEST_SECONDS = 60
IN_THREAD_SECONDS = 30  # for each write
LINGER_SECONDS = 2  # for a client to read the last answer before its connection is closed
MAX_HEADER = 64 * 1024
MAX_CHUNK_LINE = 8190  # as gunicorn's
MAX_BODY = 8 * 2**20  # three times Django's limit, so a slightly larger body gets its error page
STOPPING_SECONDS = 2
CHUNK = 65536

_HEADER_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]+)[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r\n]*chunked[ \t]*\r\n", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)
_VERSION_1_1 = re.compile(rb"[^\r\n]* HTTP/1\.1\r\n")
_CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]++)[^\r\n]*+\r\n")
_PROBE = re.compile(rb"(?:GET|HEAD) /healthz[ ?]")
_TIMED_OUT = (408, "Request Timeout")
_TOO_LARGE = (413, "Content Too Large")


@dataclass
class Incoming:
    """The part of one request that has arrived."""

    data: bytearray = field(default_factory=bytearray)
    started: float = field(default_factory=time.monotonic)
    header_size: int = 0  # including the empty line; 0 until that has arrived
    body_size: int | None = 0  # None: chunked
    scanned: int = 0  # chunks before this offset have arrived
    has_sent_continue: bool = False

    def add(self, data: bytes) -> None:
        searched = max(0, len(self.data) - len(_HEADER_END))
        self.data += data
        if self.header_size:
            return
        end = self.data.find(_HEADER_END, searched)
        if end >= 0:
            self._read_header(end + len(_HEADER_END))

    @property
    def is_complete(self) -> bool:
        if not self.header_size:
            return False
        if self.body_size is None:
            return self._has_last_chunk()
        return len(self.data) >= self.header_size + self.body_size

    @property
    def is_header_too_large(self) -> bool:
        return not self.header_size and len(self.data) > MAX_HEADER

    @property
    def is_body_too_large(self) -> bool:
        size = max(self.body_size or 0, len(self.data) - self.header_size)
        return bool(self.header_size) and size > MAX_BODY

    @property
    def deadline(self) -> float:
        return self.started + (REQUEST_SECONDS if self.header_size else HEADER_SECONDS)

    @property
    def awaits_continue(self) -> bool:
        """Return whether the client waits for "100 Continue" before it sends the body."""
        if self.has_sent_continue or len(self.data) != self.header_size:
            return False
        return _VERSION_1_1.match(self.data) is not None and _EXPECT.search(self.data) is not None

    def _read_header(self, size: int) -> None:
        self.header_size = self.scanned = size
        header = self.data[:size]
        if _CHUNKED.search(header):
            self.body_size = None
        elif length := _LENGTH.search(header):
            self.body_size = int(length[1].lstrip(b"0")[:12] or b"0")  # more is too large anyway

    def _has_last_chunk(self) -> bool:
        """Return whether the last chunk has arrived.

        An invalid chunk counts as the last one: gunicorn's parser answers it with an error.
        """
        while self.scanned < len(self.data):
            limit = self.scanned + MAX_CHUNK_LINE
            head = _CHUNK_SIZE.match(self.data, self.scanned, limit)
            if head is None:
                return len(self.data) >= limit or self.data.find(b"\r\n", self.scanned) >= 0
            size = int(head[1], 16)
            if size == 0:
                return self._has_trailers(head.end() - 2)
            end = head.end() + size + 2
            if end > len(self.data):
                return False
            self.scanned = end
        return False

    def _has_trailers(self, start: int) -> bool:
        return len(self.data) > start + MAX_HEADER or self.data.find(_HEADER_END, start) >= 0


class Collected(Unreader):  # type: ignore[misc]  # gunicorn has no types
    """Pass gunicorn's parser the collected bytes, and nothing more."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.unread(data)

    def chunk(self, size_hint: int | None = None) -> bytes:
        raise NoMoreData


def _state_length(req: Any) -> None:
    """Replace the chunks by their content: Django ignores a body of unknown length."""
    body = req.body.read()
    req.body = Body(LengthReader(Collected(body), len(body)))
    rest = [header for header in req.headers if header[0] != "TRANSFER-ENCODING"]
    req.headers = [*rest, ("CONTENT-LENGTH", str(len(body)))]


class BufferingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A ThreadWorker that collects each request first: see the module.

    It has no TLS, which the proxy terminates.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.incoming: dict[TConn, Incoming] = {}
        self.lingering: dict[TConn, float] = {}  # until when

    def init_process(self) -> None:
        self.probes = ThreadPoolExecutor(1, "healthz")
        super().init_process()

    def enqueue_req(self, conn: TConn) -> None:
        """Queue a connection for collecting: new, kept-alive, and pipelined requests pass here."""
        incoming = self.incoming[conn] = Incoming()
        if conn.parser is not None:
            incoming.add(conn.parser.unreader.take_buffered())
        conn.sock.setblocking(False)
        self.poller.register(conn.sock, EVENT_READ, partial(self._receive, conn))
        self._receive(conn, conn.sock)

    def handle_request(self, req: Any, conn: TConn) -> Any:
        conn.sock.settimeout(IN_THREAD_SECONDS)
        req._expected_100_continue = False  # the body has arrived, so gunicorn must not ask for it
        if isinstance(req.body.reader, ChunkedReader):
            _state_length(req)
        return super().handle_request(req, conn)

    def finish_request(self, conn: TConn, done: Future[Any]) -> None:
        """Keep the connection or close it; gunicorn's way of closing stops the event loop."""
        if done.cancelled() or done.exception() or not done.result():
            self._linger(conn)
        else:
            super().finish_request(conn, done)

    def murder_pending(self) -> None:
        """Also close requests that arrive too slowly; when there is no room, the oldest first."""
        super().murder_pending()
        now = time.monotonic()
        for conn, incoming in list(self.incoming.items()):
            if now > incoming.deadline or self.nr_conns >= self.worker_connections:
                self._refuse(conn, _TIMED_OUT if incoming.data else None)
        for conn, deadline in list(self.lingering.items()):
            if now > deadline or self.nr_conns >= self.worker_connections:
                self._close(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        """Shorten the deadlines when the worker stops: arriving requests get a moment more."""
        super()._cap_keepalive(deadline)
        for incoming in self.incoming.values():
            incoming.started = min(
                incoming.started, time.monotonic() + STOPPING_SECONDS - REQUEST_SECONDS
            )

    def _receive(self, conn: TConn, client: Any) -> None:
        """Read the bytes that have arrived, without waiting."""
        incoming = self.incoming[conn]
        try:
            data = None if incoming.is_complete else client.recv(CHUNK)
        except (BlockingIOError, InterruptedError):
            data = None
        except OSError:
            data = b""
        incoming.add(data or b"")
        if incoming.is_complete:
            self._hand_over(conn)
        elif data == b"":
            self._refuse(conn, None)
        elif incoming.is_header_too_large:
            self._answer_error(conn, incoming)
        elif incoming.is_body_too_large:
            self._refuse(conn, _TOO_LARGE)
        elif incoming.awaits_continue:
            self._send_continue(conn, incoming)

    def _send_continue(self, conn: TConn, incoming: Incoming) -> None:
        incoming.has_sent_continue = True
        try:
            conn.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        except OSError:
            self._refuse(conn, None)

    def _hand_over(self, conn: TConn) -> None:
        data = bytes(self._forget(conn).data)
        conn.data_ready = True
        conn.init()
        conn.parser.unreader = Collected(data)
        pool = self.probes if _PROBE.match(data) else self.tpool
        future = pool.submit(self.handle, conn)
        future.add_done_callback(
            lambda done: self.method_queue.defer(self.finish_request, conn, done)
        )

    def _answer_error(self, conn: TConn, incoming: Incoming) -> None:
        """Send the error response that gunicorn's parser would, had it read the whole request."""
        limit, size = self.cfg.limit_request_line, len(incoming.data)
        error = LimitRequestLine(size, limit)
        if b"\r\n" in incoming.data[:limit]:
            error = LimitRequestHeaders(f"limit is {MAX_HEADER} bytes")
        conn.sock.settimeout(1)
        self.handle_error(None, conn.sock, conn.client, error)
        self._forget(conn)
        self._linger(conn)

    def _refuse(self, conn: TConn, status: tuple[int, str] | None) -> None:
        """End a connection, with an error page unless there is no one to read it."""
        self._forget(conn)
        try:
            if status:
                # Looked up at each call: `server_errors` puts the console's own page there.
                util.write_error(conn.sock, *status, "")
        except OSError:
            status = None  # the client has disconnected already
        if status:
            self._linger(conn)
        else:
            self.nr_conns -= 1
            conn.close()

    def _linger(self, conn: TConn) -> None:
        """Close after the client does: closing at once could cut off the end of the response."""
        seconds = LINGER_SECONDS if self.alive else 0  # stopping must not wait for clients
        self.lingering[conn] = time.monotonic() + seconds
        try:
            conn.sock.setblocking(False)
            self.poller.register(conn.sock, EVENT_READ, partial(self._drain, conn))
            conn.sock.shutdown(SHUT_WR)
        except (OSError, ValueError):
            self._close(conn)  # the client has disconnected already

    def _drain(self, conn: TConn, client: Any) -> None:
        try:
            data = client.recv(CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._close(conn)

    def _close(self, conn: TConn) -> None:
        del self.lingering[conn]
        self.nr_conns -= 1
        with suppress(KeyError, ValueError):
            self.poller.unregister(conn.sock)
        conn.close()

    def _forget(self, conn: TConn) -> Incoming:
        self.poller.unregister(conn.sock)
        return self.incoming.pop(conn)
