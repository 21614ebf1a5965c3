"""Define Lofty's base URL and the addresses the console may connect to."""

import ipaddress
import re
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from lofty_admin.lofty.errors import Misconfigured

if TYPE_CHECKING:
    from lofty_admin.lofty.exchange import Exchange

Report: TypeAlias = "Callable[[Exchange], None]"
Gate: TypeAlias = "Callable[[str], AbstractContextManager[Report]]"


@contextmanager
def open_gate(method: str) -> Iterator[Report]:
    """Let every call through."""
    yield lambda exchange: None


@dataclass(frozen=True)
class Endpoint:
    """Lofty's base URL and the limits for calls to it. Times in seconds, max_bytes unpacked.

    base_url must be exactly https://<one of allowed_hosts>. allow_loopback is for tests and the
    practice Lofty: it also permits loopback addresses, with http and a port, and nothing else. gate
    is entered with the method around each exchange, and receives the exchange; a LoftyError it
    raises on entry prevents the exchange.
    """

    base_url: str
    allowed_hosts: frozenset[str]
    allow_loopback: bool = False
    ca_file: str | None = None
    connect_timeout: float = 5
    read_timeout: float = 15
    deadline: float = 30
    max_bytes: int = 16 * 2**20
    gate: Gate = open_gate


SocketAddress = tuple[socket.AddressFamily, tuple[Any, ...]]
Resolver = Callable[[str, int], Sequence[SocketAddress]]


def system_resolver(host: str, port: int) -> Sequence[SocketAddress]:
    """Resolve a host to all its addresses, in the system's order. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, sockaddr) for family, _, _, _, sockaddr in found]


@dataclass(frozen=True)
class Origin:
    """The parts of an allowed base URL. url has no slash at its end, host no brackets."""

    url: str
    host: str
    port: int
    is_tls: bool


ORIGIN = re.compile(r"(https?)://(\[[0-9a-f:]+\]|[a-z0-9.-]+)(?::([0-9]{1,5}))?/?", re.ASCII)
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})


def allowed_origin(endpoint: Endpoint) -> Origin:
    """Return the parts of the endpoint's base_url, or raise Misconfigured without repeating it."""
    match = ORIGIN.fullmatch(endpoint.base_url)
    if match is None:
        raise Misconfigured("Lofty's address in the configuration is not a plain https address.")
    scheme, host, port = match.groups()
    strict = scheme == "https" and port is None and host in endpoint.allowed_hosts
    loose = endpoint.allow_loopback and host in endpoint.allowed_hosts | LOOPBACK_HOSTS
    if not (strict or loose) or int(port or 1) not in range(1, 65536):
        raise Misconfigured(
            "Lofty's address in the configuration is not in the list of allowed hosts."
        )
    number = int(port or (443 if scheme == "https" else 80))
    return Origin(match.group(0).rstrip("/"), host.strip("[]"), number, scheme == "https")


def is_public(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Return whether an address is on the public internet, also when it wraps an IPv4 address."""
    if isinstance(ip, ipaddress.IPv6Address):
        wrapped = ip.ipv4_mapped or ip.sixtofour
        if ip in NAT64:
            wrapped = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if ip.teredo:
            return False
        if wrapped is not None:
            return is_public(wrapped)
    return ip.is_global and not (ip.is_multicast or ip.is_reserved)


def permits(endpoint: Endpoint, origin: Origin, address: str) -> bool:
    """Return whether the endpoint allows a connection to this IP address."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if endpoint.allow_loopback and ip.is_loopback:
        return True
    return origin.is_tls and is_public(ip)
