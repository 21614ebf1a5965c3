"""A customer of a practice Lofty, changed over its control API."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tools.practice_control import control


@dataclass(frozen=True)
class PracticeCustomer:
    """`url`: the practice Lofty's. Every call is a real request."""

    url: str
    slug: str

    @classmethod
    def add(cls, url: str, slug: str, **spec: object) -> "PracticeCustomer":
        control(url, "POST", "customers", {"slug": slug, **spec})
        return cls(url, slug)

    @property
    def token(self) -> str:
        return str(self.look()["tokens"][0]["token"])

    @property
    def settings(self) -> dict[str, Any]:
        found: dict[str, Any] = self.look()["settings"]
        return found

    @property
    def puts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._call("GET", "/puts")["puts"]
        return found

    def look(self) -> dict[str, Any]:
        return self._call("GET")

    def change(self, **what: object) -> None:
        """PATCH the customer: settings (past the console), rate_limit, revoke_all ..."""
        self._call("PATCH", body=what)

    def misbehave(
        self, kind: str, on: str = "PUT", times: int | None = 1, **parameters: object
    ) -> None:
        self._call("POST", "/faults", {"kind": kind, "on": on, "times": times, **parameters})

    def behave(self) -> None:
        self._call("DELETE", "/faults", {})

    def _call(
        self, method: str, path: str = "", body: Mapping[str, object] | None = None
    ) -> dict[str, Any]:
        return control(self.url, method, f"customers/{self.slug}{path}", body)
