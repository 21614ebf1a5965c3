"""gunicorn's threaded worker, which gives a request to a thread only when all of it has arrived.

gunicorn itself hands a connection to a thread with its first byte, so a few clients that send half
a header or half a body and then nothing take every thread. Here the worker's one event loop
collects requests without a thread, within a time limit and a size limit.
/healthz has a thread of its own, so that it answers however busy the others are.
"""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine
from gunicorn.workers.gthread import TConn, ThreadWorker

HEADER_SECONDS = 10
REQUEST_SECONDS = 60
IN_THREAD_SECONDS = 30  # for reading what was not collected, and for each write
MAX_HEADER = 64 * 1024
MAX_BODY = 8 * 2**20  # three times what Django accepts, so that a little too much gets its page
STOPPING_SECONDS = 2
CHUNK = 65536

_HEADER_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,12})[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r\n]*chunked[ \t]*\r\n", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)
_CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,8})[^\r\n]*\r\n")
_PROBE = re.compile(rb"(?:GET|HEAD) /healthz[ ?]")
_TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_TOO_LARGE = b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


@dataclass
class Incoming:
    """What has arrived of one request."""

    data: bytearray = field(default_factory=bytearray)
    started: float = field(default_factory=time.monotonic)
    header_size: int = 0  # with the empty line; 0 until that has arrived
    body_size: int | None = 0  # None: chunked
    scanned: int = 0  # chunks before this have arrived

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
        """Whether the client sends the body only after it was told to."""
        header = self.data[: self.header_size]
        return len(self.data) == self.header_size and _EXPECT.search(header) is not None

    def _read_header(self, size: int) -> None:
        self.header_size = self.scanned = size
        header = self.data[:size]
        if _CHUNKED.search(header):
            self.body_size = None
        elif length := _LENGTH.search(header):
            self.body_size = int(length[1])

    def _has_last_chunk(self) -> bool:
        """What is no chunk counts as the end: gunicorn's parser answers it."""
        while self.scanned < len(self.data):
            head = _CHUNK_SIZE.match(self.data, self.scanned)
            if head is None:
                return self.data.find(b"\r\n", self.scanned) >= 0
            size = int(head[1], 16)
            if size == 0:
                return self.data.find(_HEADER_END, head.end() - 2) >= 0
            end = head.end() + size + 2
            if end > len(self.data):
                return False
            self.scanned = end
        return False


class BufferingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """See the module. Without TLS, which is the proxy's."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.incoming: dict[TConn, Incoming] = {}

    def init_process(self) -> None:
        self.probes = ThreadPoolExecutor(1, "healthz")
        super().init_process()

    def enqueue_req(self, conn: TConn) -> None:
        """Every way to a thread leads through here: new, kept-alive and pipelined requests."""
        incoming = self.incoming[conn] = Incoming()
        if conn.parser is not None:
            incoming.add(conn.parser.unreader.take_buffered())
        conn.sock.setblocking(False)
        self.poller.register(conn.sock, EVENT_READ, partial(self._receive, conn))
        self._receive(conn, conn.sock)

    def handle_request(self, req: Any, conn: TConn) -> Any:
        conn.sock.settimeout(IN_THREAD_SECONDS)
        return super().handle_request(req, conn)

    def murder_pending(self) -> None:
        """Also end what takes too long to arrive; when there is no room left, the oldest first."""
        super().murder_pending()
        now = time.monotonic()
        for conn, incoming in list(self.incoming.items()):
            if now > incoming.deadline or self.nr_conns >= self.worker_connections:
                self._refuse(conn, _TIMED_OUT if incoming.data else b"")

    def _cap_keepalive(self, deadline: float) -> None:
        """The worker stops: what has begun to arrive gets a moment more."""
        super()._cap_keepalive(deadline)
        for incoming in self.incoming.values():
            incoming.started = min(
                incoming.started, time.monotonic() + STOPPING_SECONDS - REQUEST_SECONDS
            )

    def _receive(self, conn: TConn, client: Any) -> None:
        """Take what has arrived, without waiting."""
        incoming = self.incoming[conn]
        try:
            data = b"" if incoming.is_complete else client.recv(CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._refuse(conn, b"")
            return
        had_header = bool(incoming.header_size)
        incoming.add(data)
        if incoming.is_complete:
            self._hand_over(conn)
        elif not data:
            self._refuse(conn, b"")
        elif incoming.is_header_too_large:
            self._answer_error(conn, incoming)
        elif incoming.is_body_too_large:
            self._refuse(conn, _TOO_LARGE)
        elif not had_header and incoming.awaits_continue:
            client.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _hand_over(self, conn: TConn) -> None:
        data = bytes(self._forget(conn).data)
        conn.data_ready = True
        conn.init()
        conn.parser.unreader.unread(data)
        pool = self.probes if _PROBE.match(data) else self.tpool
        future = pool.submit(self.handle, conn)
        future.add_done_callback(
            lambda done: self.method_queue.defer(self.finish_request, conn, done)
        )

    def _answer_error(self, conn: TConn, incoming: Incoming) -> None:
        """As gunicorn's parser would, if it had all of it."""
        limit, size = self.cfg.limit_request_line, len(incoming.data)
        error = LimitRequestLine(size, limit)
        if b"\r\n" in incoming.data[:limit]:
            error = LimitRequestHeaders(f"limit is {MAX_HEADER} bytes")
        conn.sock.settimeout(1)
        self.handle_error(None, conn.sock, conn.client, error)
        self._refuse(conn, b"")

    def _refuse(self, conn: TConn, answer: bytes) -> None:
        self._forget(conn)
        self.nr_conns -= 1
        try:
            if answer:
                conn.sock.send(answer)
        except OSError:
            pass  # it has gone already
        conn.close()

    def _forget(self, conn: TConn) -> Incoming:
        self.poller.unregister(conn.sock)
        return self.incoming.pop(conn)
