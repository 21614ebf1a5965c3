"""Where the console may call: paths, base URLs, addresses, names that resolve differently later."""

import ipaddress
import socket
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lofty_admin.lofty import errors
from lofty_admin.lofty.endpoint import Endpoint, allowed_origin, is_public
from lofty_admin.lofty.transport import Authorization, Transport
from tests.support.hostile_server import OK_BODY, Certificates, HostileServer, Served, says

AUTH = Authorization.of_token("token", "some-long-token")
HOSTS = frozenset({"api.lofty.com", "crm.lofty.com"})


@pytest.mark.parametrize("url", ["https://api.lofty.com", "https://crm.lofty.com/"])
def test_base_url__https_and_listed__accepted(url: str) -> None:
    origin = allowed_origin(Endpoint(url, HOSTS))
    assert origin.is_tls
    assert origin.port == 443
    assert not origin.url.endswith("/")


REFUSED_URLS = [
    "",
    "api.lofty.com",
    "http://api.lofty.com",
    "ftp://api.lofty.com",
    "file:///etc/passwd",
    "https://api.lofty.com.evil.test",
    "https://evil.test",
    "https://API.lofty.com",
    "https://api.lofty.com.",
    "https://api.lofty.com:443",
    "https://api.lofty.com:8443",
    "https://user@api.lofty.com",
    "https://api.lofty.com@127.0.0.1",
    "https://api.lofty.com\\@127.0.0.1",
    "https://api.lofty.com/v1.0",
    "https://api.lofty.com//",
    "https://api.lofty.com?x",
    "https://api.lofty.com#x",
    " https://api.lofty.com",
    "https://api.lofty.com\n",
    "https://api.lofty.com%2eevil.test",
    "https://2130706433",
    "https://127.1",
    "https://0x7f000001",
    "https://017700000001",
    "https://0",
    "https://[::ffff:127.0.0.1]",
    "https://127.0.0.1",
    "https://localhost",
    "https://apі.lofty.com",
]


@pytest.mark.parametrize("url", REFUSED_URLS)
def test_base_url__any_other_spelling__refused(url: str) -> None:
    with pytest.raises(errors.Misconfigured) as caught:
        Transport(Endpoint(url, HOSTS))
    assert caught.value.sent is False
    assert not url or url not in str(caught.value)


LOOSE_BUT_REFUSED = [
    "http://2130706433:80",
    "http://127.1:80",
    "http://0x7f000001:80",
    "http://017700000001:80",
    "http://0:80",
    "http://10.0.0.1:80",
    "http://169.254.169.254",
    "http://[::ffff:127.0.0.1]:80",
    "http://evil.test:80",
    "http://127.0.0.1:99999",
    "http://127.0.0.1:0",
    "http://x@127.0.0.1:80",
]


@pytest.mark.parametrize("url", LOOSE_BUT_REFUSED)
def test_base_url__loopback_allowed__still_refused(url: str) -> None:
    with pytest.raises(errors.Misconfigured):
        Transport(Endpoint(url, HOSTS, allow_loopback=True))


def test_base_url__loopback_allowed__loopback_accepted() -> None:
    for url in ("http://127.0.0.1:8000", "https://localhost:1", "http://[::1]:99"):
        assert allowed_origin(Endpoint(url, HOSTS, allow_loopback=True)).url == url


BAD_PATHS = [
    "",
    "x",
    "/",
    "//x",
    "/a//b",
    "/../x",
    "/a/..",
    "/a/./b",
    "/.",
    "/%2e%2e/x",
    "/a%2fb",
    "/x?y",
    "/x#y",
    "/x y",
    "/x\n",
    "/ä",
    "/x\\y",
    "/x;y",
    "@evil.test/x",
]


@pytest.mark.parametrize("path", BAD_PATHS)
def test_path__outside_the_pattern__refused_before_sending(serve: Served, path: str) -> None:
    server, endpoint = serve(says(200, OK_BODY))
    with pytest.raises(errors.Misconfigured):
        Transport(endpoint).exchange("GET", path, auth=AUTH)
    assert server.requests == []


def test_path__ordinary__sent_as_it_is(serve: Served) -> None:
    server, endpoint = serve(says(200, OK_BODY))
    Transport(endpoint).exchange("GET", "/v1.0/members/123", query={"a": "x y&b=1"}, auth=AUTH)
    assert server.requests[0].target == "/v1.0/members/123?a=x+y%26b%3D1"


def test_body__not_json__refused_before_sending(serve: Served) -> None:
    server, endpoint = serve(says(200, OK_BODY))
    with pytest.raises(errors.Misconfigured):
        Transport(endpoint).exchange("PUT", "/x", json={"a": float("nan")}, auth=AUTH)
    assert server.requests == []


def test_body__empty_object__sent_as_such(serve: Served) -> None:
    server, endpoint = serve(says(200, OK_BODY))
    Transport(endpoint).exchange("PUT", "/x", json={}, auth=AUTH)
    assert server.requests[0].body == b"{}"


PRIVATE = [
    "127.0.0.1",
    "127.9.9.9",
    str(ipaddress.IPv4Address(0)),
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "2002:7f00:1::",
    "2002:a00:1::",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_is_public__not_on_the_internet__false(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_is_public__on_the_internet__true(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@given(st.ip_addresses(v=4))
def test_is_public__ipv4_wrapped_in_ipv6__judged_as_the_ipv4(ip: ipaddress.IPv4Address) -> None:
    for start in (0xFFFF << 32, 0x64FF9B << 96):
        assert is_public(ipaddress.IPv6Address(start + int(ip))) == is_public(ip)


@pytest.mark.parametrize("address", PRIVATE)
def test_exchange__name_leads_inside__refused(address: str) -> None:
    endpoint = Endpoint("https://api.lofty.com", HOSTS)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    public = (socket.AF_INET, ("8.8.8.8", 443))
    transport = Transport(endpoint, resolve=lambda *_: [public, (family, (address, 443))])
    with pytest.raises(errors.Misconfigured, match="inside"):
        transport.exchange("GET", "/x", auth=AUTH)


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "8.8.8.8"])
def test_exchange__loopback_allowed_over_http__no_other_address(address: str) -> None:
    endpoint = Endpoint("http://api.lofty.com", HOSTS, allow_loopback=True)
    transport = Transport(endpoint, resolve=lambda *_: [(socket.AF_INET, (address, 80))])
    with pytest.raises(errors.Misconfigured):
        transport.exchange("GET", "/x", auth=AUTH)


def test_exchange__name_without_address__not_sent() -> None:
    endpoint = Endpoint("https://api.lofty.com", HOSTS)
    with pytest.raises(errors.Unreachable, match="name"):
        Transport(endpoint, resolve=lambda *_: []).exchange("GET", "/x", auth=AUTH)


def test_exchange__name_changes_after_the_check__checked_address_is_used(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        HostileServer(says(200, OK_BODY), certificates.server) as good,
        HostileServer(says(200, OK_BODY), certificates.server) as evil,
    ):
        answers = iter([good.port, evil.port, evil.port])
        endpoint = Endpoint(
            f"https://lofty.test:{good.port}",
            frozenset({"lofty.test"}),
            allow_loopback=True,
            ca_file=certificates.ca_file,
        )

        def no_second_lookup(*_: object, **__: object) -> None:
            raise AssertionError("looked up again")

        monkeypatch.setattr(socket, "getaddrinfo", no_second_lookup)
        transport = Transport(
            endpoint, resolve=lambda *_: [(socket.AF_INET, ("127.0.0.1", next(answers)))]
        )
        transport.exchange("GET", "/x", auth=AUTH)
    assert good.requests[0].headers["host"] == f"lofty.test:{good.port}"
    assert evil.requests == []


def test_exchange__certificate_of_another_name__not_sent(certificates: Certificates) -> None:
    seen: list[str | None] = []

    def remember(_socket: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        seen.append(name)

    certificates.server.sni_callback = remember
    with HostileServer(says(200, OK_BODY), certificates.server) as server:
        endpoint = Endpoint(
            f"https://other.test:{server.port}",
            frozenset({"other.test"}),
            allow_loopback=True,
            ca_file=certificates.ca_file,
        )
        here = (socket.AF_INET, ("127.0.0.1", server.port))
        with pytest.raises(errors.Unreachable, match="certificate"):
            Transport(endpoint, resolve=lambda *_: [here]).exchange("GET", "/x", auth=AUTH)
    certificates.server.sni_callback = None
    assert seen == ["other.test"]
    assert server.requests == []
