"""A slow identity provider does not slow the console down for other users."""

import statistics
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, OpenerDirector, build_opener

import pytest

from lofty_admin.audit.log.refusal_limit import MAX_PER_SOURCE
from tests.support.deployment import Deployment
from tests.support.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider

CLICKS = 40
LOGIN, CALLBACK = "/accounts/sso/login/", "/accounts/sso/callback/"


class _StayHere(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def get(url: str, opener: OpenerDirector | None = None) -> tuple[int, str, float]:
    """Status, Location and seconds."""
    began = time.monotonic()
    opener = opener or build_opener(_StayHere)
    try:
        with opener.open(url, timeout=60) as answer:
            answer.read()
            return answer.status, "", time.monotonic() - began
    except HTTPError as error:
        error.read()
        return error.code, error.headers.get("Location", ""), time.monotonic() - began


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    with IdentityProvider() as running:
        yield running


@pytest.fixture
def console(provider: IdentityProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Deployment(
        tmp_path_factory.mktemp("slow"),
        OIDC_ISSUER=provider.issuer,
        OIDC_CLIENT_ID=CLIENT_ID,
        OIDC_CLIENT_SECRET=CLIENT_SECRET,
        OIDC_ALLOWED_GROUPS="staff",
    ) as deployment:
        deployment.console.start()
        yield deployment.console.url


def health_while(url: str, addresses: list[tuple[str, OpenerDirector | None]]) -> list[float]:
    """How long /healthz takes while all `addresses` are asked for at once."""
    get(f"{url}/healthz")
    with ThreadPoolExecutor(CLICKS) as pool:
        clicks = [pool.submit(get, address, opener) for address, opener in addresses]
        taken = []
        while not all(click.done() for click in clicks):
            taken.append(get(f"{url}/healthz")[2])
            time.sleep(0.05)
        answers = Counter(click.result()[0] for click in clicks)
    assert answers.keys() <= {302, 403, 429}
    if answers[429]:  # all clicks come from one address
        assert answers[403] >= MAX_PER_SOURCE
    return taken


def test_login__provider_takes_20_seconds__health_answers_at_once(
    console: str, provider: IdentityProvider
) -> None:
    provider.delay = 20
    taken = health_while(console, [(console + LOGIN, None)] * CLICKS)
    assert statistics.median(taken) < 0.5
    assert max(taken) < 3


def test_callback__provider_takes_20_seconds__health_answers_at_once(
    console: str, provider: IdentityProvider
) -> None:
    """Each browser has begun a sign-in, so each code has to be exchanged at the provider."""
    addresses: list[tuple[str, OpenerDirector | None]] = []
    for _ in range(CLICKS):
        opener = build_opener(_StayHere, HTTPCookieProcessor())
        status, location, _seconds = get(console + LOGIN, opener)
        assert status == 302
        query = provider.authorise(location)
        addresses.append(
            (f"{console}{CALLBACK}?code={query['code']}&state={query['state']}", opener)
        )
    provider.delay = 20
    taken = health_while(console, addresses)
    assert statistics.median(taken) < 0.5
    assert max(taken) < 3


def test_login__provider_slow_only_later__description_is_kept(
    console: str, provider: IdentityProvider
) -> None:
    assert get(console + LOGIN)[0] == 302
    provider.delay = 20
    with ThreadPoolExecutor(CLICKS) as pool:
        answers = list(pool.map(get, [console + LOGIN] * CLICKS))
    assert {status for status, _, _ in answers} == {302}
    assert provider.pages.count("/.well-known/openid-configuration") == 1
