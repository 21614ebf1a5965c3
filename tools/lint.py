"""`make lint`: every check that needs no test run. All are run, then the result is told."""

import os
import subprocess
import sys

import tests.environment  # noqa: F401 - the settings that mypy's plugin and Django's checks load
from tools.postgres import ensure_database, start_server
from tools.processes import ROOT

BIN = f"{sys.prefix}/bin"
CHECKS: dict[str, list[str]] = {
    "format": [f"{BIN}/ruff", "format", "--check", "--quiet", "."],
    "lint": [f"{BIN}/ruff", "check", "--quiet", "."],
    "imports": [f"{BIN}/lint-imports"],
    "types": [f"{BIN}/mypy"],
    "templates": [f"{BIN}/djlint", "templates", "--lint", "--quiet"],
    "translations": [sys.executable, "-m", "tools.translations", "--check"],
    "migrations": [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"],
}


def main() -> int:
    failed = [name for name, command in CHECKS.items() if not passes(name, command, os.environ)]
    if not deployment_is_sound():
        failed.append("deployment")
    print(f"Failed: {', '.join(failed)}" if failed else "All checks passed.")
    return 1 if failed else 0


def passes(name: str, command: list[str], env: "os._Environ[str] | dict[str, str]") -> bool:
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    print(f"{'ok  ' if done.returncode == 0 else 'FAIL'} {name}", flush=True)
    if done.returncode != 0:
        print(done.stdout + done.stderr)
    return done.returncode == 0


def deployment_is_sound() -> bool:
    """`check --deploy` with the production example, on a database of its own."""
    if os.environ["DATABASE_URL"].endswith(f"/console_{os.getpid()}"):
        url = ensure_database(start_server("test-postgres"), "console_deploy_check")
    else:
        url = os.environ["DATABASE_URL"]
    production = {
        **{name: value for name, value in os.environ.items() if not name.startswith("LOFTY_")},
        **example(),
        "DATABASE_URL": url,
    }
    command = [sys.executable, "manage.py", "check", "--deploy", "--database", "default"]
    return passes("deployment", [*command, "--fail-level", "WARNING"], production)


def example() -> dict[str, str]:
    """The production example's values that are no secrets and no addresses of its own."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    pairs = [line.split("=", 1) for line in lines if line and not line.startswith("#")]
    return {name: value for name, value in pairs if value and name in KEPT}


KEPT = frozenset({"ALLOWED_HOSTS", "TRUSTED_PROXY_COUNT", "LOG_LEVEL", "LOG_FORMAT"})

if __name__ == "__main__":
    sys.exit(main())
