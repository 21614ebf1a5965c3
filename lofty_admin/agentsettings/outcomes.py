"""What the answers and readings of a save mean: its outcome, in words.

An outcome states only what a read-back showed. A refusal is read back too, because a proxy can
answer after Lofty applied the change; and one old value right after Lofty accepted a change proves
nothing, because Lofty does not promise when a change becomes visible: reconcile checks again.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext_noop, override

from lofty_admin.agentsettings.changes import Difference, differences
from lofty_admin.agentsettings.fields import BY_NAME
from lofty_admin.agentsettings.models import Operation, Reply, State
from lofty_admin.core.visible import shortened, visible
from lofty_admin.lofty.errors import (
    BudgetSpent,
    LoftyError,
    NotSent,
    RateLimited,
    Rejected,
    Unauthorised,
)
from lofty_admin.lofty.exchange import Exchange
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.lofty.schema import Settings, differing, same
from lofty_admin.tenants.credentials.api_client import ConnectionUnavailable
from lofty_admin.tenants.credentials.sales_agent import known_agent, wrong_agent

MOST_SHOWN = 60  # characters of a value inside a sentence


@dataclass(frozen=True)
class Result:
    """The outcome of a save: its state, in words, with Lofty's answer and what Lofty has.

    given_up: permanently UNKNOWN, because a user closed it. is_unseen: the reading does not show
    the change (yet). needs_person: the console cannot settle it by itself.
    """

    state: State
    explanation: str
    advice: str = ""
    after: Settings | None = None
    exchange: Exchange | None = None
    reply: Reply = Reply.NONE
    given_up: bool = False
    is_unseen: bool = False
    needs_person: bool = False


def unread(error: LoftyError | ConnectionUnavailable) -> Result:
    if isinstance(error, ConnectionUnavailable):
        return Result(
            State.NOT_SENT, str(error), gettext_noop("Add a working token, then try again.")
        )
    if isinstance(error, BudgetSpent):
        return Result(State.NOT_SENT, f"{error.message} A save needs three.", error.advice)
    return Result(
        State.NOT_SENT,
        f"The settings could not be read from Lofty before sending. {error.message}",
        error.advice,
        exchange=error.exchange,
    )


def refusal(operation: Operation, live: Settings) -> Result | None:
    base = Settings.parse(operation.base)
    if live.id != base.id:
        return Result(
            State.NOT_SENT,
            f"The token now opens another Sales Agent ({live.id}) than the one on the page"
            f" ({base.id}). Nothing was sent.",
            gettext_noop("Check the tenant's connection: it may belong to another user."),
            after=live,
        )
    known = known_agent(operation.tenant, live.id)
    if known != live.id:
        return Result(
            State.NOT_SENT,
            f"{wrong_agent(known, live.id)} Nothing was sent.",
            gettext_noop("Check the tenant's connection."),
        )
    if differing(base.raw, live.raw):
        return Result(
            State.NOT_SENT,
            gettext_noop(
                "The settings were changed in Lofty since you opened them. Nothing was sent."
            ),
            gettext_noop("Compare the two changes and choose."),
            after=live,
        )
    return None


def advice_after(refused: Rejected) -> str:
    if isinstance(refused, RateLimited):
        return f"Your change is kept here. {refused.advice}"
    return refused.advice


def send_failed(error: LoftyError) -> Result:
    if isinstance(error, NotSent):
        return Result(State.NOT_SENT, error.message, error.advice, exchange=error.exchange)
    return Result(
        State.UNKNOWN,
        f"{error.message} The change may or may not have been made.",
        gettext_noop(
            "Don't send it again. Check what Lofty has; the console also checks by itself."
        ),
        exchange=error.exchange,
    )


def not_read_back(refused: Rejected | None, unread: LoftyError) -> Result:
    again = gettext_noop("Check again in a moment. The console also checks by itself.")
    if refused is None:
        message = f"Lofty accepted the change, but reading it back failed. {unread.message}"
        return Result(State.UNKNOWN, message, again, reply=Reply.ACCEPTED)
    if isinstance(refused, Unauthorised) and isinstance(unread, Unauthorised):
        # A dead token refuses everything: waiting for a reading would only block the tenant.
        message = f"{refused.message} For the same reason the settings could not be read back."
        return Result(State.REJECTED, message, refused.advice, reply=Reply.REJECTED)
    if isinstance(refused, RateLimited) and isinstance(unread, RateLimited):
        # Lofty itself is limiting, which it does before it handles a call. A 429 that a proxy made
        # up after Lofty handled the change is followed by a reading that succeeds.
        message = f"{refused.message} The change was not made."
        return Result(State.REJECTED, message, advice_after(refused), reply=Reply.REJECTED)
    message = f"Lofty rejected the change, but reading it back failed. {unread.message}"
    return Result(State.UNKNOWN, message, again, reply=Reply.REJECTED)


def verify_result(operation: Operation, after: Settings) -> Result:
    """Return what a reading shows about the change, given Lofty's reply to it.

    VERIFIED only if it is of the same Sales Agent and has every change. Otherwise REJECTED if Lofty
    refused the change, else UNKNOWN: what is not there yet may still become visible.
    """
    reply = Reply(operation.reply)
    if after.id != operation.wanted["id"]:
        return Result(
            State.UNKNOWN,
            f"Lofty returned another Sales Agent ({after.id}) than the one this "
            f"change was made for ({operation.wanted['id']}).",
            gettext_noop("A manager must check the tenant's connection."),
            reply=reply,
            needs_person=True,
        )
    also = _also_different(operation, after)
    missing = missing_in(operation, after)
    if not missing:
        return Result(State.VERIFIED, _verified(reply) + also, after=after, reply=reply)
    if reply is Reply.REJECTED:
        message = gettext_noop("Read back from Lofty: the change was not made.")
        return Result(State.REJECTED, message + also, after=after, reply=reply)
    return Result(
        State.UNKNOWN,
        "Lofty does not show the change yet in: " + labels(missing) + "." + also,
        gettext_noop("Don't send it again: the change may take a while to become visible."),
        after=after,
        reply=reply,
        is_unseen=True,
    )


def missing_in(operation: Operation, live: Settings) -> list[str]:
    """Return the changed settings that do not have the requested value."""
    intended = operation.intended.items()
    return [name for name, value in intended if not same(name, value, live.get(name))]


def _verified(reply: Reply) -> str:
    if reply is Reply.REJECTED:
        return gettext_noop(
            "Lofty answered with an error, but read back from Lofty, every change was made."
        )
    return gettext_noop("Read back from Lofty: every change was made.")


def _also_different(operation: Operation, after: Settings) -> str:
    """Describe what else the save or another user changed, with a leading " "; "" for nothing."""
    found = differences(operation.before, after.raw, without=operation.changed)
    if not found:
        return ""
    named = "; ".join(_in_english(difference) for difference in found)
    return f" Other differences since before this save: {named}."


def _in_english(difference: Difference) -> str:
    if difference.setting is not None:
        return labels([difference.name])
    name = shortened(visible(difference.name), MOST_SHOWN)
    if difference.is_gone:
        return f"{name} is gone (was {_short(difference.before)})"
    if difference.is_new:
        return f"{name} is new ({_short(difference.after)})"
    return f"{name} (was {_short(difference.before)}, now {_short(difference.after)})"


def _short(value: JSON) -> str:
    return shortened(json.dumps(value, ensure_ascii=True), MOST_SHOWN)


def labels(names: Iterable[str]) -> str:
    """Return the labels in English, because they are recorded."""
    with override(settings.LANGUAGE_CODE):
        return ", ".join(BY_NAME[name].label for name in names)
