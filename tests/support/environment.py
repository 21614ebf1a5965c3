"""The environment of every test, loaded by `-p` before Django reads its settings.

A DATABASE_URL from outside is used as it is (its role must be allowed to create databases);
without one a PostgreSQL server is started under var/ and stopped with the last run. Each run has
databases of its own, so that two runs at once do not meet.
"""

import os
import secrets
from base64 import b64encode


def _fresh_key() -> str:
    return b64encode(secrets.token_bytes(32)).decode()


def _database_url() -> str:
    from tools.postgres import database_url, start_server

    return database_url(start_server("test-postgres"), f"console_{os.getpid()}")


def _prepare() -> None:
    # The workers of pytest-xdist inherit what the first process set. Only that process holds the
    # server: workers that an interrupt kills could not let it go.
    values = {
        "SECRET_KEY": secrets.token_urlsafe(64),
        "ALLOWED_HOSTS": "testserver,127.0.0.1,localhost",
        "VAULT_KEYS": f"test:{_fresh_key()}",
        "AUDIT_KEYS": f"test:{_fresh_key()}",
        "FINGERPRINT_KEY": _fresh_key(),
        "LOFTY_DEMO": "1",
        "LOFTY_ALLOW_LOOPBACK": "1",
        "LOFTY_API_BASE_URL": "http://127.0.0.1:9",
        "LOFTY_DEADLINE_SECONDS": "5",
        "SETTLE_QUIET_SECONDS": "0",
        "EMAIL_URL": "memorymail://",
        "LOG_LEVEL": "WARNING",
    }
    for name, value in values.items():
        os.environ.setdefault(name, value)
    os.environ["DATABASE_URL"] = os.environ.get("DATABASE_URL") or _database_url()


_prepare()
