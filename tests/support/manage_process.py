"""`manage.py` in a process of its own, on the database and the practice Lofty of the test."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]


def start_manage(*arguments: str) -> "subprocess.Popen[str]":
    """Started, not waited for. What it says on both streams comes from communicate()[0]."""
    environment = os.environ | {
        "DATABASE_URL": _database_url(connection.settings_dict),
        "LOFTY_API_BASE_URL": settings.ENVIRONMENT.lofty_base_url,
    }
    return subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _database_url(database: dict[str, Any]) -> str:
    user, host = quote(database["USER"], safe=""), quote(str(database["HOST"]), safe="")
    password = f":{quote(database['PASSWORD'], safe='')}" if database["PASSWORD"] else ""
    return f"postgresql://{user}{password}@{host}:{database['PORT']}/{database['NAME']}"
