"""`make run`: console and worker against real Lofty, configured by the environment."""

import os
import sys

from tools.postgres import VAR
from tools.processes import Processes, Stopped, manage, stop_on_signals

NEEDED = (
    "SECRET_KEY",
    "VAULT_KEYS",
    "AUDIT_KEYS",
    "FINGERPRINT_KEY",
    "DATABASE_URL",
    "ALLOWED_HOSTS",
)


def main() -> int:
    missing = [n for n in NEEDED if not (os.environ.get(n) or os.environ.get(f"{n}_FILE"))]
    if missing:
        print(f"Not set: {', '.join(missing)}. See .env.example. To try the console out: make demo")
        return 1
    stop_on_signals()
    env = dict(os.environ)
    manage("migrate", "--no-input", env=env)
    manage("collectstatic", "--no-input", env=env)
    manage("check", "--deploy", "--database", "default", "--fail-level", "WARNING", env=env)
    VAR.mkdir(exist_ok=True)
    processes = Processes()
    try:
        start_console(processes, env)
        start_worker(processes, env)
        print(f"Console on {env.get('CONSOLE_BIND', '127.0.0.1:8000')}; logs in var/*.log")
        processes.keep_running()
    except Stopped:
        print("Stopping ...")
        return 0
    finally:
        processes.stop()


def start_console(processes: Processes, env: dict[str, str]) -> None:
    command = (sys.executable, "-m", "gunicorn", "-c", "python:lofty_admin.gunicorn_config")
    processes.start("console", *command, env=env, log=VAR / "console.log")


def start_worker(processes: Processes, env: dict[str, str]) -> None:
    command = (sys.executable, "manage.py", "procrastinate", "worker", "--concurrency", "4")
    processes.start("worker", *command, env=env, log=VAR / "worker.log")


if __name__ == "__main__":
    sys.exit(main())
