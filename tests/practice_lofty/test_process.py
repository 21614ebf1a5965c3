"""The practice Lofty as its own process: start, stop, and crashes of either side."""

import ast
import ipaddress
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

import tools.practice_lofty
from tests.support.practice_caller import SETTINGS, TOKEN, Caller, wait_until
from tools.practice_lofty import cli
from tools.practice_lofty.server import NotLoopbackError, Sandbox
from tools.practice_lofty.store import Store, WrongVersionError

FOLDER = Path(tools.practice_lofty.__file__).parent
COMMAND = (sys.executable, "-m", "tools.practice_lofty")


@contextmanager
def _started(db: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        (*COMMAND, "--db", str(db), *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=FOLDER.parents[1],
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _request(method: str, body: bytes) -> bytes:
    head = (
        f"{method} {SETTINGS} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_process__signal__ends_well_and_quietly(tmp_path: Path, number: int) -> None:
    with _started(tmp_path / "db", "--port-file", str(tmp_path / "var" / "port")) as process:
        line = _read_line(process)
        port = int((tmp_path / "var" / "port").read_text())
        assert line == f"practice Lofty on http://127.0.0.1:{port}\n"
        idle = socket.create_connection(("127.0.0.1", port), timeout=5)
        idle.sendall(_request("GET", b""))
        assert idle.recv(65536).startswith(b"HTTP/1.1 401")
        began = time.monotonic()
        process.send_signal(number)
        assert process.wait(5) == 0
        assert time.monotonic() - began < 3
        assert idle.recv(10) == b""
        idle.close()
        assert process.communicate() == ("", "")


def test_process__stopped_amid_a_hold__ends_within_seconds(tmp_path: Path) -> None:
    with Sandbox(tmp_path / "db") as sandbox:
        caller = Caller(sandbox.port)
        agent = caller.customer()["agent_id"]
        caller.fault("hold")
        caller.fault("drip_body", bytes_per_second=1)
        ended: list[str] = []

        def hang() -> None:
            try:
                caller.put({"id": agent, "assistantName": "Mia"})
            except Exception as error:
                ended.append(type(error).__name__)

        thread = Thread(target=hang)
        thread.start()
        wait_until(lambda: bool(caller.control("GET", "held").json["held"]))
        began = time.monotonic()
    assert time.monotonic() - began < 3
    thread.join(5)
    assert ended == ["IncompleteRead"]


def test_process__killed__keeps_the_put_it_was_holding(tmp_path: Path) -> None:
    with _started(tmp_path / "db") as process:
        port = int(_read_line(process).rpartition(":")[2])
        caller = Caller(port)
        agent = caller.customer()["agent_id"]
        caller.fault("hold", on="PUT")
        body = b'{"id": %d, "assistantName": "Mia"}' % agent
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(_request("PUT", body))
            wait_until(lambda: bool(caller.control("GET", "held").json["held"]))
            process.send_signal(signal.SIGKILL)
            process.wait(5)
    with Sandbox(tmp_path / "db") as again:
        [put] = Caller(again.port).puts()
        assert (put["body"]["assistantName"], put["applied"]) == ("Mia", False)
        assert Caller(again.port).settings()["assistantName"] == "Anna"


def test_process__killed__still_applies_later_what_fell_due_meanwhile(tmp_path: Path) -> None:
    with _started(tmp_path / "db") as process:
        caller = Caller(int(_read_line(process).rpartition(":")[2]))
        agent = caller.customer()["agent_id"]
        caller.fault("apply_later", seconds=0.2)
        assert caller.put({"id": agent, "assistantName": "Mia"}).status == 200
    time.sleep(0.2)
    with Sandbox(tmp_path / "db") as again:
        assert Caller(again.port).settings()["assistantName"] == "Mia"


def test_process__started_again__still_has_its_data(tmp_path: Path) -> None:
    with Sandbox(tmp_path / "db") as first:
        Caller(first.port).customer()
        Caller(first.port).fault("status", code=503, times=None)
    with Sandbox(tmp_path / "db") as second:
        assert Caller(second.port).get(SETTINGS).status == 503


def test_process__seed_option__has_the_practice_customers(tmp_path: Path) -> None:
    with _started(tmp_path / "db", "--seed") as process:
        port = int(_read_line(process).rpartition(":")[2])
        listed = Caller(port).control("GET", "customers").json["customers"]
    assert len(listed) == 10


@pytest.mark.parametrize(
    "host", [str(ipaddress.IPv4Address(0)), "::", "10.1.2.3", "example.com", ""]
)
def test_process__not_loopback__refuses_and_says_why(tmp_path: Path, host: str) -> None:
    with _started(tmp_path / "db", "--host", host) as process:
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (1, "")
    assert "only listens on this machine" in err
    assert "Traceback" not in err
    with pytest.raises(NotLoopbackError):
        Sandbox(tmp_path / "db", host=host)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.2"])
def test_process__other_loopback_name__listens_there(tmp_path: Path, host: str) -> None:
    with Sandbox(tmp_path / "db", host=host) as sandbox:
        address = host.replace("localhost", "127.0.0.1")
        assert sandbox.url == f"http://{address}:{sandbox.port}"
        socket.create_connection((address, sandbox.port), timeout=5).close()


def test_process__port_taken__says_so(tmp_path: Path) -> None:
    with Sandbox(tmp_path / "one") as first, pytest.raises(cli.StartError, match=str(first.port)):
        cli.run(
            host="127.0.0.1",
            port=first.port,
            db=tmp_path / "two",
            seeded=False,
            port_file=None,
        )


def test_store__file_of_another_version__is_left_alone(tmp_path: Path) -> None:
    store = Store(tmp_path / "db")
    with store.transaction() as db:
        db.execute("PRAGMA user_version=99")
    store.close()
    with pytest.raises(WrongVersionError, match="Nothing was changed"):
        Store(tmp_path / "db")


def test_clients__that_vanish__leave_it_quiet_and_serving(tmp_path: Path) -> None:
    with _started(tmp_path / "db") as process:
        port = int(_read_line(process).rpartition(":")[2])
        caller = Caller(port)
        caller.customer(members=2000)
        caller.fault("drip_body", bytes_per_second=1e5, times=None)
        for cut in (0, 1, 20, 90, 200):
            connection = socket.create_connection(("127.0.0.1", port), timeout=5)
            connection.sendall(_request("PUT", b"{}" * 100)[:cut])
            connection.close()
        for _ in range(5):
            connection = socket.create_connection(("127.0.0.1", port), timeout=5)
            connection.sendall(_request("GET", b""))
            connection.recv(10)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.close()
        time.sleep(0.2)
        assert caller.get(SETTINGS).status == 200
        assert caller.puts() == []
        process.terminate()
        assert process.communicate(timeout=5) == ("", "")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("Content-Length: -1", b"400"),
        ("Content-Length: x", b"400"),
        ("Content-Length: 99999999999", b"413"),
        ("Content-Length: 99999999999999999999", b"413"),
        ("Transfer-Encoding: chunked", b"411"),
    ],
)
def test_body__length_not_usable__refused_and_closed(
    caller: Caller, acme: object, head: str, status: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", caller.port), timeout=5) as connection:
        connection.sendall(f"PUT {SETTINGS} HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode())
        content = b""
        while piece := connection.recv(65536):
            content += piece
    assert content.startswith(b"HTTP/1.1 " + status)
    assert caller.puts() == []


def test_connection__kept_alive__serves_many_requests(caller: Caller, acme: object) -> None:
    with socket.create_connection(("127.0.0.1", caller.port), timeout=5) as connection:
        for _ in range(3):
            connection.sendall(_request("GET", b""))
            assert b"HTTP/1.1 200 OK" in connection.recv(65536)


# Its pages are templates, which an engine of their own renders: no settings, no apps.
RENDER_PAGES = {"page.py": {"django.template"}, "page_filters.py": {"django.template"}}


def test_imports__nothing_of_the_console_and_no_django_but_its_templates() -> None:
    imported = {
        path.name: {
            name
            for node in ast.walk(ast.parse(path.read_text()))
            for name in _imported(node)
            if name.startswith(("lofty_admin", "django"))
        }
        for path in FOLDER.rglob("*.py")
    }
    assert {name: names for name, names in imported.items() if names} == RENDER_PAGES


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
