"""The practice Lofty on a loopback socket: HTTP/1.1, one thread per connection.

The data is one SQLite file (store), the operations are Lofty's (api, oauth), the misbehaviour is
described in faults, and the control API in control.
"""

import contextlib
import io
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

from tools.practice_lofty import wire
from tools.practice_lofty.messages import Answer, Request, problem
from tools.practice_lofty.practice import Practice, is_loopback

LONGEST_BODY = 8 * 2**20
"""bytes"""
IDLE = 60.0
"""seconds without a byte after which a connection is given up"""
GRACE = 1.0
"""seconds that answers under way may take when it stops"""


class NotLoopbackError(ValueError):
    """The practice Lofty has no sign-in and must not be reachable from other machines."""


Connection = socket.socket | tuple[bytes, socket.socket]
"""as socketserver types it; a TCP server only ever has the first"""


class Reader(io.BufferedReader):
    """Remembers its last line: http.server takes a cut connection for the end of the headers."""

    last_line = b""

    def readline(self, size: int | None = -1) -> bytes:
        self.last_line = super().readline(size)
        return self.last_line


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "practice-lofty"
    sys_version = ""
    disable_nagle_algorithm = True
    timeout = IDLE
    server: "Server"

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self.rfile: Reader = Reader(self.connection.makefile("rb", buffering=0))

    def _serve(self) -> None:
        body = self._read_body()
        if body is None:
            self.close_connection = True
            return
        answer, fault = self.server.practice.answer(self._to_request(body))
        if self.command == "HEAD":  # answered with headers only, which also end the connection
            answer, self.close_connection = replace(answer, body=b""), True
        self.close_connection |= self.server.practice.closing.is_set()
        if not wire.send(
            self.connection,
            answer,
            fault,
            self.server.practice.closing,
            last=self.close_connection,
        ):
            self.close_connection = True

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Serve every method: http.server looks for do_<METHOD> and answers 501 without it."""
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _read_body(self) -> bytes | None:
        """The whole body; None if there is no use in going on, and then nothing was done."""
        if self.rfile.last_line not in (b"\r\n", b"\n"):
            return None
        refusal = self._refuse_length()
        if refusal is not None:
            wire.send(self.connection, refusal, None, self.server.practice.closing, last=True)
            return None
        length = int(self.headers.get("Content-Length", 0))
        body = bytes(self.rfile.read(length))
        return body if len(body) == length else None

    def _refuse_length(self) -> Answer | None:
        if "Transfer-Encoding" in self.headers:
            return problem(411, "LENGTH_REQUIRED", "Send a Content-Length.")
        length = str(self.headers.get("Content-Length", 0))
        if not (length.isascii() and length.isdecimal()):
            return problem(400, "INVALID_PARAMETER", "Content-Length is wrong.")
        if len(length) > 12 or int(length) > LONGEST_BODY:
            return problem(413, "PARAMETER_TOO_LONG", "The body is too long.")
        return None

    def _to_request(self, body: bytes) -> Request:
        target = urlsplit(self.path)
        query = parse_qs(target.query, keep_blank_values=True)
        return Request(self.command, unquote(target.path), query, self.headers, body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the base
        """Quiet: what was received can be seen on the page."""


class Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, host: str, port: int, practice: Practice) -> None:
        self.practice = practice
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__((host, port), Handler)

    def server_bind(self) -> None:
        """Without HTTPServer's look-up of the host's name, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(self, request: Connection, client_address: tuple[str, int]) -> None:
        if isinstance(request, socket.socket):
            with self._lock:
                self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Connection) -> None:
        if not isinstance(request, socket.socket):
            return
        with self._lock:
            self._open.discard(request)
        if wire.is_reset(request):
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Connection, client_address: tuple[str, int]) -> None:
        """A client that vanished is no error."""
        if not isinstance(sys.exception(), (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)

    def stop(self) -> None:
        """Take no more requests, let those under way end, and wait for their threads."""
        self.practice.stop_waiting()
        self.shutdown()
        self._end_all(socket.SHUT_RD)
        deadline = time.monotonic() + GRACE
        while self._open and time.monotonic() < deadline:
            time.sleep(0.005)
        self._end_all(socket.SHUT_RDWR)
        self.server_close()

    def _end_all(self, how: int) -> None:
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(how)


class Sandbox:
    """A practice Lofty in threads of this process; listens from the start, serves in `with`.

    >>> with Sandbox(Path("practice.sqlite3"), seeded=True) as sandbox:
    ...     sandbox.url
    'http://127.0.0.1:40123'

    `host` must be a loopback address or NotLoopbackError is raised; port 0 takes a free one.
    console_url: the demo's console, to which the page of things to try leads; "" has no such page.
    `store` is the live data. Raises OSError, sqlite3.Error and store.WrongVersionError if it cannot
    start.
    """

    def __init__(
        self,
        db_path: Path,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        seeded: bool = False,
        console_url: str = "",
    ) -> None:
        if not is_loopback(host):
            raise NotLoopbackError(
                f"{host} is not a loopback address. The practice Lofty has no sign-in, so it only "
                "listens on this machine: use 127.0.0.1. Nothing was started."
            )
        address = "127.0.0.1" if host == "localhost" else host
        self._practice = Practice(db_path, seeded=seeded, console_url=console_url)
        self.store = self._practice.store
        try:
            self._server = Server(address, port, self._practice)
        except BaseException:
            self._practice.close()
            raise
        self.port = self._server.server_port
        self.url = f"http://{f'[{address}]' if ':' in address else address}:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.stop()
        self._thread.join()
        self._practice.close()
