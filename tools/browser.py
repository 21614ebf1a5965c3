"""Find a Chromium for the browser tests, or install one: loudly, or not at all."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CURE = (
    "The browser tests need Chromium, and it could not be installed.\n"
    "Install it by hand (Debian: apt-get install chromium; elsewhere: .venv/bin/playwright install"
    " chromium), or set CHROMIUM to the path of one, then run this again."
)


def find_chromium() -> str | None:
    """Return the path of a Chromium: $CHROMIUM, one on the PATH, or Playwright's own."""
    if named := os.environ.get("CHROMIUM"):
        return named if shutil.which(named) else None
    for name in NAMES:
        if path := shutil.which(name):
            return path
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def install() -> None:
    """Install Debian's package when run as root on Debian, else Playwright's own build."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=False, env=quiet)
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
        subprocess.run(command, check=False, env=quiet, stdout=subprocess.DEVNULL)
        return
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


def main() -> int:
    if find_chromium() is None:
        print("No Chromium found; installing one ...")
        install()
    if find_chromium() is None:
        print(CURE)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
