"""A token goes in and comes out nowhere but at Lofty (reliability S7-S9, S12)."""

import base64
import io
import urllib.parse

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse

from lofty_admin.accounts.models import User
from lofty_admin.tenants.calls import client_for
from lofty_admin.tenants.models import Credential, Tenant
from tests.conftest import signed_in
from tests.tenants.conftest import NEXT_TOKEN, OTHER_TOKEN, TOKEN, Lofty

BAD_TOKEN = "canary-that-lofty-does-not-know-0123456789"
BROKEN_TOKEN = "canary broken by a blank 0123456789"
CANARIES = (TOKEN, NEXT_TOKEN, OTHER_TOKEN, BAD_TOKEN, BROKEN_TOKEN)


def spellings(token: str) -> set[str]:
    packed = base64.b64encode(token.encode()).decode().rstrip("=")[:-1]
    hexadecimal = token.encode().hex()
    return {token, token[:-4], packed, urllib.parse.quote(token), hexadecimal}


def leaks(text: str) -> list[str]:
    return [word for token in CANARIES for word in spellings(token) if word in text]


def whole_database() -> str:
    """Every row of every table as text, bytes in hexadecimal."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            query = f'SELECT t::text FROM "{table}" t'  # noqa: S608 - names of our own tables
            cursor.execute(query)
            found += [row[0] for row in cursor.fetchall()]
    return "\n".join(found)


def scenario(root: User, lofty: Lofty) -> list[str]:
    """Good, bad, broken and odd tokens by the pages; the pages' texts and headers."""
    client, pages = signed_in(root), []

    def post(page: str, *arguments: str, **data: str) -> None:
        answer = client.post(reverse(page, args=arguments), data, follow=True)
        pages.append(answer.content.decode() + str(answer.headers) + str(client.cookies))

    for token in (BAD_TOKEN, BROKEN_TOKEN, TOKEN):
        post("tenant_add", name="Acme", slug="acme", scheme="api_key", token=token)
    post("credential_replace", "acme", scheme="api_key", token=BROKEN_TOKEN)
    post("credential_replace", "acme", scheme="oauth", token=OTHER_TOKEN)
    post("credential_replace", "acme", scheme="api_key", token=NEXT_TOKEN)
    lofty.fault("acme", kind="cut_body", on="GET", times=None)
    post("credential_replace", "acme", scheme="api_key", token=TOKEN)
    post("credential_test", "acme")
    lofty.control("DELETE", "customers/acme/faults")
    lofty.change("acme", revoke_all=True)
    post("credential_test", "acme")
    pages += [client.get(url).content.decode() for url in ("/", "/t/acme/credential/")]
    return pages


def test_canary__whole_scenario__no_page_no_log_no_row_no_dump(
    superuser: User, lofty: Lofty, debug_log: pytest.LogCaptureFixture
) -> None:
    pages = scenario(superuser, lofty)
    dump = io.StringIO()
    call_command("dumpdata", "tenants", "accounts", "audit", stdout=dump)
    assert Credential.objects.count() == 2  # the scenario did store tokens
    assert leaks("\n".join(pages)) == []
    assert leaks(debug_log.text + "".join(str(vars(r)) for r in debug_log.records)) == []
    assert leaks(whole_database()) == []
    assert leaks(dump.getvalue()) == []


def test_canary__the_search_itself__finds_a_planted_one(acme: Tenant) -> None:
    Tenant.objects.filter(pk=acme.pk).update(note=f"x{TOKEN}y")
    assert leaks(whole_database())


def test_canary__objects__repr_and_values_are_clean(acme: Tenant, credential: Credential) -> None:
    texts = [repr(credential), str(credential), str(Credential.objects.values())]
    texts += [repr(client_for(acme)), str(vars(credential))]
    assert leaks("\n".join(texts)) == []


def test_canary__command_that_fails__says_nothing_of_it(
    db: None, lofty: Lofty, monkeypatch: pytest.MonkeyPatch
) -> None:
    for token in (BAD_TOKEN, BROKEN_TOKEN):
        monkeypatch.setattr("sys.stdin", io.StringIO(token))
        arguments = ["add", "x", "--name", "X", "--scheme", "api-key", "--token-stdin"]
        with pytest.raises(CommandError) as caught:
            call_command("tenant", *arguments)
        assert leaks(f"{caught.value!r} {caught.value.__cause__!r}") == []
