"""Run axe-core on a page, in both themes."""

from typing import Any

from playwright.sync_api import Page, expect

from tools.processes import ROOT

# Handed over as a string by the browser's own tools: the page's policy is as strict as ever.
SCRIPT = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text()
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
EVERYTHING = {"type": "tag", "values": TAGS}
COLOURS = {"type": "rule", "values": ["color-contrast"]}
# Without `preload` it does not fetch the style sheets again, which only two rules of AAA need.
RUN = """async (only) => {
  const found = await axe.run({
    runOnly: only,
    rules: { "target-size": { enabled: true } },
    resultTypes: ["violations"],
    preload: false,
  });
  return found.violations.flatMap((rule) => rule.nodes.map((node) =>
    [rule.id, node.html.slice(0, 120), node.failureSummary.split("\\n").slice(1, 3).join(" ")]));
}"""


def faults(page: Page) -> list[list[str]]:
    """[rule, element, what is wrong] for each; the page is in the light theme afterwards.

    The dark one is looked at for its colours: nothing else depends on them.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(SCRIPT)
    found = []
    for scheme, rules in (("dark", COLOURS), ("light", EVERYTHING)):
        # Reduced motion: colours in transition belong to neither theme.
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]  # one of its literals
        expect(page.locator("html")).to_have_attribute("data-bs-theme", scheme)
        found += [[scheme, *fault] for fault in _run(page, rules)]
    return found


def _run(page: Page, rules: dict[str, Any]) -> list[list[str]]:
    violations: list[list[str]] = page.evaluate(RUN, rules)
    return violations
