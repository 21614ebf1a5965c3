"""Things to try in the demo: what to do in the console, what to make Lofty do, what to expect.

docs/tour.md explains them at length. The customers are the ones `--seed` adds; the paths are the
console's, which the demo starts next to the practice Lofty.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

HARBOUR = "harbour-and-vine"
REFUSAL = {"code": "INVALID_PARAMETER", "message": "assistantName is not allowed here."}


@dataclass(frozen=True)
class Try:
    """`path` leads into the console, `link` says what is there.

    fault: what the button makes Lofty do once, at the next PUT of the customer, as the control API
    takes it; settings: what the button changes behind the console's back. outcome: what the save
    ends in, in the console's words, "" if it is not about a save.
    """

    title: str
    words: str
    path: str
    link: str
    expect: str
    button: str = ""
    fault: Mapping[str, object] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)
    slug: str = HARBOUR
    outcome: str = ""


def _settings_of(slug: str) -> str:
    return f"/t/{slug}/settings/"


def _at_the_next_save(kind: str, **parameters: object) -> Mapping[str, object]:
    return {"kind": kind, "on": "PUT", "times": 1, **parameters}


TRIES = (
    Try(
        "Change something",
        "Change the assistant's name, review the change, and apply it.",
        _settings_of(HARBOUR),
        "Settings of Harbour & Vine Homes",
        "The review shows what would change before anything is sent. Then: Verified, read back"
        " from Lofty.",
        outcome="verified",
    ),
    Try(
        "Lofty accepts the change but does not apply it",
        "Press the button, then change the assistant's name and apply.",
        _settings_of(HARBOUR),
        "Settings of Harbour & Vine Homes",
        "Unknown at first: Lofty accepted the change but still returns the old name, which may"
        " only be late. About a minute later the console checks again, and only then reports it as"
        " Not applied.",
        "Ignore the next save",
        _at_the_next_save("ignore"),
        outcome="unknown",
    ),
    Try(
        "Lofty rejects the change",
        "Press the button, then change the assistant's name and apply.",
        _settings_of(HARBOUR),
        "Settings of Harbour & Vine Homes",
        "Rejected, with Lofty's message.",
        "Reject the next save",
        _at_the_next_save("status", code=400, body=REFUSAL),
        outcome="rejected",
    ),
    Try(
        "The response is lost",
        "Press the button, then change the assistant's name and apply.",
        _settings_of(HARBOUR),
        "Settings of Harbour & Vine Homes",
        "Unknown: the change may or may not have been made. Nothing is sent again. Press "
        "Check now, or wait a minute: the console reads Lofty and finds the new name. "
        "Verified.",
        "Lose the next response",
        _at_the_next_save("drop_after"),
        outcome="unknown",
    ),
    Try(
        "The request is lost",
        "Press the button, then change the assistant's name and apply.",
        _settings_of(HARBOUR),
        "Settings of Harbour & Vine Homes",
        "Unknown again. Check now finds the old name, but the change may still arrive: "
        "only a second check, at least 20 seconds later, makes it Not applied.",
        "Lose the next save",
        _at_the_next_save("drop_before"),
        outcome="unknown",
    ),
    Try(
        "Another user is faster",
        "Open settings, change Agent's experience, and review. Then press the button,"
        " which changes the assistant's name in Lofty itself, and apply.",
        _settings_of(HARBOUR),
        "Settings of Harbour & Vine Homes",
        "Not sent: you see their change next to yours, and then a review with both.",
        "Change the name in Lofty",
        settings={"assistantName": "Named by a colleague"},
        outcome="not_sent",
    ),
    Try(
        "Resolve an Unknown change",
        "A change of Nordlicht has been Unknown since this morning: Lofty has other "
        "settings by now, so a user must decide. Open it from the yellow bar and close "
        "it.",
        _settings_of("nordlicht-allianz"),
        "Settings of Nordlicht",
        "It is Not applied, and Nordlicht can be changed again.",
        slug="nordlicht-allianz",
    ),
    Try(
        "Restore earlier settings",
        "Open a change of last week and press Restore the state before this.",
        f"/t/{HARBOUR}/history/",
        "History of Harbour & Vine Homes",
        "The usual review opens, compared with the settings now in Lofty, and names later changes"
        " by others.",
    ),
    Try(
        "Find something in the history",
        "Search for a ticket: 4230. Then clear it and filter by the outcome Not sent.",
        "/audit/",
        "History of all tenants",
        "Every filter is part of the address. You can save it under a name, and export "
        "its results.",
    ),
    Try(
        "Connect instead of pasting a token",
        "As manager@demo.example: Marisol's API key ends in 12 days. On the Connection page, press"
        " Connect with Lofty, go there, sign in as nunez-realty, approve, and confirm whose account"
        " it is.",
        "/t/nunez-realty/connection/",
        "Connection of Marisol Núñez Realty",
        "The console now renews its access by itself: in the demo every few minutes, so "
        "that you can watch.",
        slug="nunez-realty",
    ),
    Try(
        "Use another role",
        "Sign out, and in again as viewer@demo.example: everything can be read and nothing changed."
        " outsider@demo.example sees no tenant at all, not even that one exists.",
        _settings_of(HARBOUR),
        "Settings of Harbour & Vine Homes",
        "As Otto Outsider: Page not found. The history of Harbour & Vine shows the attempt.",
    ),
)
