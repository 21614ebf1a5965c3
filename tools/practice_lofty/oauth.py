"""Lofty's OAuth: the page on which a customer lets an app in, and the token endpoint.

Source: Lofty's documentation. Errors of the token endpoint are those of RFC 6749, 5.2.
"""

import base64
import binascii
import json
import secrets
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlencode, urlsplit

from tools.practice_lofty import page
from tools.practice_lofty.api import bad_credentials
from tools.practice_lofty.messages import Answer, Call, Delay, Request, as_html, as_json
from tools.practice_lofty.store import Credential, Store, insert_credential

AUTHORISE_PATH = "/page/vendor-auth.html"
TOKEN_PATHS = ("/api/user-web/oauth/token", "/oauth/token")
CODE_LIFE = 600
REFRESH_LIFE = 180 * 86_400
"""seconds"""


@dataclass(frozen=True)
class App:
    client_id: str
    client_secret: str
    name: str
    redirect_url: str
    rate_limit: int
    """calls per minute of each of its tokens"""
    expires_in: int
    """life of an access token, seconds"""
    scopes: tuple[str, ...] | None


class RefusedError(Exception):
    """The token endpoint refuses; `args` are status, RFC 6749 error and description."""


def find_app(store: Store, client_id: str) -> App | None:
    row = store.row("SELECT * FROM apps WHERE client_id = ?", client_id)
    if row is None:
        return None
    scopes = None if row["scopes"] is None else tuple(json.loads(row["scopes"]))
    return App(**{**dict(row), "scopes": scopes})


def save_app(store: Store, app: App) -> None:
    """Register an app, or change the one with this client id."""
    scopes = None if app.scopes is None else json.dumps(app.scopes)
    with store.transaction() as db:
        db.execute(
            "INSERT OR REPLACE INTO apps VALUES (?,?,?,?,?,?,?)",
            tuple({**vars(app), "scopes": scopes}.values()),
        )


def authorise(store: Store, request: Request) -> Answer:
    """The page (GET), and what its two buttons do (POST): back to the app with code or error."""
    fields = request.form() if request.method == "POST" else {}
    app = find_app(store, fields.get("clientId") or request.text("clientId"))
    if app is None:
        return page.message(404, "Unknown app", "No app is registered with this clientId.")
    if request.method != "POST":
        return page.authorise(app.name, app.client_id, app.redirect_url, store.slugs())
    if fields.get("decision") != "approve":
        return _send_back(app, {"error": "access_denied"})
    if fields.get("customer") not in store.slugs():
        return page.message(400, "No customer", "Go back and choose a customer.")
    return _send_back(app, {"code": make_code(store, app, fields["customer"])})


def _send_back(app: App, answer: Mapping[str, str]) -> Answer:
    between = "&" if urlsplit(app.redirect_url).query else "?"
    location = f"{app.redirect_url}{between}{urlencode(answer)}"
    return as_html(302, "").plus({"Location": location})


def make_code(store: Store, app: App, slug: str) -> str:
    with store.transaction() as db:
        return _grant(db, "code", app, slug, CODE_LIFE)


def begin_token(store: Store, request: Request) -> Answer | Call:
    """Check the app and find whose grant it brings; the work is left to the Call."""
    try:
        app, fields = _identify_app(store, request), request.form()
        if fields.get("grant_type") == "client_credentials":
            slug = _find_by_key(store, fields)
            run = partial(_run, store, app, fields, slug)
            return Call(slug, "POST", request.path, run)
        grant = _find_grant(store, app, fields)
        run = partial(_run, store, app, fields, grant["slug"])
        return Call(grant["slug"], "POST", request.path, run)
    except RefusedError as refused:
        return _refusal(refused)


def _refusal(refused: RefusedError) -> Answer:
    status, error, description = refused.args
    return as_json(status, {"error": error, "error_description": description})


def _identify_app(store: Store, request: Request) -> App:
    client_id, secret = _read_basic(request.headers.get("Authorization", ""))
    app = find_app(store, client_id)
    named = request.form().get("client_id", client_id)
    if (
        app is None
        or named != client_id
        or not secrets.compare_digest(app.client_secret.encode(), secret.encode())
    ):
        raise RefusedError(401, "invalid_client", "The client id or the client secret is wrong.")
    return app


def _read_basic(header: str) -> tuple[str, str]:
    scheme, _, content = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        text = base64.b64decode(content.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    client_id, _, secret = text.partition(":")
    return client_id, secret


_GRANTS = {"authorization_code": ("code", "code"), "refresh_token": ("refresh_token", "refresh")}


def _find_grant(store: Store, app: App, fields: Mapping[str, str]) -> sqlite3.Row:
    if fields.get("grant_type") not in _GRANTS:
        raise RefusedError(400, "unsupported_grant_type", "This grant_type is not supported.")
    parameter, kind = _GRANTS[fields["grant_type"]]
    if kind == "code" and fields.get("redirect_uri") != app.redirect_url:
        raise RefusedError(400, "invalid_grant", "redirect_uri is not the registered one.")
    row = store.row(
        "SELECT * FROM grants WHERE value = ? AND kind = ? AND client_id = ?",
        *(fields.get(parameter, ""), kind, app.client_id),
    )
    if row is None or row["used"] or row["expires_at"] <= time.time():
        raise RefusedError(400, "invalid_grant", f"The {parameter} is unknown, used or expired.")
    return row


def _find_by_key(store: Store, fields: Mapping[str, str]) -> str:
    credential = store.credential(fields.get("customer_key", ""))
    if credential is None or credential.scheme != "api_key" or credential.is_dead(time.time()):
        raise RefusedError(400, "invalid_grant", "The customer_key is unknown or expired.")
    return credential.slug


def _run(store: Store, app: App, fields: Mapping[str, str], slug: str, delay: Delay) -> Answer:
    """Use the grant up and give tokens, both or neither: of two at once, one is refused."""
    if delay is None:
        return bad_credentials()
    by_key = fields["grant_type"] == "client_credentials"
    try:
        with store.transaction() as db:
            if not by_key:
                _use_up(db, fields[_GRANTS[fields["grant_type"]][0]])
            access = _give_access(db, app, slug)
            refresh = None if by_key else _grant(db, "refresh", app, slug, REFRESH_LIFE)
    except RefusedError as refused:
        return _refusal(refused)
    tokens = {
        "access_token": access,
        "refresh_token": refresh,
        "expires_in": app.expires_in,
        "token_type": "Bearer",
        "scope": "openApi",
    }
    return as_json(200, {name: value for name, value in tokens.items() if value is not None})


def _use_up(db: sqlite3.Connection, value: str) -> None:
    used = db.execute("UPDATE grants SET used = 1 WHERE value = ? AND used = 0", (value,))
    if used.rowcount != 1:
        raise RefusedError(400, "invalid_grant", "The grant was used a moment ago.")


def _give_access(db: sqlite3.Connection, app: App, slug: str) -> str:
    now = time.time()
    credential = Credential(
        token=f"practice-{secrets.token_urlsafe(24)}",
        slug=slug,
        scheme="oauth",
        rate_limit=app.rate_limit,
        scopes=app.scopes,
        expires_at=now + app.expires_in,
        client_id=app.client_id,
        made=now,
    )
    insert_credential(db, credential)
    return credential.token


def _grant(db: sqlite3.Connection, kind: str, app: App, slug: str, life: float) -> str:
    value = f"practice-{kind}-{secrets.token_urlsafe(24)}"
    values = (value, kind, app.client_id, slug, time.time() + life)
    db.execute("INSERT INTO grants VALUES (?,?,?,?,?,0)", values)
    return value
