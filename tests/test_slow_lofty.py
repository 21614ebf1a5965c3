"""Two hundred requests wait for a Lofty that takes half a minute; other requests continue.

A real gunicorn with one worker, as small as a console is ever run. `make bench` measures the same
for longer.
"""

from collections.abc import Iterator

import pytest

from tests.support.deployment import Deployment
from tests.support.http_browser import Browser
from tests.support.slow_lofty import EDITOR, VIEWER, p95, under_load


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with Deployment(tmp_path_factory.mktemp("slow"), LOFTY_DEADLINE_SECONDS="30") as deployment:
        deployment.add_person(EDITOR, name="Eduardo Editor")
        deployment.add_person(VIEWER, name="Victor Viewer")
        deployment.console.start()
        yield deployment


def test_two_hundred_wait__home_and_health_answer_and_other_tenants_save(
    console: Deployment,
) -> None:
    roles = {EDITOR: "editor", VIEWER: "viewer"}
    slow = console.add_tenant("slow", roles=roles, rate_limit=10_000)
    quick = console.add_tenant("quick", roles=roles, rate_limit=10_000)
    editor = Browser(console.console.url).sign_in(EDITOR)
    viewer = Browser(console.console.url, timeout=90).sign_in(VIEWER)
    viewer.get("/t/slow/settings/")
    slow.misbehave("delay", on="any", times=None, seconds=30)
    measured = under_load(console, viewer, editor, quick)
    slow.behave()
    assert measured.waited_longest > 5, "nothing waited: this shows nothing"
    assert p95(measured.health) < 0.2
    assert p95(measured.home) < 0.5
    assert measured.saves == ["verified"] * 3
    assert measured.refused[0].status_code == 503
    assert "too many requests are waiting for it" in measured.refused[0].text
    assert "Last read from Lofty" in measured.refused[0].text
