"""Read the console's settings from the environment: once, typed, with an error for each mistake.

Every variable is documented in `.env.example`. A secret `NAME` may instead be given as a file whose
path is in `NAME_FILE` (a Docker or systemd secret). Nothing secret has a default, and no message
here repeats a secret's value.
"""

import base64
import binascii
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured
from environ.fileaware_mapping import FileAwareMapping

_SINK = re.compile(r"file:/.+|syslog:[^\s:]+:[0-9]{1,5}|mail:[^\s@]+@[^\s@]+")
_ADDRESS = re.compile(r"[^\s@<>,]+@[^\s@<>,]+")
_AUTHORIZE_URL = "https://lofty.com/page/vendor-auth.html"
_TOKEN_URL = "https://crm.lofty.com/api/user-web/oauth/token"  # noqa: S105 - an address
_LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")


@dataclass(frozen=True)
class KeyRing:
    """Named 256-bit keys. The current one seals new data, and the others open older data.

    `keys` maps key id to 32 bytes. The repr shows ids only.
    """

    current: str
    keys: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True)
class Sink:
    """Where signed checkpoints go.

    kind: "file", "syslog" or "mail". target: a path, HOST:PORT or an address.
    """

    kind: str
    target: str


@dataclass(frozen=True)
class SingleSignOn:
    """The OpenID Connect provider users may sign in with, and its groups that may sign in."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    allowed_groups: frozenset[str]
    groups_claim: str


@dataclass(frozen=True)
class OAuthApp:
    """The console's registration as an OAuth app at Lofty, and Lofty's two addresses for it.

    redirect_url: as registered at Lofty; "" to use the host of the request.
    """

    client_id: str
    client_secret: str = field(repr=False)
    authorize_url: str
    token_url: str
    redirect_url: str


@dataclass(frozen=True)
class Environment:
    """The settings that the deployment decides. `read_environment` builds it."""

    demo: bool
    secret_key: str = field(repr=False)
    secret_key_fallbacks: tuple[str, ...] = field(repr=False)
    database: Mapping[str, Any] = field(repr=False)
    allowed_hosts: list[str]
    trusted_proxies: int
    vault_keys: KeyRing
    audit_keys: KeyRing
    fingerprint_key: bytes = field(repr=False)
    audit_signing_key: bytes | None = field(repr=False)
    audit_public_keys: tuple[bytes, ...]
    checkpoint_events: int
    checkpoint_minutes: int
    checkpoint_sink: Sink | None
    lofty_base_url: str
    lofty_allowed_hosts: frozenset[str]
    lofty_allow_loopback: bool
    lofty_deadline: float
    oauth_app: OAuthApp | None
    settle_quiet_seconds: int
    require_mfa: bool
    session_idle_minutes: int
    session_hours: int
    reauthenticate_minutes: int
    single_sign_on: SingleSignOn | None
    email: Mapping[str, Any] = field(repr=False)
    mail_from: str
    log_level: str
    log_format: str
    web_threads: int


def read_environment() -> Environment:
    """Read and check every variable, or raise ImproperlyConfigured naming the first invalid one."""
    read = environ.FileAwareEnv()
    # environ's own cache outlives a read: it would return a replaced file's, or a test's, old
    # value.
    read.ENVIRON = FileAwareMapping(cache=False)
    demo = read.bool("LOFTY_DEMO", default=False)
    base_url, hosts, loopback = _lofty(read)
    return Environment(
        demo=demo,
        secret_key=_secret_key(read),
        secret_key_fallbacks=_secret_key_fallbacks(read),
        database=_database(read),
        allowed_hosts=_allowed_hosts(read),
        trusted_proxies=_whole_number("TRUSTED_PROXY_COUNT", 0, 0, 5),
        vault_keys=_key_ring(read, "VAULT_KEYS"),
        audit_keys=_key_ring(read, "AUDIT_KEYS"),
        fingerprint_key=_key("FINGERPRINT_KEY", _required(read, "FINGERPRINT_KEY")),
        audit_signing_key=next(iter(_keys(read, "AUDIT_SIGNING_KEY", at_most=1)), None),
        audit_public_keys=_keys(read, "AUDIT_PUBLIC_KEYS", at_most=100),
        checkpoint_events=_whole_number("AUDIT_CHECKPOINT_EVENTS", 1000, 1, 1_000_000),
        checkpoint_minutes=_whole_number("AUDIT_CHECKPOINT_MINUTES", 60, 1, 1440),
        checkpoint_sink=_sink(read, "AUDIT_CHECKPOINT_SINK"),
        lofty_base_url=base_url,
        lofty_allowed_hosts=hosts,
        lofty_allow_loopback=loopback,
        lofty_deadline=float(_whole_number("LOFTY_DEADLINE_SECONDS", 30, 1, 35)),
        oauth_app=_oauth_app(read, hosts, loopback=loopback),
        settle_quiet_seconds=_whole_number("SETTLE_QUIET_SECONDS", 60, 0, 3600),
        require_mfa=read.bool("REQUIRE_MFA", default=not demo),
        session_idle_minutes=_whole_number("SESSION_IDLE_MINUTES", 60, 1, 1440),
        session_hours=_whole_number("SESSION_HOURS", 12, 1, 168),
        reauthenticate_minutes=_whole_number("REAUTHENTICATE_MINUTES", 15, 1, 120),
        single_sign_on=_single_sign_on(read, demo=demo),
        email=read.email_url("EMAIL_URL", default="consolemail://"),
        mail_from=_mail_from(read),
        log_level=_one_of(read, "LOG_LEVEL", "INFO", {"DEBUG", "INFO", "WARNING", "ERROR"}),
        log_format=_one_of(read, "LOG_FORMAT", "json", {"json", "plain"}),
        web_threads=_whole_number("WEB_THREADS", 16, 1, 200),
    )


def _required(read: environ.Env, name: str) -> str:
    try:
        value = str(read.str(name)).strip()
    except ImproperlyConfigured:
        value = ""
    if not value:
        raise ImproperlyConfigured(
            f"{name} is not set. Set {name}, or set {name}_FILE to the path of a file with "
            "the value. See .env.example for what it is and how to generate "
            "one."
        )
    return value


def _secret_key(read: environ.Env) -> str:
    return _long_enough("SECRET_KEY", _required(read, "SECRET_KEY"))


def _secret_key_fallbacks(read: environ.Env) -> tuple[str, ...]:
    """Return earlier secret keys: what they signed stays valid until they are removed."""
    keys = _members(str(read.str("SECRET_KEY_FALLBACKS", default="")))
    return tuple(_long_enough("SECRET_KEY_FALLBACKS", key) for key in keys)


def _members(text: str) -> list[str]:
    """Return the members of a comma-separated list, without blanks around them or empty ones."""
    return [part.strip() for part in text.split(",") if part.strip()]


def _long_enough(name: str, value: str) -> str:
    if len(value) < 50:
        raise ImproperlyConfigured(f"{name} is too short: use at least 50 random characters.")
    return value


def _database(read: environ.Env) -> dict[str, Any]:
    _required(read, "DATABASE_URL")
    config: dict[str, Any] = read.db_url("DATABASE_URL")
    if "postgresql" not in config.get("ENGINE", ""):
        raise ImproperlyConfigured(
            "DATABASE_URL must name a PostgreSQL database (postgresql://user:password@host/name)."
        )
    # A socket's folder is percent-encoded in the place of a host (libpq's own rule).
    config["HOST"] = unquote(config["HOST"])
    return config


def _allowed_hosts(read: environ.Env) -> list[str]:
    hosts = _members(_required(read, "ALLOWED_HOSTS"))
    if any("*" in host or host.startswith(".") for host in hosts):
        raise ImproperlyConfigured("ALLOWED_HOSTS takes full host names only, no wildcards.")
    return hosts


def _lofty(read: environ.Env) -> tuple[str, frozenset[str], bool]:
    loopback = read.bool("LOFTY_ALLOW_LOOPBACK", default=False)
    url = str(read.str("LOFTY_API_BASE_URL", default="https://api.lofty.com")).rstrip("/")
    parts = urlsplit(url)
    hosts = frozenset(read.list("LOFTY_ALLOWED_HOSTS", default=["api.lofty.com", "crm.lofty.com"]))
    if loopback and parts.hostname in _LOOPBACK_HOSTS:
        return url, hosts | {parts.hostname}, loopback
    if parts.scheme != "https" or not parts.hostname or parts.path or parts.query or "@" in url:
        raise ImproperlyConfigured(
            "LOFTY_API_BASE_URL must be https://HOST and nothing more. (With "
            "LOFTY_ALLOW_LOOPBACK=1, http://127.0.0.1:PORT is allowed.)"
        )
    if parts.hostname not in hosts:
        raise ImproperlyConfigured(
            f"LOFTY_API_BASE_URL names the host {parts.hostname}, which is not in "
            "LOFTY_ALLOWED_HOSTS. Tokens are sent only to hosts in that list."
        )
    return url, hosts, loopback


def _single_sign_on(read: environ.Env, *, demo: bool) -> SingleSignOn | None:
    issuer = str(read.str("OIDC_ISSUER", default="")).strip()
    if not issuer:
        return None
    parts = urlsplit(issuer)
    loopback = demo and parts.scheme == "http" and parts.hostname == "127.0.0.1"
    if not (loopback or (parts.scheme == "https" and parts.hostname)) or len(issuer) > 200:
        raise ImproperlyConfigured(
            "OIDC_ISSUER must be an https address, as the provider gives it."
        )
    groups = frozenset(_members(_required(read, "OIDC_ALLOWED_GROUPS")))
    if not groups:
        raise ImproperlyConfigured("OIDC_ALLOWED_GROUPS must name at least one group.")
    return SingleSignOn(
        issuer=issuer,
        client_id=_required(read, "OIDC_CLIENT_ID"),
        client_secret=_required(read, "OIDC_CLIENT_SECRET"),
        allowed_groups=groups,
        groups_claim=str(read.str("OIDC_GROUPS_CLAIM", default="groups")).strip() or "groups",
    )


def _oauth_app(read: environ.Env, hosts: frozenset[str], *, loopback: bool) -> OAuthApp | None:
    """Return the OAuth app, None when it is not configured; raise if it is only half configured."""
    client_id = str(read.str("LOFTY_OAUTH_CLIENT_ID", default="")).strip()
    secret = str(read.str("LOFTY_OAUTH_CLIENT_SECRET", default="")).strip()
    if not client_id and not secret:
        return None
    if not client_id or not secret:
        raise ImproperlyConfigured(
            "LOFTY_OAUTH_CLIENT_ID and LOFTY_OAUTH_CLIENT_SECRET belong together: set both or none."
        )
    token_url = _address(read, "LOFTY_OAUTH_TOKEN_URL", _TOKEN_URL, loopback=loopback)
    if urlsplit(token_url).hostname not in hosts:
        raise ImproperlyConfigured(
            "LOFTY_OAUTH_TOKEN_URL names a host that is not in LOFTY_ALLOWED_HOSTS. The "
            "client secret and tokens are sent only to hosts in that list."
        )
    return OAuthApp(
        client_id=client_id,
        client_secret=secret,
        authorize_url=_address(
            read, "LOFTY_OAUTH_AUTHORIZE_URL", _AUTHORIZE_URL, loopback=loopback
        ),
        token_url=token_url,
        redirect_url=_address(read, "LOFTY_OAUTH_REDIRECT_URL", "", loopback=loopback),
    )


def _address(read: environ.Env, name: str, default: str, *, loopback: bool) -> str:
    """Return a full https URL without query; http only for loopback, and only if allowed."""
    url = str(read.str(name, default="")).strip() or default
    parts = urlsplit(url)
    here = loopback and parts.scheme == "http" and parts.hostname in _LOOPBACK_HOSTS
    if url and (
        not (parts.scheme == "https" or here)
        or not parts.hostname
        or not parts.path.strip("/")
        or parts.query
        or parts.fragment
        or "@" in parts.netloc
    ):
        raise ImproperlyConfigured(
            f"{name} must be a full https address with a path, like https://host/path."
        )
    return url


def _key(name: str, text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 32:
        raise ImproperlyConfigured(
            f"{name} must be 32 random bytes in base64. Generate one with: python -m "
            "lofty_admin.core.keys"
        )
    return key


def _keys(read: environ.Env, name: str, at_most: int) -> tuple[bytes, ...]:
    """Return the comma-separated keys; empty if there are none."""
    keys = tuple(_key(name, text) for text in _members(str(read.str(name, default=""))))
    if len(keys) > at_most:
        most = "one key only" if at_most == 1 else f"{at_most} keys at most"
        raise ImproperlyConfigured(f"{name} takes {most}.")
    return keys


def _sink(read: environ.Env, name: str) -> Sink | None:
    text = str(read.str(name, default="")).strip()
    if not text:
        return None
    if not _SINK.fullmatch(text):
        raise ImproperlyConfigured(
            f"{name} must be file:/PATH, syslog:HOST:PORT or mail:ADDRESS, or empty."
        )
    kind, _, target = text.partition(":")
    return Sink(kind, target)


def _key_ring(read: environ.Env, name: str) -> KeyRing:
    """Parse `id:base64[,id:base64...]`; the first key is the current one."""
    keys: dict[str, bytes] = {}
    for part in _required(read, name).split(","):
        key_id, _, text = part.strip().partition(":")
        if not text or not _KEY_ID.fullmatch(key_id) or key_id in keys:
            raise ImproperlyConfigured(
                f"{name} must be ID:KEY, or several such pairs separated by commas. IDs "
                "are unique and have only letters, digits, - and _. The first key is "
                "used for new data."
            )
        keys[key_id] = _key(f"{name} (key number {len(keys) + 1})", text)
    return KeyRing(current=next(iter(keys)), keys=keys)


def _mail_from(read: environ.Env) -> str:
    text = str(read.str("MAIL_FROM", default="")).strip()
    if not text:
        return f"console@{_allowed_hosts(read)[0]}"
    if not _ADDRESS.fullmatch(text):
        raise ImproperlyConfigured("MAIL_FROM must be one e-mail address.")
    return text


def _whole_number(name: str, default: int, low: int, high: int) -> int:
    text = os.environ.get(name, str(default)).strip()
    if not text.isdecimal() or not low <= int(text) <= high:
        raise ImproperlyConfigured(f"{name} must be a whole number from {low} to {high}.")
    return int(text)


def _one_of(read: environ.Env, name: str, default: str, allowed: set[str]) -> str:
    value = str(read.str(name, default=default))
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(sorted(allowed))}.")
    return value


BASE_DIR = Path(__file__).resolve().parent.parent.parent
