"""`make demo`: PostgreSQL, a practice Lofty with data, the console and its worker, together.

Everything is under var/: delete that folder to start over. Its secrets are made at the first start
and are the demo's own.
"""

import json
import os
import secrets
import sys
from base64 import b64decode, b64encode
from pathlib import Path
from typing import NoReturn

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tools.postgres import VAR, ensure_database, start_server
from tools.practice_control import control
from tools.practice_lofty.seed import customers
from tools.processes import (
    Processes,
    Stopped,
    free_port,
    python,
    stop_on_signals,
    wait_until_answers,
)
from tools.run import start_console, start_worker

STATE = VAR / "demo-state.json"
SIGNING_KEY = "AUDIT_SIGNING_KEY"  # never the console's own
OAUTH_ID, OAUTH_SECRET = "LOFTY_OAUTH_CLIENT_ID", "LOFTY_OAUTH_CLIENT_SECRET"
OAUTH_TOKEN_LIFE = 900  # seconds: short, so that a renewal can be watched
REPORT = VAR / "demo.json"
DEMO_PASSWORD = "DEMO_PASSWORD"  # noqa: S105 - the name under which the state keeps it
PASSWORD = "harbor ladder teal morning"  # noqa: S105 - the demo's sign-in, printed on purpose
EARLIER_PASSWORD = "demo demo demo demo"  # noqa: S105 - of data that an earlier version made
SIGN_INS = (
    ("admin@demo.example", "Ada Admin", "superuser"),
    ("manager@demo.example", "Mia Manager", "manager"),
    ("editor@demo.example", "Emil Editor", "editor"),
    ("viewer@demo.example", "Vera Viewer", "viewer"),
    ("outsider@demo.example", "Otto Outsider", "outsider"),
)


def main() -> int:
    stop_on_signals()
    processes = Processes()
    VAR.mkdir(exist_ok=True)
    try:
        serve(processes)
    except Stopped:
        print("\nStopping ... (your data stays in var/; `make demo` goes on with it)", flush=True)
        return 0
    finally:
        processes.stop()


def serve(processes: Processes) -> NoReturn:
    state = read_state()
    env = environment(state)
    state["console_port"] = str(free_port(int(state.get("console_port", "0"))))
    sandbox_url = start_practice_lofty(processes, state, env)
    env["LOFTY_API_BASE_URL"] = sandbox_url
    register_app(state, env, sandbox_url)
    keep_state(state)
    print("Preparing the database ...", flush=True)
    python("-m", "tools.demo_data", env={**env, SIGNING_KEY: state[SIGNING_KEY]})
    console_url = start_site(processes, state, env)
    report(console_url, sandbox_url, state[DEMO_PASSWORD])
    processes.keep_running()


def read_state() -> dict[str, str]:
    if STATE.exists():
        state: dict[str, str] = json.loads(STATE.read_text())
        return {**_oauth_app(), SIGNING_KEY: _key(), DEMO_PASSWORD: EARLIER_PASSWORD, **state}
    return {
        **_oauth_app(),
        "SECRET_KEY": secrets.token_urlsafe(64),
        "VAULT_KEYS": f"demo:{_key()}",
        "AUDIT_KEYS": f"demo:{_key()}",
        "FINGERPRINT_KEY": _key(),
        SIGNING_KEY: _key(),
        DEMO_PASSWORD: PASSWORD,
    }


def keep_state(state: dict[str, str]) -> None:
    """Save the keys before the database holds data that only they can open or verify."""
    STATE.touch(mode=0o600)
    STATE.write_text(json.dumps(state))


def _oauth_app() -> dict[str, str]:
    return {OAUTH_ID: "lofty-console-demo", OAUTH_SECRET: secrets.token_urlsafe(32)}


def _key() -> str:
    return b64encode(secrets.token_bytes(32)).decode()


def environment(state: dict[str, str]) -> dict[str, str]:
    keys = {name: value for name, value in state.items() if name.isupper() and name != SIGNING_KEY}
    database = os.environ.get("DATABASE_URL") or _own_database()
    return {
        **os.environ,
        **keys,
        "DATABASE_URL": database,
        "LOFTY_DEMO": "1",
        "LOFTY_ALLOW_LOOPBACK": "1",
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "WEB_WORKERS": "1",
        "AUDIT_PUBLIC_KEYS": _public_key(state[SIGNING_KEY]),
        "AUDIT_CHECKPOINT_SINK": f"file:{VAR / 'audit-anchors.jsonl'}",
        "SETTLE_QUIET_SECONDS": os.environ.get("SETTLE_QUIET_SECONDS", "20"),
        "LOFTY_DEADLINE_SECONDS": os.environ.get("LOFTY_DEADLINE_SECONDS", "15"),
        "DEMO_SIGN_INS": json.dumps(SIGN_INS),
    }


def _public_key(signing_key: str) -> str:
    key = Ed25519PrivateKey.from_private_bytes(b64decode(signing_key)).public_key()
    return b64encode(key.public_bytes_raw()).decode()


def _own_database() -> str:
    print("Starting PostgreSQL ...", flush=True)
    return ensure_database(start_server("postgres"), "console")


def start_practice_lofty(processes: Processes, state: dict[str, str], env: dict[str, str]) -> str:
    port = free_port(int(state.get("sandbox_port", "0")))
    state["sandbox_port"] = str(port)
    command = [sys.executable, "-m", "tools.practice_lofty", "--port", str(port), "--seed"]
    command += ["--db", str(VAR / "practice-lofty.sqlite3")]
    command += ["--console-url", f"http://127.0.0.1:{state['console_port']}"]
    return _started(processes, "practice-lofty", command, env, port, "/_control/healthz")


def register_app(state: dict[str, str], env: dict[str, str], sandbox_url: str) -> None:
    """Register the console as an OAuth app of the practice Lofty, which redirects back to it."""
    env["LOFTY_OAUTH_AUTHORIZE_URL"] = f"{sandbox_url}/page/vendor-auth.html"
    env["LOFTY_OAUTH_TOKEN_URL"] = f"{sandbox_url}/api/user-web/oauth/token"
    app = {
        "client_id": state[OAUTH_ID],
        "client_secret": state[OAUTH_SECRET],
        "name": "Sales Agent console (demo)",
        "redirect_url": f"http://127.0.0.1:{state['console_port']}/oauth/lofty/callback",
        "expires_in": OAUTH_TOKEN_LIFE,
    }
    control(sandbox_url, "POST", "apps", app)


def start_site(processes: Processes, state: dict[str, str], env: dict[str, str]) -> str:
    port = int(state["console_port"])
    env["CONSOLE_BIND"] = f"127.0.0.1:{port}"
    start_console(processes, env)
    start_worker(processes, {**env, SIGNING_KEY: state[SIGNING_KEY]})
    return _answering(processes, "console", port, "/readyz")


def _started(
    processes: Processes, name: str, command: list[str], env: dict[str, str], port: int, path: str
) -> str:
    processes.start(name, *command, env=env, log=VAR / f"{name}.log")
    return _answering(processes, name, port, path)


def _answering(processes: Processes, name: str, port: int, path: str) -> str:
    url = f"http://127.0.0.1:{port}"
    if not wait_until_answers(url + path, lambda: processes.alive(name)):
        log = Path(VAR / f"{name}.log").read_text(errors="replace")
        sys.exit(f"{name} does not start. The end of its log, var/{name}.log:\n{log[-2000:]}")
    return url


def report(console_url: str, sandbox_url: str, password: str) -> None:
    """Print the URLs to open, and write them for scripts to var/demo.json."""
    data = {
        "console_url": console_url,
        "sandbox_url": sandbox_url,
        "sign_ins": [
            {"email": email, "password": password, "role": role} for email, _, role in SIGN_INS
        ],
        "tenants": [
            {"slug": one.slug, "scheme": one.scheme, "sandbox_token": one.token}
            for one in customers()
        ],
    }
    REPORT.write_text(json.dumps(data, indent=2) + "\n")
    print(f"\n  Console          {console_url}")
    print(f"  Practice Lofty   {sandbox_url}   (make it misbehave there)")
    print(f"  Things to try    {sandbox_url}/tour   (and docs/tour.md)\n")
    for email, _, role in SIGN_INS:
        print(f"  {role:<10} {email:<24} password: {password}")
    print("\nCtrl-C stops everything.", flush=True)


if __name__ == "__main__":
    sys.exit(main())
