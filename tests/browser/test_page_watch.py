"""The watch over pages detects every kind of problem it watches for."""

import pytest
from playwright.sync_api import Browser

from tests.support.deployment import Deployment
from tests.support.page_watch import Watch

pytestmark = pytest.mark.browser
MISDEEDS = """() => {
  document.body.insertAdjacentHTML("beforeend", `<p style="color: red" onclick="1">x</p>`);
  setTimeout(() => { throw new Error("on purpose"); });
  return fetch("/nowhere/").catch(() => null);
}"""


def test_watch__misdeeds_on_a_page__are_all_found(
    chromium: Browser, deployment: Deployment
) -> None:
    context = chromium.new_context(base_url=deployment.console.url)
    watch = Watch(context, deployment.console.url)
    page = context.new_page()
    page.goto("/accounts/login/")
    assert watch.problems == []
    page.evaluate(MISDEEDS)
    page.reload()
    watch.close()
    problems = "\n".join(watch.problems)
    assert "CSP: style-src-attr" in problems
    assert "CSP: script-src-attr" in problems
    assert "on purpose" in problems
    assert "status 404" in problems
