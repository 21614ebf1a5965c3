"""Where test code lives: shared helpers in tests/support, and no test module imports another."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tools.processes import ROOT

TESTS = ROOT / "tests"
MODULES = sorted(TESTS.rglob("*.py"))
# The benchmarks share large data that no test uses.
HELPERS_OUTSIDE_SUPPORT = {"bench/admin_site.py", "bench/lofty.py", "bench/log.py"}


def imported_modules(path: Path) -> Iterator[str]:
    """Yield the dotted name of everything that the module imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_from_test_module(name: str) -> bool:
    return name.startswith("tests.") and ".test_" in name


def test_imports__from_a_test_module__are_found() -> None:
    assert is_from_test_module("tests.accounts.test_sign_in.sign_in")
    assert is_from_test_module("tests.urls.test_fuzz")
    assert not is_from_test_module("tests.support.sign_in.sign_in")
    assert "ast.walk" not in set(imported_modules(Path(__file__)))
    assert {"ast", "tools.processes.ROOT"} <= set(imported_modules(Path(__file__)))


def test_imports__of_every_module__none_from_a_test_module() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}: move it to tests/support"
        for path in MODULES
        for name in imported_modules(path)
        if is_from_test_module(name)
    ]
    assert wrong == []


def test_helpers__shared_by_tests__are_in_support() -> None:
    helpers = {
        str(path.relative_to(TESTS))
        for path in MODULES
        if not path.name.startswith(("test_", "conftest", "__init__"))
    }
    outside = {name for name in helpers if not name.startswith("support/")}
    assert outside == HELPERS_OUTSIDE_SUPPORT, "move it to tests/support"
