"""Preview the week of the hours and days in the form, before anything is sent.

Stored and edited values share one rule and one wording: the page requests this again whenever hours
or days change. Lofty is not called.
"""

import json
from collections.abc import Mapping

from django.http import QueryDict

from lofty_admin.agentsettings.hours import NAMES, Week, week, week_without_days
from lofty_admin.agentsettings.widgets import Scope
from lofty_admin.lofty.json_strict import JSON, loads

STORED = "stored"
MOST_DIGITS = 4  # of a number that can be a day or an hour


def week_of_form(sent: QueryDict, stored: Mapping[str, JSON], zone: str = "") -> Week:
    """Return the week of the section Hours as a browser sends it. Raises nothing.

    `stored`: what Lofty has, which a control set to "as it is" keeps. Invalid values are shown as
    unclear.
    """
    hours = {name: _hour(sent, stored, name) for name in ("startActiveHour", "endActiveHour")}
    scope = sent.get("activeDays-scope")
    if scope != Scope.ONLY:
        days = [] if scope == Scope.ALL else stored.get("activeDays")
        return week({**hours, "activeDays": days}, zone)
    picked: list[JSON] = [int(i) for i in sent.getlist("activeDays-ids") if _is_number(i)]
    return week({**hours, "activeDays": picked}, zone) if picked else week_without_days(hours, zone)


def sent_along(stored: Mapping[str, JSON]) -> str:
    """Return what the page sends along with the section, for `hx-vals`: its values at Lofty."""
    of_hours = {name: stored.get(name) for name in sorted(NAMES)}
    return json.dumps({STORED: json.dumps(of_hours)})


def stored_in(sent: QueryDict) -> Mapping[str, JSON]:
    """Return what `sent_along` sent; empty for anything else."""
    try:
        found = loads(sent.get(STORED, "").encode())
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _hour(sent: QueryDict, stored: Mapping[str, JSON], name: str) -> JSON:
    text = sent.get(name, "")
    return int(text) if _is_number(text) else stored.get(name)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS
