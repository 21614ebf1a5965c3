"""A client that calls the practice Lofty over a real socket."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

SETTINGS = "/v2.0/sales-agent/settings"


TOKEN = "acme-token"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Caller:
    """Calls the practice Lofty; a new connection each time."""

    port: int

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return Reply(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def get(self, path: str, authorization: str = f"Bearer {TOKEN}", **headers: str) -> Reply:
        sent = {"Authorization": authorization, "Content-Type": "application/json", **headers}
        return self.send("GET", path, None, {k: v for k, v in sent.items() if v})

    def put(self, body: object, authorization: str = f"Bearer {TOKEN}") -> Reply:
        sent = {"Authorization": authorization, "Content-Type": "application/json"}
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.send("PUT", SETTINGS, content, sent)

    def control(self, method: str, path: str, body: object = None) -> Reply:
        content = None if body is None else json.dumps(body).encode()
        return self.send(method, f"/_control/{path}", content, {"Content-Type": "application/json"})

    def customer(self, **wish: object) -> dict[str, Any]:
        """Add the customer acme, or one with these fields."""
        reply = self.control("POST", "customers", {"slug": "acme", "token": TOKEN, **wish})
        assert reply.status == 201, reply.body
        return dict(reply.json)

    def change(self, **wish: object) -> dict[str, Any]:
        reply = self.control("PATCH", "customers/acme", wish)
        assert reply.status == 200, reply.body
        return dict(reply.json)

    def fault(self, kind: str, **fields: object) -> None:
        reply = self.control("POST", "customers/acme/faults", {"kind": kind, **fields})
        assert reply.status == 201, reply.body

    def settings(self) -> dict[str, Any]:
        """What is in force, read past Lofty's door and past every fault."""
        return dict(self.control("GET", "customers/acme").json["settings"])

    def puts(self) -> list[dict[str, Any]]:
        return list(self.control("GET", "customers/acme/puts").json["puts"])


def wait_until(holds: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
