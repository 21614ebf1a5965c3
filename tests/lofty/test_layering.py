"""Only the transport speaks HTTP, and this package does not import Django."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "lofty_admin"
TRANSPORT = ROOT / "lofty" / "transport.py"
SPEAKS_HTTP = ("requests", "urllib3", "http.client", "httpx", "aiohttp", "urllib.request")
MODULES = sorted(ROOT.rglob("*.py"))


def imported(source: str) -> Iterator[str]:
    """Every module a source imports, at any depth, also by importlib; `from a import b` as a.b."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and "import" in ast.unparse(node.func):
            yield from (str(a.value) for a in node.args if isinstance(a, ast.Constant))


def speaks_http(name: str) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in SPEAKS_HTTP)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module__not_the_transport__imports_no_http_client(module: Path) -> None:
    found = {name for name in imported(module.read_text()) if speaks_http(name)}
    if module == TRANSPORT:
        assert "requests" in found
    else:
        assert found == set()


@pytest.mark.parametrize(
    "source",
    [
        "import requests",
        "import requests.adapters as a",
        "from requests import get",
        "def f():\n    from http.client import HTTPConnection",
        "from http import client",
        "import urllib.request",
        "from urllib import request",
        "import importlib\nimportlib.import_module('httpx')",
        "__import__('urllib3')",
    ],
)
def test_imported__every_spelling__seen(source: str) -> None:
    assert any(map(speaks_http, imported(source)))


@pytest.mark.parametrize("module", sorted((ROOT / "lofty").glob("*.py")), ids=lambda p: p.name)
def test_module__of_lofty__knows_nothing_of_the_console(module: Path) -> None:
    names = set(imported(module.read_text()))
    assert not {name for name in names if name.startswith(("django", "procrastinate"))}
    ours = {name for name in names if name.startswith("lofty_admin")}
    assert all(name.startswith("lofty_admin.lofty") for name in ours)
