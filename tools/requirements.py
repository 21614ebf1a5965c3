"""Write uv.lock and the requirements files from pyproject.toml, or check that they agree.

`make lock` writes, `make upgrade` takes the newest versions first, `make lint` checks.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.processes import ROOT

UV = Path(sys.prefix) / "bin" / "uv"
HEADER = "# Written by `make lock` from uv.lock. To change it, edit pyproject.toml.\n"
# What pip installs in production, and for development: which groups of pyproject.toml.
FILES = {"requirements.txt": ["--no-dev"], "requirements-dev.txt": ["--group", "dev"]}
CURE = "run `make lock` and commit the result"


def main(arguments: list[str]) -> int:
    """Write the files, or with --check print what does not agree and return 1."""
    if "--check" in arguments:
        problems = list(disagreements(ROOT))
        sys.stdout.write("".join(f"{problem}\n" for problem in problems))
        return 1 if problems else 0
    lock(ROOT, upgrade="--upgrade" in arguments)
    return 0


def lock(root: Path, *, upgrade: bool = False) -> None:
    """Write uv.lock and both files. Versions stay as they are without `upgrade`."""
    _uv(root, "lock", *(["--upgrade"] if upgrade else [])).check_returncode()
    for name in FILES:
        (root / name).write_text(exported(root, name))


def disagreements(root: Path) -> Iterator[str]:
    """Yield a sentence for each file that is not what `make lock` would write. Works offline."""
    if _uv(root, "lock", "--check", "--offline").returncode != 0:
        yield f"uv.lock does not match pyproject.toml: {CURE}"
    for name in FILES:
        path = root / name
        if not path.exists() or path.read_text() != exported(root, name):
            yield f"{name} does not match uv.lock: {CURE}"


def exported(root: Path, name: str) -> str:
    """Return the requirements file of this name, with hashes, as uv.lock has it."""
    done = _uv(root, "export", "--frozen", "--no-header", *FILES[name])
    done.check_returncode()
    return HEADER + done.stdout


def _uv(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [UV, *arguments, "--quiet"], cwd=root, stdout=subprocess.PIPE, text=True, check=False
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
