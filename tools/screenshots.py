"""`make screenshots`: the pictures of README and docs, from a fresh demo in a real browser.

The demo has data of its own under var/screenshots, made again each time. A picture that equals the
existing one, up to times like "2 hours ago", is left alone.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tools.browser import CURE, find_chromium
from tools.postgres import VAR
from tools.processes import ROOT

PICTURES = ROOT / "docs" / "pictures"
FOLDER = VAR / "screenshots"
SIZE = {"width": 1440, "height": 900}
OF_THE_README = frozenset({"home", "settings", "review", "history"})  # in dark mode too
ALIKE = 0.012  # share of a picture's pixels; times, dates and ids are less
PATIENCE = 30_000  # milliseconds
SYNCED = 9  # customers whose names the demo reads at its start
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SHARE_THAT_DIFFERS = """async ([one, other]) => {
  const dots = async (text) => {
    const blob = await (await fetch(`data:image/png;base64,${text}`)).blob();
    const image = await createImageBitmap(blob);
    const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
    context.drawImage(image, 0, 0);
    return new Uint32Array(context.getImageData(0, 0, image.width, image.height).data.buffer);
  };
  const [a, b] = [await dots(one), await dots(other)];
  return a.length === b.length ? a.filter((dot, at) => dot !== b[at]).length / a.length : 1;
}"""


def main() -> int:
    chromium = find_chromium()
    if chromium is None:
        print(CURE)
        return 1
    say_what_fonts_are_missing()
    PICTURES.mkdir(exist_ok=True)
    with fresh_demo() as demo, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        take_all(Camera(browser, demo["console_url"], demo["sign_ins"][0]["password"]))
        browser.close()
    return 0


def say_what_fonts_are_missing() -> None:
    """Print which fonts are missing: the demo's names in many scripts would show as boxes."""
    if not shutil.which("fc-list"):
        return
    for language in ("zh", "ko", "hi", "ar"):
        command = ["fc-list", f":lang={language}"]
        if not subprocess.run(command, capture_output=True, text=True, check=False).stdout:
            print("Some names will be boxes: fonts are missing.")
            print("Debian: apt-get install fonts-noto-core fonts-wqy-zenhei")
            return


@contextmanager
def fresh_demo() -> Iterator[dict[str, Any]]:
    """Run a new demo of our own; yield what it wrote to demo.json."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    report = FOLDER / "demo.json"
    env = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    command = [sys.executable, "-m", "tools.demo"]
    with (FOLDER / "demo.log").open("wb") as log:
        demo = subprocess.Popen(
            command, cwd=ROOT, env={**env, "CONSOLE_VAR": str(FOLDER)}, stdout=log, stderr=log
        )
    try:
        while not report.exists():
            if demo.poll() is not None:
                sys.exit(f"The demo did not start:\n{(FOLDER / 'demo.log').read_text()}")
            time.sleep(0.2)
        yield json.loads(report.read_text())
    finally:
        demo.terminate()
        demo.wait()


@dataclass
class Camera:
    browser: Browser
    url: str
    password: str

    def page(self, name: str) -> Page:
        """Open a browser window, signed in as this user, without animations."""
        context = self.browser.new_context(
            base_url=self.url,
            viewport={"width": SIZE["width"], "height": SIZE["height"]},
            reduced_motion="reduce",
            timezone_id="America/Chicago",
            locale="en-US",
        )
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.goto("/accounts/login/")
        page.get_by_label("Email").fill(f"{name}@demo.example")
        page.get_by_label("Password").fill(self.password)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{self.url}/")
        return page

    def take(self, page: Page, name: str) -> None:
        """Write docs/pictures/NAME.png, and NAME-dark.png if the README shows it."""
        page.wait_for_load_state("networkidle")
        self._take(page, name)
        if name in OF_THE_README:
            page.emulate_media(color_scheme="dark", reduced_motion="reduce")
            self._take(page, f"{name}-dark")
            page.emulate_media(color_scheme="light", reduced_motion="reduce")

    def _take(self, page: Page, name: str) -> None:
        path = PICTURES / f"{name}.png"
        picture = page.screenshot(animations="disabled", caret="hide")
        if path.exists() and self._share_that_differs(path.read_bytes(), picture) < ALIKE:
            print(f"unchanged  {path.relative_to(ROOT)}")
            return
        path.write_bytes(picture)
        print(f"made       {path.relative_to(ROOT)}  {len(picture) // 1024} kB", flush=True)

    def _share_that_differs(self, one: bytes, other: bytes) -> float:
        page = self.browser.new_page()
        texts = [b64encode(picture).decode() for picture in (one, other)]
        share = float(page.evaluate(SHARE_THAT_DIFFERS, texts))
        page.close()
        return share


# --- What is shown --------------------------------------------------------------------------------
def take_all(camera: Camera) -> None:
    admin, editor, manager = (camera.page(name) for name in ("admin", "editor", "manager"))
    wait_for_the_names(admin)
    admin.goto("/")
    camera.take(admin, "home")
    take_a_change(camera, editor)
    take_the_history(camera, editor)
    editor.goto("/t/nordlicht-allianz/settings/")
    editor.get_by_role("link", name="View status").click()
    camera.take(editor, "unknown")
    manager.goto("/t/nunez-realty/connection/")
    camera.take(manager, "connection")
    admin.goto("/people/")
    camera.take(admin, "people")


def wait_for_the_names(page: Page) -> None:
    """Wait until the worker has read the names of 5,000 agents: pictures show all or none."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        page.goto("/audit/?kind=directory.synced")
        if page.locator(".event-line").count() >= SYNCED:
            return
        time.sleep(1)


def take_a_change(camera: Camera, page: Page) -> None:
    page.goto("/t/kestrel-group/settings/")
    camera.take(page, "settings")
    page.get_by_label("Active from").select_option("8")
    page.get_by_label("Active until").select_option("21")
    agents = page.get_by_role("group", name="Agents", exact=True)
    agents.get_by_label("Everyone").check()
    page.get_by_role("button", name="Review changes").click()
    page.locator("[name=reason]").fill("Office hours from December on (ticket 4251)")
    for box in page.locator("[name=confirmed]").all():
        box.check()
    page.get_by_role("heading", level=1).first.click()
    camera.take(page, "review")
    page.get_by_role("button", name="Apply to Kestrel").click()
    page.wait_for_url("**/operations/*/")
    camera.take(page, "result")


def take_the_history(camera: Camera, page: Page) -> None:
    page.goto("/audit/?kind=settings.outcome")
    page.locator(".event-line", has_text="No texts over the long weekend").click()
    page.locator("[data-drawer][open] [data-event]").wait_for()
    camera.take(page, "history")
    page.get_by_role("button", name="Restore the state before this").click()
    page.get_by_role("heading", name="not sent yet").wait_for()
    camera.take(page, "going-back")


if __name__ == "__main__":
    sys.exit(main())
