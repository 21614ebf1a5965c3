"""Call Lofty's token endpoint."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from lofty_admin.lofty import json_strict
from lofty_admin.lofty.endpoint import Endpoint
from lofty_admin.lofty.errors import (
    AppRefused,
    BadToken,
    GrantRefused,
    LoftyError,
    Misconfigured,
    RateLimited,
    Rejected,
    Unknown,
    error_for,
)
from lofty_admin.lofty.exchange import Answer
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.lofty.marking import gettext_noop
from lofty_admin.lofty.transport import Authorization, Transport

PRINTABLE = re.compile(r"[!-~]{1,4096}", re.ASCII)
TOKEN_URL = re.compile(r"(https?://[^/?#]+)(/[^?#]+)")


@dataclass(frozen=True)
class Tokens:
    """Tokens from the token endpoint. expires_in in seconds. The repr shows nothing."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_in: int | None = field(repr=False)
    scope: str | None = field(repr=False)


class OAuthClient:
    """POST to the token endpoint as one OAuth app. Never retried: a refresh may use its token up.

    endpoint gives limits and allowed hosts (its base_url is not used). The constructor raises
    Misconfigured if token_url is not allowed, every method LoftyError. After Unknown the code or
    refresh token may have been used up, after GrantRefused it is invalid, after AppRefused it may
    still be valid.
    """

    def __init__(
        self, token_url: str, client_id: str, client_secret: str, *, endpoint: Endpoint
    ) -> None:
        parts = TOKEN_URL.fullmatch(token_url)
        if not all(map(PRINTABLE.fullmatch, (client_id, client_secret))):
            raise Misconfigured(
                gettext_noop("The OAuth app's ID or secret in the configuration is malformed.")
            )
        if parts is None:
            raise Misconfigured(
                gettext_noop("The address of Lofty's token endpoint in the configuration is wrong.")
            )
        self._transport = Transport(replace(endpoint, base_url=parts[1]))
        self._path = parts[2]
        self._client_id = client_id
        self._auth = Authorization.basic(client_id, client_secret)

    def __repr__(self) -> str:
        return "<OAuthClient: secret hidden>"

    def exchange_code(self, code: str, redirect_uri: str) -> Tokens:
        """Exchange the code that Lofty's authorize page sent to redirect_uri for tokens."""
        return self._ask(
            grant_type="authorization_code",
            code=code,
            client_id=self._client_id,
            redirect_uri=redirect_uri,
        )

    def refresh(self, refresh_token: str) -> Tokens:
        """Refresh the tokens.

        The old refresh token may be dead afterwards, also if the answer is lost.
        """
        return self._ask(grant_type="refresh_token", refresh_token=refresh_token)

    def client_credentials(self, customer_key: str) -> Tokens:
        """Get tokens for a user's API key (the newer developer site's grant)."""
        return self._ask(grant_type="client_credentials", customer_key=customer_key)

    def _ask(self, **form: str) -> Tokens:
        if not all(PRINTABLE.fullmatch(value) for value in form.values()):
            raise BadToken(gettext_noop("The code or token for Lofty has invalid characters."))
        answer = self._transport.exchange(
            "POST", self._path, form=form, auth=self._auth, secret_answer=True
        )
        problem = _problem(answer)
        if problem is not None:
            raise problem
        tokens = _tokens(answer.json)
        if tokens is None:
            raise Unknown("Lofty's response contains no valid token.", exchange=answer.exchange)
        return tokens


def _problem(answer: Answer) -> LoftyError | None:
    """Return the error for a refusal: RFC 6749, 5.2, or by the status where Lofty gives no code.

    Only codes that certainly blame the grant return GrantRefused: declaring a valid grant dead
    costs a user a new sign-in.
    """
    problem = error_for(answer)
    if not isinstance(problem, Rejected) or isinstance(problem, RateLimited):
        return problem
    named = answer.json.get("error") if isinstance(answer.json, dict) else None
    refused = named == "invalid_grant" or (named is None and answer.exchange.status in {200, 400})
    return (GrantRefused if refused else AppRefused)(exchange=answer.exchange)


def _tokens(value: JSON) -> Tokens | None:
    if not isinstance(value, dict):
        return None
    access, refresh = value.get("access_token"), value.get("refresh_token")
    seconds, scope = value.get("expires_in"), value.get("scope")
    if not isinstance(access, str) or not PRINTABLE.fullmatch(access):
        return None
    return Tokens(
        access_token=access,
        # A token that could never be sent back is useless.
        refresh_token=refresh
        if isinstance(refresh, str) and PRINTABLE.fullmatch(refresh)
        else None,
        expires_in=seconds if isinstance(seconds, int) and not isinstance(seconds, bool) else None,
        scope=scope if isinstance(scope, str) else None,
    )


def read_expiry(token: str) -> datetime | None:
    """Return when a JWS claims to expire (its `exp`, UTC).

    Nothing is verified: the result is only a hint.
    """
    parts = token.strip().split(".")
    if len(parts) != 3:
        return None
    claims = _claims(parts[1])
    exp = claims.get("exp")
    if not isinstance(exp, int | float) or isinstance(exp, bool):
        return None
    try:
        return datetime.fromtimestamp(exp, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _claims(part: str) -> Mapping[str, JSON]:
    try:
        value = json_strict.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
