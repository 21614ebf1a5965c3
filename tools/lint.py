"""`make lint`: every check that needs no test run. Runs all of them, then reports the result."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import tests.support.environment  # noqa: F401 - the settings that mypy's plugin and Django's checks load
from tools.postgres import ensure_database, start_server
from tools.processes import ROOT

BIN = f"{sys.prefix}/bin"
TEMPLATES = ("templates", "tools/practice_lofty/templates")
CHECKS: dict[str, list[str]] = {
    # Those that take longest first: they run side by side.
    "types": [f"{BIN}/mypy"],
    # Also compiles them, while the check of types has one core only.
    "tests": [sys.executable, "-m", "pytest", "--collect-only", "-qq"],
    "templates": [f"{BIN}/djlint", *TEMPLATES, "--lint", "--quiet"],
    "format": [f"{BIN}/ruff", "format", "--check", "--quiet", "."],
    "lint": [f"{BIN}/ruff", "check", "--quiet", "."],
    "imports": [f"{BIN}/lint-imports"],
    "prose": [sys.executable, "-m", "tools.prose"],
    "requirements": [sys.executable, "-m", "tools.requirements", "--check"],
    "translations": [sys.executable, "-m", "tools.translations", "--check"],
    "migrations": [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"],
}


def main() -> int:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done = pool.map(lambda name: passes(name, CHECKS[name], os.environ), CHECKS)
    failed = [name for name, fine in zip(CHECKS, done, strict=True) if not fine]
    if not deployment_is_sound():
        failed.append("deployment")
    print(f"Failed: {', '.join(failed)}" if failed else "All checks passed.")
    return 1 if failed else 0


def passes(name: str, command: list[str], env: "os._Environ[str] | dict[str, str]") -> bool:
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    fine = done.returncode == 0
    told = [f"{'ok  ' if fine else 'FAIL'} {name}", *([] if fine else [done.stdout + done.stderr])]
    print("\n".join(told), flush=True)
    return fine


def deployment_is_sound() -> bool:
    """Run `check --deploy` with the production example, on a database of its own."""
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
    """Return the production example's values, without secrets and addresses."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    pairs = [line.split("=", 1) for line in lines if line and not line.startswith("#")]
    return {name: value for name, value in pairs if value and name in KEPT}


KEPT = frozenset({"ALLOWED_HOSTS", "TRUSTED_PROXY_COUNT", "LOG_LEVEL", "LOG_FORMAT"})

if __name__ == "__main__":
    sys.exit(main())
