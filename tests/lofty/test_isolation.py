"""Nothing from outside or from an earlier call gets into an exchange."""

import json
import logging
import multiprocessing
import os
import re
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import pytest

from lofty_admin.lofty import errors
from lofty_admin.lofty.client import LoftyClient, Scheme
from lofty_admin.lofty.endpoint import allowed_origin
from lofty_admin.lofty.transport import TRUST, Authorization, Transport, _Adapter, _Wire
from tests.support.hostile_server import (
    OK_BODY,
    TOKEN,
    Certificates,
    HostileServer,
    Request,
    Served,
    answer,
    client_of,
    resets,
    says,
)

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


@pytest.fixture
def poisoned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, serve: Served) -> HostileServer:
    """Every environment variable that requests would listen to; gives the proxy they point to."""
    netrc = tmp_path / ".netrc"
    netrc.write_text("default login intruder password wrong\n")
    netrc.chmod(0o600)
    proxy, endpoint = serve(says(200, OK_BODY))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    for name in PROXIES:
        monkeypatch.setenv(name, endpoint.base_url)
    monkeypatch.setenv("NO_PROXY", "")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "no-such-file"))
    return proxy


@pytest.mark.parametrize("scheme", list(Scheme))
def test_environment__netrc_proxies_bundles__change_nothing(
    serve: Served, poisoned: HostileServer, tls: bool, scheme: Scheme
) -> None:
    server, endpoint = serve(says(200, OK_BODY), tls)
    client_of(endpoint, scheme).put_settings({"id": 1})
    word = {Scheme.API_KEY: "token", Scheme.OAUTH: "Bearer"}[scheme]
    assert server.requests[0].headers["authorization"] == f"{word} {TOKEN}"
    assert server.requests[0].target == "/v2.0/sales-agent/settings"
    assert poisoned.requests == []


def test_environment__bundle_that_trusts_the_server__not_used(
    serve: Served, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, certificates.ca_file)
    server, _ = serve(says(200, OK_BODY), tls=True)
    _, plain = serve(says(200, OK_BODY))
    untrusting = type(plain)(server.url, frozenset(), allow_loopback=True)
    with pytest.raises(errors.Unreachable):
        client_of(untrusting).put_settings({"id": 1})
    assert server.requests == []


def test_environment__sslkeylogfile__stays_empty(
    serve: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = tmp_path / "keys.log"
    monkeypatch.setenv("SSLKEYLOGFILE", str(keys))
    _, endpoint = serve(says(200, OK_BODY), tls=True)
    client_of(endpoint).put_settings({"id": 1})
    assert not keys.exists()


def test_debugging__everything_switched_on__prints_no_token(
    serve: Served,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("http.client.HTTPConnection.debuglevel", 1)
    _, endpoint = serve(says(200, OK_BODY), tls=True)
    with caplog.at_level(logging.DEBUG):
        client_of(endpoint).put_settings({"id": 1})
    printed = capfd.readouterr()
    assert TOKEN not in caplog.text + printed.out + printed.err
    assert "uthorization" not in printed.out


def test_headers__every_call__content_type_is_json(serve: Served) -> None:
    server, endpoint = serve(says(200, {}))
    client_of(endpoint).me()
    assert server.requests[0].headers["content-type"] == "application/json"


def test_cookies__set_on_one_call__not_sent_with_the_next(serve: Served) -> None:
    server, endpoint = serve(says(200, {"email": "a@b.c"}, Set_Cookie="session=a; Path=/"))
    client = client_of(endpoint)
    client.me()
    client.me()
    LoftyClient(endpoint, Scheme.OAUTH, "another-customers-token").me()
    assert [request.headers.get("cookie") for request in server.requests] == [None] * 3


def test_adapter__retries__none(serve: Served) -> None:
    server, endpoint = serve(resets)
    with pytest.raises(errors.Unknown):
        Transport(endpoint).exchange("PUT", "/x", json={}, auth=Authorization.of_token("x", "y"))
    assert len(server.requests) == 1
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    adapter = _Adapter(_Wire(endpoint, None), allowed_origin(endpoint), context)
    assert adapter.max_retries.total == 0


def test_tls__authorities_changed_on_disk__believed_from_the_next_call(
    serve: Served, certificates: Certificates, tmp_path: Path
) -> None:
    """Reading them takes long, so a thread keeps them; but not beyond a change of the file."""
    server, endpoint = serve(says(200, OK_BODY), tls=True)
    bundle = tmp_path / "ca.pem"
    bundle.write_bytes(Path(certificates.ca_file).read_bytes())
    client = client_of(replace(endpoint, ca_file=str(bundle)))
    for _ in range(2):
        client.put_settings({"id": 1})
    assert TRUST.context(str(bundle)) is TRUST.context(str(bundle))
    other = Certificates.make(tmp_path)  # overwrites ca.pem: another authority
    assert other.ca_file == str(bundle)
    with pytest.raises(errors.Unreachable):
        client.put_settings({"id": 1})
    assert len(server.requests) == 2


def test_tls__two_threads__never_share_what_each_connection_writes_into(
    certificates: Certificates,
) -> None:
    with ThreadPoolExecutor(1) as pool:
        theirs = pool.submit(TRUST.context, certificates.ca_file).result()
    assert theirs is not TRUST.context(certificates.ca_file)


def _echo(connection: socket.socket, request: Request) -> None:
    match = re.search(r"offset=(\d+)", request.target)
    number = int(match[1]) if match else -1
    connection.sendall(answer(200, json.dumps({"members": [{"memberUserId": number}]}).encode()))


def _child(client: LoftyClient, first: int, results: "SimpleQueue[tuple[int, int | None]]") -> None:
    for offset in range(first, first + 25):
        page = client.members_page(offset)
        results.put((offset, page.items[0].member_user_id))
    os._exit(0)


def test_fork__client_used_before_and_after__every_child_gets_its_own_answers(
    serve: Served, tls: bool
) -> None:
    """gunicorn --preload: with one warm Session, half of these answers belonged to others."""
    _, endpoint = serve(_echo, tls)
    client = client_of(endpoint)
    client.members_page(0)
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    children = [
        context.Process(target=_child, args=(client, 1000 * number, results))
        for number in range(1, 5)
    ]
    for child in children:
        child.start()
    pairs = [results.get() for _ in range(100)]
    for child in children:
        child.join(10)
    assert [pair for pair in pairs if pair[0] != pair[1]] == []
    assert len(set(pairs)) == 100
