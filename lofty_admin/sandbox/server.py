"""The practice Lofty on a loopback socket: HTTP/1.1, one thread per connection.

The data is one SQLite file (store), the operations are Lofty's (api, oauth), the misbehaviour is
described in faults, and the control API in control.
"""

import contextlib
import socket
import socketserver
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

from lofty_admin.sandbox import wire
from lofty_admin.sandbox.messages import Answer, Request, problem
from lofty_admin.sandbox.practice import Practice, is_loopback

LONGEST_BODY = 8 * 2**20
"""bytes"""
IDLE = 60.0
"""seconds without a byte after which a connection is given up"""
GRACE = 1.0
"""seconds that answers under way may take when it stops"""


class NotLoopback(ValueError):
    """The practice Lofty has no sign-in and must not be reachable from other machines."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "practice-lofty"
    sys_version = ""
    disable_nagle_algorithm = True
    timeout = IDLE
    server: "Server"

    def _serve(self) -> None:
        body = self._read_body()
        if body is None:
            self.close_connection = True
            return
        answer, fault = self.server.practice.answer(self._to_request(body))
        self.close_connection |= self.server.practice.closing.is_set()
        if not wire.send(
            self.connection,
            answer,
            fault,
            self.server.practice.closing,
            last=self.close_connection,
        ):
            self.close_connection = True

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _serve

    def _read_body(self) -> bytes | None:
        """The whole body; None if there is no use in going on, and then nothing was done."""
        if "Transfer-Encoding" in self.headers:
            return self._give_up(problem(411, "LENGTH_REQUIRED", "Send a Content-Length."))
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdecimal()):
            return self._give_up(problem(400, "INVALID_PARAMETER", "Content-Length is wrong."))
        if len(length) > 12 or int(length) > LONGEST_BODY:
            return self._give_up(problem(413, "PARAMETER_TOO_LONG", "The body is too long."))
        body = self.rfile.read(int(length))
        return body if len(body) == int(length) else None

    def _give_up(self, answer: Answer) -> None:
        wire.send(self.connection, answer, None, self.server.practice.closing, last=True)

    def _to_request(self, body: bytes) -> Request:
        target = urlsplit(self.path)
        query = parse_qs(target.query, keep_blank_values=True)
        return Request(self.command, unquote(target.path), query, self.headers, body)

    def log_message(self, format: str, *args: object) -> None:
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

    def process_request(self, request: object, client_address: object) -> None:
        if isinstance(request, socket.socket):
            with self._lock:
                self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: object) -> None:
        if not isinstance(request, socket.socket):
            return
        with self._lock:
            self._open.discard(request)
        if wire.is_reset(request):
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
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

    `host` must be a loopback address or NotLoopback is raised; port 0 takes a free one. Raises
    OSError, sqlite3.Error and store.WrongVersion if it cannot start. `store` is the live data.
    """

    def __init__(
        self, db_path: Path, *, port: int = 0, host: str = "127.0.0.1", seeded: bool = False
    ) -> None:
        if not is_loopback(host):
            raise NotLoopback(
                f"{host} is not a loopback address. The practice Lofty has no sign-in, so it only "
                "listens on this machine: use 127.0.0.1. Nothing was started."
            )
        address = "127.0.0.1" if host == "localhost" else host
        self._practice = Practice(db_path, seeded=seeded)
        self.store = self._practice.store
        try:
            self._server = Server(address, port, self._practice)
        except BaseException:
            self._practice.close()
            raise
        self.port = self._server.server_port
        self.url = f"http://{f'[{address}]' if ':' in address else address}:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

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
