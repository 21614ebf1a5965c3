"""Measure /healthz and the home page while 200 requests wait for a Lofty that takes 30 s.

make bench, or: python -m pytest -s tests/bench/test_slow_lofty_speed.py
"""

import sys
from pathlib import Path
from statistics import median

from tests.support.deployment import Deployment
from tests.support.http_browser import Browser
from tests.support.slow_lofty import EDITOR, VIEWER, p95, under_load


def test_speed_with_a_slow_lofty(tmp_path: Path) -> None:
    with Deployment(tmp_path / "deployment", LOFTY_DEADLINE_SECONDS="30") as deployment:
        deployment.add_person(EDITOR, name="Eduardo Editor")
        deployment.add_person(VIEWER, name="Victor Viewer")
        deployment.console.start()
        roles = {EDITOR: "editor", VIEWER: "viewer"}
        slow = deployment.add_tenant("slow", roles=roles, rate_limit=10_000)
        quick = deployment.add_tenant("quick", roles=roles, rate_limit=10_000)
        editor = Browser(deployment.console.url).sign_in(EDITOR)
        viewer = Browser(deployment.console.url, timeout=90).sign_in(VIEWER)
        slow.misbehave("delay", on="any", times=None, seconds=30)
        measured = under_load(deployment, viewer, editor, quick)
    for name, times in (("/healthz", measured.health), ("home", measured.home)):
        sys.stdout.write(f"\n{name}: median {median(times):.3f} s, 95 % {p95(times):.3f} s\n")
    assert measured.saves == ["verified"] * 3
