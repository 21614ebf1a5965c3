"""Print a page with the machine's Chromium and read what is on each sheet of the PDF."""

import re
import subprocess
import zlib
from pathlib import Path

from django.contrib.staticfiles import finders

from tools.browser import CURE, find_chromium

_OBJECT = re.compile(rb"^(\d+) 0 obj\s(.*?)\sendobj$", re.DOTALL | re.MULTILINE)
_STREAM = re.compile(rb"/Length (\d+)[^>]*>>\s*stream\r?\n(.*)", re.DOTALL)


def printed(html: bytes, folder: Path) -> list[int]:
    """How many pieces of text each sheet has; 0 for a blank sheet."""
    page, pdf = folder / "page.html", folder / "page.pdf"
    page.write_bytes(re.sub(rb'"/static/([^"]+)"', _as_file, html))
    chromium = find_chromium()
    assert chromium, CURE
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
    command += ["--allow-file-access-from-files", f"--user-data-dir={folder / 'profile'}"]
    command += [f"--print-to-pdf={pdf}", page.as_uri()]
    subprocess.run(command, check=True, timeout=120, capture_output=True)
    return texts_of(pdf.read_bytes())


def _as_file(match: "re.Match[bytes]") -> bytes:
    file = finders.find(match[1].decode())
    return f'"{Path(str(file)).as_uri()}"'.encode() if file else b'""'


def texts_of(pdf: bytes) -> list[int]:
    """The number of text operators in each page's content, in the order of the file.

    Enough for what Chromium writes: plain objects, one compressed stream of content a page.
    """
    objects = {int(number): body for number, body in _OBJECT.findall(pdf)}
    pages = [body for body in objects.values() if re.search(rb"/Type\s*/Page\b", body)]
    assert pages, "no page was found in the PDF"
    return [_texts(objects, page) for page in pages]


def _texts(objects: dict[int, bytes], page: bytes) -> int:
    contents = re.search(rb"/Contents (\d+) 0 R", page)
    assert contents, "a page without content"
    stream = _STREAM.search(objects[int(contents[1])])
    assert stream, "content that is no stream"
    content = stream[2][: int(stream[1])]
    plain = zlib.decompress(content) if content else b""  # a blank sheet has nothing to compress
    return len(re.findall(rb"\bT[jJ]\b", plain))
