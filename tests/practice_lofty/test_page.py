"""The HTML pages."""

import re
from html import unescape

import pytest

from tests.support.practice_caller import TOKEN, Caller
from tools.practice_lofty import seed
from tools.practice_lofty.faults import KINDS
from tools.practice_lofty.page import POLICY
from tools.practice_lofty.server import Sandbox

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>'


def _page(caller: Caller, path: str) -> str:
    reply = caller.send("GET", path, None, {})
    assert reply.status == 200
    assert reply.headers["Content-Security-Policy"] == POLICY
    return reply.body.decode()


def test_index__shows_each_customer_and_each_kind(seeded: Sandbox) -> None:
    text = unescape(_page(Caller(seeded.port), "/"))
    for customer in seed.customers():
        assert customer.name in text
        assert customer.token in text
        assert f'href="/customers/{customer.slug}"' in text
    for kind in KINDS.values():
        assert kind.text in text


def test_index__dead_and_limited_tokens__are_marked(seeded: Sandbox) -> None:
    text = _page(Caller(seeded.port), "/")
    assert text.count("revoked or has expired") == 1
    assert text.count("OAuth token, only for me, members, org, ponds, pipelines,") == 1


def test_index__no_customers__says_what_to_do(caller: Caller) -> None:
    assert "Start it with --seed" in _page(caller, "/")


def test_customer__shows_settings_tokens_puts_and_faults(caller: Caller, acme: object) -> None:
    caller.put({"id": 1, "assistantName": "Never applied"})
    caller.fault("drip_body", on="PUT", times=None, bytes_per_second=7)
    text = unescape(_page(caller, "/customers/acme"))
    for part in (
        f"Authorization: Bearer {TOKEN}",
        "Never applied",
        "answered 400, not applied",
        "startActiveHour",
        "drip_body</b> on PUT, until removed",
        '"bytes_per_second": 7.0',
    ):
        assert part in text


@pytest.mark.parametrize("slug", [customer.slug for customer in seed.customers()])
def test_customer__every_practice_customer__has_a_page(seeded: Sandbox, slug: str) -> None:
    assert slug in _page(Caller(seeded.port), f"/customers/{slug}")


def test_customer__each_kind__has_its_fields(caller: Caller, acme: object) -> None:
    text = _page(caller, "/customers/acme")
    for kind in KINDS.values():
        fields = text.partition(f'<fieldset data-kind="{kind.name}">')[2].partition("</fieldset>")[
            0
        ]
        assert re.findall(r' name="(\w+)"', fields) == [each.name for each in kind.parameters]


def test_customer__hostile_values__are_text(caller: Caller) -> None:
    caller.customer(name=HOSTILE, token=f"{TOKEN}{HOSTILE}", settings={"agentExperience": HOSTILE})
    caller.fault("wrong_json", text=HOSTILE, path=f"/{HOSTILE}")
    caller.put(HOSTILE.encode(), f"Bearer {TOKEN}{HOSTILE}")
    for path in ("/", "/customers/acme"):
        text = _page(caller, path)
        assert "<script>alert" not in text
        assert "<img" not in text
        assert HOSTILE in unescape(text)


def test_customer__unknown__404(caller: Caller) -> None:
    assert caller.send("GET", "/customers/unknown", None, {}).status == 404


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/assets/sandbox.css", "text/css"), ("/assets/sandbox.js", "text/javascript")],
)
def test_asset__is_served_with_its_type(caller: Caller, path: str, kind: str) -> None:
    reply = caller.send("GET", path, None, {})
    assert (reply.status, reply.headers["Content-Type"].partition(";")[0]) == (200, kind)


@pytest.mark.parametrize("path", ["/assets/../page.py", "/assets/%2e%2e/page.py", "/assets/x.js"])
def test_asset__other_file__404(caller: Caller, path: str) -> None:
    assert caller.send("GET", path, None, {}).status == 404


def test_page__has_no_inline_script_or_style(caller: Caller, acme: object) -> None:
    text = _page(caller, "/customers/acme")
    assert re.findall(r"<script[^>]*>(?!</script>)", text) == []
    assert re.findall(r"<style|\bstyle=|\bon\w+=", text) == []
