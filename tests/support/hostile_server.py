"""A Lofty that misbehaves on command: raw sockets on loopback, plain or TLS, every request kept."""

import contextlib
import datetime
import ipaddress
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lofty_admin.lofty.client import LoftyClient, RetryPolicy, Scheme
from lofty_admin.lofty.endpoint import Endpoint

TOKEN = "sentinel-token-9f3c1a/7"
OK_BODY = b'{"message":"Operation successful"}'


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


Behaviour = Callable[[socket.socket, Request], None]


class HostileServer:
    """Serves each connection in a thread of its own: reads one request, then behaves."""

    def __init__(self, behave: Behaviour, tls: ssl.SSLContext | None = None) -> None:
        self.behave = behave
        self.requests: list[Request] = []
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), self._secured(connection) as secured:
            request = read_request(secured)
            self.requests.append(request)
            self.behave(secured, request)

    def _secured(self, connection: socket.socket) -> socket.socket:
        connection.settimeout(10)
        return self._tls.wrap_socket(connection, server_side=True) if self._tls else connection


def read_request(connection: socket.socket) -> Request:
    stream = connection.makefile("rb")
    method, target, _ = stream.readline().decode("latin-1").split(" ", 2)
    headers: dict[str, str] = {}
    while (line := stream.readline().decode("latin-1").strip()) != "":
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Request(method, target, headers, stream.read(int(headers.get("content-length", 0))))


def answer(status: int, body: bytes, **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def says(status: int, body: object = None, **headers: str) -> Behaviour:
    """Answers whole and at once; body is bytes or something to be written as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return sends(answer(status, raw, **headers))


def sends(raw: bytes) -> Behaviour:
    """Sends these bytes and closes in good order."""

    def behave(connection: socket.socket, _: Request) -> None:
        connection.sendall(raw)
        if isinstance(connection, ssl.SSLSocket):
            with contextlib.suppress(OSError):
                connection.unwrap()

    return behave


def hints(body: object | None, count: int = 1) -> Behaviour:
    """Sends 103 Early Hints `count` times, then 200 with this body, or nothing at all for None."""
    first = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n" * count
    return sends(first if body is None else first + answer(200, json.dumps(body).encode()))


def resets(connection: socket.socket, _: Request) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def stays_silent(connection: socket.socket, _: Request) -> None:
    connection.recv(1)


def drips(start: bytes, drop: bytes, pause: float = 0.03) -> Behaviour:
    """Sends start, then drop again and again, so that no read of ours ever waits long."""

    def behave(connection: socket.socket, _: Request) -> None:
        connection.sendall(start)
        for _attempt in range(int(5 / pause)):
            connection.sendall(drop)
            time.sleep(pause)

    return behave


def endpoint_of(server: HostileServer, ca_file: str | None = None, **limits: float) -> Endpoint:
    times = {"connect_timeout": 2.0, "read_timeout": 2.0, "deadline": 4.0, **limits}
    return Endpoint(
        base_url=server.url,
        allowed_hosts=frozenset(),
        allow_loopback=True,
        ca_file=ca_file,
        connect_timeout=times["connect_timeout"],
        read_timeout=times["read_timeout"],
        deadline=times["deadline"],
        max_bytes=int(times.get("max_bytes", 2**20)),
    )


def client_of(endpoint: Endpoint, scheme: Scheme = Scheme.API_KEY) -> LoftyClient:
    """A client that waits for nothing between its tries."""
    return LoftyClient(endpoint, scheme, TOKEN, retry=RetryPolicy(sleep=lambda _: None))


@dataclass(frozen=True)
class Certificates:
    """A made-up authority, and its certificate for localhost, lofty.test and 127.0.0.1."""

    ca_file: str
    server: ssl.SSLContext

    @classmethod
    def make(cls, folder: Path) -> Self:
        ca_key, key = (
            ec.generate_private_key(ec.SECP256R1()),
            ec.generate_private_key(ec.SECP256R1()),
        )
        ca = _certificate("Test authority", "Test authority", ca_key, ca_key)
        leaf = _certificate("lofty.test", "Test authority", key, ca_key)
        pem = serialization.Encoding.PEM
        (folder / "ca.pem").write_bytes(ca.public_bytes(pem))
        private = key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (folder / "server.pem").write_bytes(private + leaf.public_bytes(pem))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem")
        return cls(str(folder / "ca.pem"), context)


def _certificate(
    subject: str,
    issuer: str,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    names: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.DNSName("lofty.test")]
    names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=subject == issuer, path_length=None), True)
    )
    if subject != issuer:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
    return builder.sign(signer, hashes.SHA256())


Served = Callable[..., tuple[HostileServer, Endpoint]]


def closes(_connection: socket.socket, _request: Request) -> None:
    """Ends the connection without a byte."""


HALF = answer(200, OK_BODY)[:-9]
