"""What can go wrong when talking to Lofty, and what it means for the change that was wanted.

LoftyError
├── NotSent                  nothing left this machine
│   ├── BadToken             the token cannot be a token; never repeated in a message
│   ├── Misconfigured        our own settings or arguments are wrong: base URL, path, body
│   ├── Unreachable          name lookup, connecting or the TLS handshake failed
│   ├── NoFreeSlot           too many requests are waiting for Lofty already
│   ├── CallsStopped         Lofty failed too often in a row; .until (UTC)
│   └── BudgetSpent          too few calls are left; .until (UTC)
├── Rejected                 Lofty answered and did not do it; .status .code .lofty_message
│   ├── Unauthorised         401: the token is dead
│   │   └── WrongScheme      400 with code 200058: wrong scheme for this token, or the token is dead
│   ├── ScopeMissing         403 with code 200100: the OAuth app lacks the scope
│   ├── Forbidden            any other 403
│   ├── NoSalesAgent         404 on the settings: this user has no Sales Agent
│   ├── NotFound             any other 404
│   ├── NotLofty             something in between answered, such as a gateway or a proxy
│   ├── GrantRefused         the token endpoint does not take this code, refresh token or key
│   ├── AppRefused           the token endpoint does not take this console's OAuth app
│   └── RateLimited          429; .until (UTC)
└── Unknown                  bytes left and no answer came that can be trusted
    ├── UnexpectedRedirect   3xx, never followed
    └── MalformedSettings    the settings came, but are no object or have no usable id
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from lofty_admin.lofty.marking import gettext_noop

if TYPE_CHECKING:
    from lofty_admin.lofty.exchange import Answer, Exchange

SETTINGS_PATH = "/v2.0/sales-agent/settings"


class LoftyError(Exception):
    """Base of every error this package raises on purpose. It holds no secret and can be shown.

    message: what happened. advice: what the user can do. sent: False when Lofty certainly did
    nothing, None when it may have. exchange: the request and the response, None when no request was
    started.
    """

    default_message: ClassVar[str] = gettext_noop("Something went wrong while contacting Lofty.")
    default_advice: ClassVar[str] = gettext_noop(
        "Try again. If it happens again, tell the people who run this console."
    )
    sent: bool | None = None

    def __init__(
        self, message: str = "", *, advice: str = "", exchange: "Exchange | None" = None
    ) -> None:
        self.message = message or self.default_message
        self.advice = advice or self.default_advice
        self.exchange = exchange
        super().__init__(self.message)

    @property
    def effect(self) -> str:
        """Return one sentence that says whether anything happened at Lofty."""
        if self.exchange is not None and self.exchange.method == "GET":
            return gettext_noop("This only reads from Lofty. Nothing was changed.")
        return gettext_noop("The change may or may not have been made in Lofty.")


class NotSent(LoftyError):
    """Nothing left this machine."""

    sent = False

    @property
    def effect(self) -> str:
        return gettext_noop("Nothing was sent to Lofty.")


class BadToken(NotSent):
    default_message = gettext_noop(
        "This can't be a Lofty token: it is empty, too long, or has characters that "
        "tokens don't have."
    )
    default_advice = gettext_noop(
        "Copy the token again from Lofty (Settings > Integrations > API). Paste only the "
        "token, without the word “Bearer” or “token”, quotation marks, spaces, or line "
        "breaks."
    )


class Misconfigured(NotSent):
    default_message = gettext_noop(
        "The console did not send this request because its own configuration is wrong."
    )
    default_advice = gettext_noop("Tell the people who run this console.")


class Unreachable(NotSent):
    default_message = gettext_noop("Lofty could not be reached.")
    default_advice = gettext_noop(
        "Check that Lofty is up and that the console can reach it, then try again."
    )


class NoFreeSlot(NotSent):
    """Too many requests wait for Lofty already. The caller's own guard raises it before a call."""

    default_message = gettext_noop(
        "Lofty is slow, and too many requests are waiting for it right now."
    )
    default_advice = gettext_noop("Try again in a minute.")


class _Timed:
    """Adds the time from which a retry makes sense."""

    until: datetime

    @staticmethod
    def clock_time(until: datetime) -> str:
        return f"{until.astimezone(UTC):%H:%M:%S} UTC"


class BudgetSpent(_Timed, NotSent):
    """Too few calls are left. The caller's own guard raises it before a call."""

    def __init__(
        self,
        message: str = "",
        *,
        until: datetime,
        advice: str = "",
        exchange: "Exchange | None" = None,
    ) -> None:
        self.until = until
        super().__init__(
            message or gettext_noop("This token has too few API calls left."),
            advice=advice or f"Try again after {self.clock_time(until)}.",
            exchange=exchange,
        )


class CallsStopped(_Timed, NotSent):
    """Lofty failed too often in a row. The caller's own guard raises it before a call."""

    def __init__(self, *, until: datetime) -> None:
        self.until = until
        super().__init__(
            gettext_noop(
                "Lofty failed many times in a row, so the console stopped calling it for a moment."
            ),
            advice=f"Try again after {self.clock_time(until)}.",
        )


class Rejected(LoftyError):
    """Lofty answered and reported that it did not apply the call."""

    sent: bool | None = False
    default_message = gettext_noop("Lofty rejected the request.")
    default_advice = gettext_noop(
        "Read Lofty's response, correct the values it names, and try again."
    )

    @property
    def status(self) -> int | None:
        return self.exchange.status if self.exchange else None

    @property
    def code(self) -> str | None:
        return self.exchange.code if self.exchange else None

    @property
    def lofty_message(self) -> str | None:
        return self.exchange.lofty_message if self.exchange else None

    @property
    def effect(self) -> str:
        return gettext_noop("Lofty changed nothing.")


class Unauthorised(Rejected):
    default_message = gettext_noop("Lofty no longer accepts this token.")
    default_advice = gettext_noop("Get a new token from Lofty and replace this one.")


class WrongScheme(Unauthorised):
    default_message = gettext_noop(
        "Lofty doesn't recognize this token, at least not as this kind of token."
    )
    default_advice = gettext_noop(
        "Check whether it is an API key or an OAuth token, and add it again as the other "
        "kind. If both are refused, the token was revoked: get a new one from Lofty."
    )


class ScopeMissing(Rejected):
    default_message = gettext_noop(
        "The OAuth app of this token doesn't have permission for this part of Lofty."
    )
    default_advice = gettext_noop(
        "Add the missing scope to the app in Lofty, then connect this tenant again."
    )


class Forbidden(Rejected):
    default_message = gettext_noop("The Lofty user of this token doesn't have permission for this.")
    default_advice = gettext_noop(
        "Ask for the permission in Lofty, or use the token of a user who has it."
    )


class NoSalesAgent(Rejected):
    default_message = gettext_noop("The Lofty user of this token has no Sales Agent.")
    default_advice = gettext_noop(
        "Create the Sales Agent in Lofty's CRM, or use a token of the user it belongs to."
    )


class NotFound(Rejected):
    default_message = gettext_noop("Not found in Lofty.")


class NotLofty(Rejected):
    """A refusal that is not Lofty's: a web page, or a 404 that is not Lofty's JSON.

    The system that answered may have forwarded the request first, so its effect is unknown.
    """

    sent = None
    default_message = gettext_noop(
        "The response did not come from Lofty, but from a proxy or a wrong address."
    )
    default_advice = gettext_noop(
        "Ask the people who run this console to check Lofty's address in its "
        "configuration, and any proxy in between."
    )

    @property
    def effect(self) -> str:
        return super(Rejected, self).effect


class GrantRefused(Rejected):
    default_message = gettext_noop(
        "Lofty does not accept this authorization: it was already used, has expired, or "
        "was revoked."
    )
    default_advice = gettext_noop("Connect this tenant with Lofty again.")


class AppRefused(Rejected):
    default_message = gettext_noop("Lofty rejected the OAuth app of this console.")
    default_advice = gettext_noop(
        "Tell the people who run this console: its client ID or client secret in Lofty, "
        "or Lofty's address, may have changed."
    )


class RateLimited(_Timed, Rejected):
    """Lofty returned 429. until is UTC, at most an hour ahead."""

    def __init__(
        self,
        message: str = "",
        *,
        until: datetime,
        advice: str = "",
        exchange: "Exchange | None" = None,
    ) -> None:
        self.until = until
        super().__init__(
            message or gettext_noop("This token has used up its API calls for now."),
            advice=advice or f"Try again after {self.clock_time(until)}.",
            exchange=exchange,
        )


class Unknown(LoftyError):
    """Bytes left this machine and no trustworthy answer came back."""

    default_message = gettext_noop("Lofty's response didn't arrive or can't be trusted.")
    default_advice = gettext_noop("Read from Lofty again before sending anything else.")


class UnexpectedRedirect(Unknown):
    default_message = gettext_noop(
        "Lofty redirected the request to another address. The console did not follow."
    )
    default_advice = gettext_noop(
        "Tell the people who run this console: Lofty's address may have changed, or the "
        "connection may be intercepted. Read from Lofty again before sending anything "
        "else."
    )


class MalformedSettings(Unknown):
    default_message = gettext_noop("Lofty's response doesn't contain valid Sales Agent settings.")
    default_advice = gettext_noop(
        "Try again later. Nothing can be saved until the settings can be read."
    )


# Documented or observed codes that give the reason more precisely than the status does.
BY_CODE: Mapping[str, type[Rejected]] = {
    "200058": WrongScheme,
    "200100": ScopeMissing,
    "BAD_CREDENTIALS": Unauthorised,
    "VENDOR_HAS_NO_PERMISSION": Forbidden,
    "PERMISSION_DENIED": Forbidden,
}
BY_STATUS: Mapping[int, type[Rejected]] = {
    400: Rejected,
    401: Unauthorised,
    403: Forbidden,
    404: NotFound,
    409: Rejected,
    415: Rejected,
    422: Rejected,
}
SERVER_FAILED = frozenset({"20005"})  # Lofty's own "server error", whatever the status


def error_for(answer: "Answer") -> LoftyError | None:
    """Return the error for a complete answer; None for a 200 with JSON that is no error body."""
    exchange, status = answer.exchange, answer.exchange.status or 0
    if status == 429:
        return RateLimited(until=answer.retry_at, exchange=exchange)
    if 300 <= status < 400:
        return UnexpectedRedirect(exchange=exchange)
    if exchange.code in SERVER_FAILED:
        return Unknown(_status_message(500), exchange=exchange)
    refusal = refusal_of(exchange)
    if refusal is None and status == 200 and answer.is_error_body:
        refusal = BY_CODE.get(exchange.code or "", Rejected)
    if refusal is not None:
        return refusal(exchange=exchange)
    if status != 200:
        return Unknown(_status_message(status), exchange=exchange)
    if answer.fault is not None:
        return Unknown(f"Lofty's response can't be read: {answer.fault}.", exchange=exchange)
    return None


def refusal_of(exchange: "Exchange") -> type[Rejected] | None:
    """Return the error for a refusing status, by code if that is more precise, else None."""
    status = exchange.status or 0
    if status not in BY_STATUS:
        return None
    if not exchange.is_loftys:
        return NotLofty
    if by_code := BY_CODE.get(exchange.code or ""):
        return by_code
    if status == 404 and exchange.path == SETTINGS_PATH:
        return NoSalesAgent
    return BY_STATUS[status]


def _status_message(status: int) -> str:
    if status >= 500:
        return f"Lofty failed while handling the request (status {status})."
    return f"Lofty returned an unrecognized response (status {status})."
