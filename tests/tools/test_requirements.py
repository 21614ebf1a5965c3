"""The locked versions: pyproject.toml, uv.lock, and the requirements files agree."""

import shutil
from pathlib import Path

import pytest

from tools import requirements
from tools.processes import ROOT

LOCK = "uv.lock does not match pyproject.toml: run `make lock` and commit the result"
PRODUCTION = "requirements.txt does not match uv.lock: run `make lock` and commit the result"
DEVELOPMENT = "requirements-dev.txt does not match uv.lock: run `make lock` and commit the result"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the files that must agree."""
    for name in ("pyproject.toml", "uv.lock", *requirements.FILES):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_disagreements__as_committed__none(copy: Path) -> None:
    assert list(requirements.disagreements(copy)) == []


def test_disagreements__package_added_without_lock__names_the_lock(copy: Path) -> None:
    replace(copy / "pyproject.toml", '"rfc8785",', '"rfc8785",\n    "no-such-package-of-ours",')
    assert list(requirements.disagreements(copy)) == [LOCK]


def test_disagreements__version_changed_by_hand__names_the_file(copy: Path) -> None:
    replace(copy / "requirements.txt", "rfc8785==", "rfc8785==9")
    assert list(requirements.disagreements(copy)) == [PRODUCTION]


def test_disagreements__hash_removed__names_the_file(copy: Path) -> None:
    replace(copy / "requirements-dev.txt", "--hash=sha256:", "# --hash=sha256:")
    assert list(requirements.disagreements(copy)) == [DEVELOPMENT]


def test_disagreements__file_missing__names_it(copy: Path) -> None:
    (copy / "requirements.txt").unlink()
    assert list(requirements.disagreements(copy)) == [PRODUCTION]


def test_requirements__for_development__have_all_of_production(copy: Path) -> None:
    production = requirements.exported(copy, "requirements.txt")
    development = requirements.exported(copy, "requirements-dev.txt").splitlines()
    pinned = [line for line in production.splitlines() if "==" in line]
    assert len(pinned) > 20
    assert set(pinned) <= set(development)
    assert "--hash=sha256:" in production
