"""Each kind of misbehavior, as a client at the other end of the socket sees it."""

import json
import socket
import time
from http.client import BadStatusLine, HTTPConnection, IncompleteRead, RemoteDisconnected
from threading import Thread
from typing import Any

import pytest

from tests.support.practice_caller import SETTINGS, TOKEN, Caller, wait_until
from tools.practice_lofty import faults
from tools.practice_lofty.faults import KINDS

MIA = {"assistantName": "Mia"}


def _put(caller: Caller, acme: dict[str, Any]) -> int:
    return caller.put({"id": acme["agent_id"], **MIA}).status


def _name(caller: Caller) -> str:
    return str(caller.settings()["assistantName"])


def _raw(caller: Caller, method: str, body: bytes = b"") -> socket.socket:
    """A connection on which one request was sent and nothing was read yet."""
    connection = socket.create_connection(("127.0.0.1", caller.port), timeout=10)
    connection.sendall(
        f"{method} {SETTINGS} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    return connection


def _read_all(connection: socket.socket) -> bytes:
    """Everything until the other end closes; it must close without a reset."""
    content = b""
    while piece := connection.recv(65536):
        content += piece
    connection.close()
    return content


def test_delay__before__waits_and_then_serves(caller: Caller, acme: dict[str, Any]) -> None:
    caller.fault("delay", seconds=0.3)
    began = time.monotonic()
    assert _put(caller, acme) == 200
    assert 0.3 <= time.monotonic() - began < 2
    assert _name(caller) == "Mia"


def test_delay__after__has_applied_while_it_waits(caller: Caller, acme: dict[str, Any]) -> None:
    caller.fault("delay", on="PUT", seconds=5, when="after")
    body = json.dumps({"id": acme["agent_id"], **MIA}).encode()
    with _raw(caller, "PUT", body):
        wait_until(lambda: _name(caller) == "Mia")
        assert [put["status"] for put in caller.puts()] == [None]


@pytest.mark.parametrize("code", [400, 408, 500, 503])
def test_status__put__answers_it_and_applies_nothing(
    caller: Caller, acme: dict[str, Any], code: int
) -> None:
    caller.fault("status", code=code, body={"errorCode": 7, "message": "No"})
    reply = caller.put({"id": acme["agent_id"], **MIA})
    assert (reply.status, reply.json) == (code, {"errorCode": 7, "message": "No"})
    assert "X-RateLimit-Limit" in reply.headers
    assert _name(caller) == "Anna"
    assert [(put["status"], put["applied"]) for put in caller.puts()] == [(code, False)]


def test_status__set_to_apply__applies_behind_the_error(
    caller: Caller, acme: dict[str, Any]
) -> None:
    caller.fault("status", code=500, body="<oops>", apply=True)
    reply = caller.put({"id": acme["agent_id"], **MIA})
    assert (reply.status, reply.body) == (500, b"<oops>")
    assert _name(caller) == "Mia"


@pytest.mark.parametrize(
    ("kind", "name"), [("drop_before", "Anna"), ("drop_after", "Mia"), ("apply_after_drop", "Anna")]
)
@pytest.mark.parametrize(
    ("how", "error"), [("close", RemoteDisconnected), ("reset", ConnectionResetError)]
)
def test_drop__put__is_recorded_and_the_connection_lost(
    caller: Caller, acme: dict[str, Any], kind: str, name: str, how: str, error: type[Exception]
) -> None:
    caller.fault(kind, how=how)
    with pytest.raises(error):
        _put(caller, acme)
    [put] = caller.puts()
    assert (put["body"]["assistantName"], put["status"]) == ("Mia", None)
    assert (_name(caller), put["applied"]) == (name, name == "Mia")


def test_apply_after_drop__later__is_applied(caller: Caller, acme: dict[str, Any]) -> None:
    caller.fault("apply_after_drop", seconds=0.4)
    with pytest.raises(RemoteDisconnected):
        _put(caller, acme)
    assert _name(caller) == "Anna"
    assert caller.puts()[0]["due_at"] is not None
    wait_until(lambda: _name(caller) == "Mia")
    assert caller.puts()[0]["applied"]


def test_apply_later__answers_200_at_once__applies_later(
    caller: Caller, acme: dict[str, Any]
) -> None:
    caller.fault("apply_later", seconds=0.4)
    assert _put(caller, acme) == 200
    assert caller.get(SETTINGS).json["assistantName"] == "Anna"
    wait_until(lambda: caller.get(SETTINGS).json["assistantName"] == "Mia")


def test_apply_later__overtaken_by_another_put__still_lands_last(
    caller: Caller, acme: dict[str, Any]
) -> None:
    caller.fault("apply_later", seconds=0.4)
    assert _put(caller, acme) == 200
    assert caller.put({"id": acme["agent_id"], "assistantName": "Zoë"}).status == 200
    assert _name(caller) == "Zoë"
    wait_until(lambda: _name(caller) == "Mia")


def test_visible_later__is_applied_and_shown_only_after_the_delay(
    caller: Caller, acme: dict[str, Any]
) -> None:
    caller.fault("visible_later", seconds=0.4)
    assert _put(caller, acme) == 200
    assert (_name(caller), caller.puts()[0]["applied"]) == ("Mia", True)
    assert caller.get(SETTINGS).json["assistantName"] == "Anna"
    wait_until(lambda: caller.get(SETTINGS).json["assistantName"] == "Mia")


def test_visible_later__wrong_put__is_refused_and_changes_nothing(
    caller: Caller, acme: object
) -> None:
    caller.fault("visible_later")
    assert caller.put({"id": 1}).status == 400
    assert caller.get(SETTINGS).json["assistantName"] == "Anna"


@pytest.mark.parametrize("code", [200, 400, 401, 403, 404, 409, 502])
@pytest.mark.parametrize(
    ("body", "kind"),
    [("html", "text/html"), ("json", "application/json"), ("text", "text/plain")],
)
@pytest.mark.parametrize(("apply", "name"), [(False, "Anna"), (True, "Mia")])
def test_proxy__answers_in_loftys_place__before_or_after_it_applied(
    caller: Caller, acme: dict[str, Any], code: int, body: str, kind: str, apply: bool, name: str
) -> None:
    caller.fault("proxy", code=code, body=body, apply=apply)
    reply = caller.put({"id": acme["agent_id"], **MIA})
    assert (reply.status, reply.headers["Content-Type"]) == (code, kind)
    assert str(code) in reply.body.decode()
    assert not any(header.lower().startswith("x-ratelimit") for header in reply.headers)
    assert (_name(caller), caller.puts()[0]["applied"]) == (name, apply)


def test_proxy__empty_body(caller: Caller, acme: dict[str, Any]) -> None:
    caller.fault("proxy", code=404, body="empty")
    reply = caller.get(SETTINGS)
    assert (reply.status, reply.body) == (404, b"")


def test_early_hints__come_before_the_answer(caller: Caller, acme: dict[str, Any]) -> None:
    caller.fault("early_hints", count=3)
    with _raw(caller, "GET") as connection:
        content = b""
        while b"HTTP/1.1 200 OK\r\n" not in content:
            content += connection.recv(65536)
    hints, _, _ = content.partition(b"HTTP/1.1 200 OK\r\n")
    assert hints.count(b"HTTP/1.1 103 Early Hints\r\n") == hints.count(b"\r\n\r\n") == 3


def test_early_hints__then_closed__never_answers(caller: Caller, acme: dict[str, Any]) -> None:
    caller.fault("early_hints", then="close")
    body = json.dumps({"id": acme["agent_id"], **MIA}).encode()
    content = _read_all(_raw(caller, "PUT", body))
    assert content.count(b"HTTP/1.1 ") == content.count(b"103 Early Hints") == 1
    assert (_name(caller), caller.puts()[0]["status"]) == ("Mia", None)


def test_ignore__answers_200__never_applies(caller: Caller, acme: dict[str, Any]) -> None:
    caller.fault("ignore")
    assert _put(caller, acme) == 200
    assert _name(caller) == "Anna"
    assert [(put["status"], put["applied"]) for put in caller.puts()] == [(200, False)]


def test_ignore__wrong_put__is_refused_as_usual(caller: Caller, acme: object) -> None:
    caller.fault("ignore")
    assert caller.put({"id": 1}).status == 400


@pytest.mark.parametrize("kind", ["drip_headers", "drip_body"])
def test_drip__comes_slowly_and_whole(caller: Caller, acme: object, kind: str) -> None:
    caller.fault(kind, bytes_per_second=2000, times=None)
    began = time.monotonic()
    reply = caller.get(SETTINGS)
    assert time.monotonic() - began > 0.3
    assert reply.json["assistantName"] == "Anna"


@pytest.mark.parametrize(("kind", "with_head"), [("drip_headers", False), ("drip_body", True)])
def test_drip__first_moment__shows_headers_or_not(
    caller: Caller, acme: object, kind: str, with_head: bool
) -> None:
    caller.fault(kind, bytes_per_second=5)
    with _raw(caller, "GET") as connection:
        time.sleep(0.5)
        first = connection.recv(65536)
    assert first
    assert (b"\r\n\r\n" in first) is with_head
    assert first.count(b"\r\n\r\n") <= 1
    body = first.partition(b"\r\n\r\n")[2]
    assert len(body) < 10


def test_endless_100__never_answers(caller: Caller, acme: dict[str, Any]) -> None:
    caller.fault("endless_100", seconds=0.4)
    body = json.dumps({"id": acme["agent_id"], **MIA}).encode()
    content = _read_all(_raw(caller, "PUT", body))
    assert content.count(b"HTTP/1.1 100 Continue\r\n\r\n") == content.count(b"HTTP") >= 5
    assert _name(caller) == "Mia"


def test_cut_headers__ends_inside_the_headers(caller: Caller, acme: dict[str, Any]) -> None:
    caller.fault("cut_headers")
    body = json.dumps({"id": acme["agent_id"], **MIA}).encode()
    content = _read_all(_raw(caller, "PUT", body))
    assert content.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\n\r\n" not in content
    assert _name(caller) == "Mia"


def test_cut_body__ends_inside_the_body(caller: Caller, acme: object) -> None:
    caller.fault("cut_body")
    with pytest.raises(IncompleteRead):
        caller.get(SETTINGS)


def test_cut_body__set_not_to_apply__does_not(caller: Caller, acme: dict[str, Any]) -> None:
    caller.fault("cut_body", apply=False, how="reset")
    with pytest.raises((IncompleteRead, ConnectionResetError)):
        _put(caller, acme)
    assert _name(caller) == "Anna"


def test_html__is_a_page_with_any_status(caller: Caller, acme: dict[str, Any]) -> None:
    caller.fault("html", code=502)
    reply = caller.put({"id": acme["agent_id"], **MIA})
    assert (reply.status, reply.headers["Content-Type"][:9]) == (502, "text/html")
    assert reply.body.startswith(b"<!doctype html>")
    assert _name(caller) == "Anna"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect__sends_elsewhere_and_applies_nothing(
    caller: Caller, acme: dict[str, Any], status: int
) -> None:
    caller.fault("redirect", status=status, location="https://elsewhere.example.com/\r\nX: y")
    reply = caller.put({"id": acme["agent_id"], **MIA})
    assert reply.status == status
    assert reply.headers["Location"] == "https://elsewhere.example.com/X: y"
    assert _name(caller) == "Anna"


@pytest.mark.parametrize("text", ['{"message": "Op', "", "null", '{"id":NaN}', "<html>"])
def test_wrong_json__is_this_text_with_status_200(
    caller: Caller, acme: dict[str, Any], text: str
) -> None:
    caller.fault("wrong_json", text=text)
    reply = caller.put({"id": acme["agent_id"], **MIA})
    assert (reply.status, reply.body.decode()) == (200, text)
    assert _name(caller) == "Mia"


def test_foreign_change__after_a_get__is_in_the_next_one(caller: Caller, acme: object) -> None:
    caller.fault("foreign_change", on="GET", settings={"startActiveHour": 5})
    assert [caller.get(SETTINGS).json["startActiveHour"] for _ in range(2)] == [8, 5]


def test_foreign_change__before_a_get__is_in_this_one(caller: Caller, acme: object) -> None:
    caller.fault("foreign_change", on="GET", settings={"startActiveHour": 5}, when="before")
    assert caller.get(SETTINGS).json["startActiveHour"] == 5


@pytest.mark.parametrize(("when", "name"), [("after", "Theirs"), ("before", "Mia")])
def test_foreign_change__around_a_put__wins_or_loses(
    caller: Caller, acme: dict[str, Any], when: str, name: str
) -> None:
    caller.fault("foreign_change", settings={"assistantName": "Theirs"}, when=when)
    assert _put(caller, acme) == 200
    assert _name(caller) == name


@pytest.mark.parametrize(("when", "meanwhile"), [("before", "Anna"), ("after", "Mia")])
def test_hold__until_released(
    caller: Caller, acme: dict[str, Any], when: str, meanwhile: str
) -> None:
    caller.fault("hold", on="PUT", when=when)
    statuses: list[int] = []
    thread = Thread(target=lambda: statuses.append(_put(caller, acme)))
    thread.start()
    wait_until(lambda: bool(caller.control("GET", "held").json["held"]))
    [held] = caller.control("GET", "held").json["held"]
    assert (held["slug"], held["method"], held["path"]) == ("acme", "PUT", SETTINGS)
    assert (len(caller.puts()), _name(caller), statuses) == (1, meanwhile, [])
    assert caller.control("POST", "release", {"slug": "globex"}).json == {"released": 0}
    assert caller.control("POST", "release", {"slug": "acme"}).json == {"released": 1}
    thread.join(5)
    assert (statuses, _name(caller)) == ([200], "Mia")
    assert caller.control("GET", "held").json == {"held": []}


def test_hold__client_dies_meanwhile__what_it_sent_is_applied(
    caller: Caller, acme: dict[str, Any]
) -> None:
    caller.fault("hold", on="PUT")
    body = json.dumps({"id": acme["agent_id"], **MIA}).encode()
    connection = _raw(caller, "PUT", body)
    wait_until(lambda: bool(caller.control("GET", "held").json["held"]))
    connection.close()
    caller.control("POST", "release", {})
    wait_until(lambda: _name(caller) == "Mia")


def test_hold__never_released__ends_by_itself(caller: Caller, acme: dict[str, Any]) -> None:
    caller.fault("hold", seconds=0.2)
    assert _put(caller, acme) == 200


# Which requests a fault acts on


def test_times__used_up__behaves_again(caller: Caller, acme: object) -> None:
    caller.fault("status", times=2)
    assert [caller.get(SETTINGS).status for _ in range(3)] == [500, 500, 200]
    assert caller.control("GET", "customers/acme/faults").json == {"faults": []}


def test_times__null__acts_until_removed(caller: Caller, acme: object) -> None:
    caller.fault("status", times=None)
    assert [caller.get(SETTINGS).status for _ in range(4)] == [500] * 4
    assert caller.control("DELETE", "customers/acme/faults").json == {"removed": 1}
    assert caller.get(SETTINGS).status == 200


def test_on_and_path__other_requests__are_served_well(caller: Caller, acme: dict[str, Any]) -> None:
    caller.fault("status", on="GET", path="/v1.0/", code=503)
    assert [caller.get(SETTINGS).status, _put(caller, acme)] == [200, 200]
    assert caller.get("/v1.0/me").status == 503


def test_path__ending_in_a_dollar__acts_on_that_path_alone(caller: Caller, acme: object) -> None:
    caller.fault("status", path="/v1.0/me$", code=503, times=None)
    assert caller.get("/v1.0/members").status == 200
    assert caller.get("/v1.0/me").status == 503


def test_other_customer__is_served_well(caller: Caller, acme: object) -> None:
    caller.customer(slug="globex", token="globex-token")
    caller.fault("status", times=None)
    assert caller.get(SETTINGS, "Bearer globex-token").status == 200


def test_ending_faults__act_one_after_the_other(caller: Caller, acme: object) -> None:
    for code in (500, 502, 503):
        caller.fault("status", code=code)
    assert [caller.get(SETTINGS).status for _ in range(4)] == [500, 502, 503, 200]


def test_passing_and_ending_fault__act_together(caller: Caller, acme: object) -> None:
    caller.fault("status", code=503)
    caller.fault("delay", seconds=0.2)
    began = time.monotonic()
    assert caller.get(SETTINGS).status == 503
    assert time.monotonic() - began >= 0.2


@pytest.mark.parametrize("kind", ["ignore", "visible_later", "apply_later", "apply_after_drop"])
def test_fault_for_puts__leaves_gets_alone_and_waits(
    caller: Caller, acme: object, kind: str
) -> None:
    caller.fault(kind)
    assert caller.get(SETTINGS).status == 200
    assert len(caller.control("GET", "customers/acme/faults").json["faults"]) == 1


def test_unauthorized_request__uses_up_no_fault(caller: Caller, acme: object) -> None:
    caller.fault("status", code=503)
    assert caller.get(SETTINGS, f"token {TOKEN}").status == 400
    assert caller.get(SETTINGS).status == 503


def test_one_time_fault__many_at_once__acts_once(caller: Caller, acme: object) -> None:
    caller.fault("status")
    statuses: list[int] = []
    threads = [
        Thread(target=lambda: statuses.append(caller.get(SETTINGS).status)) for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(statuses) == [200] * 11 + [500]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind__on_a_kept_alive_connection__leaves_the_server_well(
    caller: Caller, acme: dict[str, Any], kind: str
) -> None:
    quick = {name: 0.1 for name in ("seconds",) if _has(kind, name)}
    quick |= {name: 1e6 for name in ("bytes_per_second",) if _has(kind, name)}
    caller.fault(kind, **quick)
    connection = HTTPConnection("127.0.0.1", caller.port, timeout=5)
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    try:
        connection.request("PUT", SETTINGS, json.dumps({"id": acme["agent_id"]}), headers)
        connection.getresponse().read()
    except (BadStatusLine, IncompleteRead):
        connection.close()
    connection.request("GET", SETTINGS, headers=headers)
    assert connection.getresponse().status == 200
    connection.close()
    assert len(caller.puts()) == 1


def _has(kind: str, name: str) -> bool:
    return any(parameter.name == name for parameter in KINDS[kind].parameters)


def test_every_kind__is_described_in_the_docstring() -> None:
    for kind in KINDS.values():
        names = ", ".join(parameter.name for parameter in kind.parameters)
        assert f"    {kind.name}({names})" in str(faults.__doc__)


@pytest.mark.parametrize(
    "wish",
    [
        {"kind": "earthquake"},
        {"kind": "delay", "seconds": "1"},
        {"kind": "delay", "seconds": True},
        {"kind": "delay", "seconds": -1},
        {"kind": "hold", "seconds": 31},
        {"kind": "delay", "minutes": 1},
        {"kind": "delay", "when": "never"},
        {"kind": "delay", "on": "PATCH"},
        {"kind": "delay", "path": 7},
        {"kind": "delay", "times": 0},
        {"kind": "delay", "times": True},
        {"kind": "status", "code": 1000},
        {"kind": "drip_body", "bytes_per_second": 0},
        {"kind": "foreign_change", "settings": [1]},
    ],
)
def test_impossible_fault__400_and_not_added(
    caller: Caller, acme: object, wish: dict[str, object]
) -> None:
    reply = caller.control("POST", "customers/acme/faults", wish)
    assert reply.status == 400
    assert reply.json["message"].endswith("Nothing was changed.")
    assert caller.control("GET", "customers/acme/faults").json == {"faults": []}
