"""The single table of settings: form, help, review, history, and warnings all read it.

Each row is a property of PUT /v2.0/sales-agent/settings, according to Lofty's documentation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from enum import Enum
from functools import cache

from django.utils.dateformat import time_format
from django.utils.functional import Promise, lazy
from django.utils.translation import get_language, gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from lofty_admin.agentsettings.lazy_labels import Labels, Text
from lofty_admin.directory.models import EntryKind
from lofty_admin.lofty.schema import ACCESS_LISTS, LEAD_TYPES, LISTS


class Section(Enum):
    """The parts of the page, in their order."""

    IDENTITY = gettext_noop("Identity")
    PHONE = gettext_noop("Phone")
    CHANNELS = gettext_noop("Channels")
    HOURS = gettext_noop("Hours")
    LEADS = gettext_noop("Leads it handles")
    ACCESS = gettext_noop("Who has access")
    FOLLOW_UP = gettext_noop("Follow-up")

    @property
    def label(self) -> str:
        return gettext(self.value)


class Kind(Enum):
    """How a setting is edited."""

    TEXT = "text"
    LONG_TEXT = "long text"
    PHONE = "phone"
    COUNTRY = "country"
    CHOICE = "choice"
    SWITCH = "switch"
    HOUR = "hour"
    CHECKLIST = "checklist"
    PICKER = "picker"


DAYS: Mapping[int, str | Promise] = {
    0: _("Sunday"),
    1: _("Monday"),
    2: _("Tuesday"),
    3: _("Wednesday"),
    4: _("Thursday"),
    5: _("Friday"),
    6: _("Saturday"),
}


def hour_text(hour: int) -> str:
    """Return 8 as "8 AM", 0 as "12 AM (midnight)", 12 as "12 PM (noon)"; localized."""
    text = hour_in_short(hour)
    if hour == 0:
        return gettext("%(hour)s (midnight)") % {"hour": text}
    return gettext("%(hour)s (noon)") % {"hour": text} if hour == 12 else text


def hour_in_short(hour: int) -> str:
    """Return 8 as "8 AM", 0 as "12 AM"."""
    return _hour(hour, get_language())


@cache
def _hour(hour: int, language: str | None) -> str:
    # Translators: an hour of the day, in the letters of Django's date filter
    return time_format(time(hour), gettext("g A"))


HOURS: Mapping[int, str | Promise] = {hour: lazy(hour_text, str)(hour) for hour in range(24)}

OWN_AGENT = _("This is different for every tenant.")
OWN_NUMBER = _("A phone number belongs to one tenant.")


@dataclass(frozen=True)
class Setting:
    """One property: its name at Lofty, where and how it is edited, and how it reads.

    `on` and `off` are whole sentences without a subject ("may text leads"). `choices` maps what
    Lofty stores to labels. `all_label` and `none_label` belong to lists. `own`: why it is specific
    to each customer and is not copied from another; "" if it may be.
    """

    name: str
    section: Section
    kind: Kind
    label: Text = Text()
    help: Text = Text()
    on: Text = Text()
    off: Text = Text()
    choices: Labels = Labels()
    entries: EntryKind | None = None
    all_label: Text = Text()
    none_label: Text = Text()
    own: Text = Text()

    @property
    def is_list(self) -> bool:
        return self.name in LISTS

    @property
    def is_access_list(self) -> bool:
        return self.name in ACCESS_LISTS


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "assistantName",
        Section.IDENTITY,
        Kind.TEXT,
        _("Assistant's name"),
        help=_("The name the assistant uses with leads."),
        own=OWN_AGENT,
    ),
    Setting(
        "agentExperience",
        Section.IDENTITY,
        Kind.LONG_TEXT,
        _("Agent's experience"),
        help=_("What the assistant may say about the agent's experience."),
        own=OWN_AGENT,
    ),
    Setting(
        "rentalBusiness",
        Section.IDENTITY,
        Kind.SWITCH,
        _("Rental business"),
        help=_("Whether the agent handles rentals."),
        on=_("handles rentals"),
        off=_("does not handle rentals"),
    ),
    Setting(
        "virtualNumber",
        Section.PHONE,
        Kind.PHONE,
        _("Texting number"),
        help=_("The number that texts leads, with the country code: +1 415 555 0100."),
        own=OWN_NUMBER,
    ),
    Setting(
        "virtualNumberCountry",
        Section.PHONE,
        Kind.COUNTRY,
        _("Texting number country"),
        help=_("The country that the texting number belongs to."),
        own=OWN_NUMBER,
    ),
    Setting(
        "fixedNumber",
        Section.PHONE,
        Kind.PHONE,
        _("Fixed phone number"),
        help=_("A landline or other fixed number, with the country code."),
        own=OWN_NUMBER,
    ),
    Setting(
        "callTransferType",
        Section.PHONE,
        Kind.CHOICE,
        _("Incoming calls"),
        help=_("What happens when a lead calls the number."),
        choices={
            "Disabled": _("Not transferred"),
            "ToAssignedAgent": _("Transferred to the assigned agent"),
        },
    ),
    Setting(
        "websiteChannel",
        Section.CHANNELS,
        Kind.SWITCH,
        _("Website chat"),
        help=_("Whether the assistant may chat with website visitors."),
        on=_("may chat on the website"),
        off=_("may not chat on the website"),
    ),
    Setting(
        "textChannel",
        Section.CHANNELS,
        Kind.SWITCH,
        _("Text messages"),
        help=_("Whether the assistant may text leads."),
        on=_("may text leads"),
        off=_("may not text leads"),
    ),
    Setting(
        "emailChannel",
        Section.CHANNELS,
        Kind.SWITCH,
        _("E-mail"),
        help=_("Whether the assistant may e-mail leads."),
        on=_("may e-mail leads"),
        off=_("may not e-mail leads"),
    ),
    Setting(
        "startActiveHour",
        Section.HOURS,
        Kind.HOUR,
        _("Active from"),
        help=_("The hour at which the assistant becomes active."),
        choices=HOURS,
    ),
    Setting(
        "endActiveHour",
        Section.HOURS,
        Kind.HOUR,
        _("Active until"),
        help=_("If this is before the start, active hours end the next morning."),
        choices=HOURS,
    ),
    Setting(
        "activeDays",
        Section.HOURS,
        Kind.CHECKLIST,
        _("Active days"),
        help=_("The days of the week on which the assistant is active."),
        choices=DAYS,
        all_label=_("Every day"),
    ),
    Setting(
        "leadTypes",
        Section.LEADS,
        Kind.CHECKLIST,
        _("Lead types"),
        help=_("The types of leads that the assistant handles."),
        choices={number: _(name) for number, name in LEAD_TYPES.items()},
        all_label=_("All lead types"),
    ),
    Setting(
        "leadSources",
        Section.LEADS,
        Kind.PICKER,
        _("Lead sources"),
        help=_("Lofty doesn't provide source names. Add them on the Names page."),
        entries=EntryKind.SOURCE,
        all_label=_("All sources"),
    ),
    Setting(
        "leadPipelines",
        Section.LEADS,
        Kind.PICKER,
        _("Pipelines"),
        help=_("The pipelines whose leads the assistant handles."),
        entries=EntryKind.PIPELINE,
        all_label=_("All pipelines"),
    ),
    Setting(
        "agentIds",
        Section.ACCESS,
        Kind.PICKER,
        _("Agents"),
        help=_("The agents who have access to this Sales Agent."),
        entries=EntryKind.AGENT,
        all_label=_("Everyone"),
        none_label=_("No one"),
    ),
    Setting(
        "officeIds",
        Section.ACCESS,
        Kind.PICKER,
        _("Offices"),
        help=_("The offices that have access to this Sales Agent."),
        entries=EntryKind.OFFICE,
        all_label=_("All offices"),
        none_label=_("No office"),
    ),
    Setting(
        "leadPondIds",
        Section.ACCESS,
        Kind.PICKER,
        _("Lead ponds"),
        help=_("The lead ponds to which this Sales Agent has access."),
        entries=EntryKind.POND,
        all_label=_("All ponds"),
        none_label=_("No pond"),
    ),
    Setting(
        "newLeadEnable",
        Section.FOLLOW_UP,
        Kind.SWITCH,
        _("New leads"),
        help=_("Whether new leads are followed up."),
        on=_("follows up new leads"),
        off=_("does not follow up new leads"),
    ),
    Setting(
        "visitorsEnable",
        Section.FOLLOW_UP,
        Kind.SWITCH,
        _("Website visitors"),
        help=_("Whether website visitors are followed up."),
        on=_("follows up website visitors"),
        off=_("does not follow up website visitors"),
    ),
    Setting(
        "followUpRole",
        Section.FOLLOW_UP,
        Kind.CHOICE,
        _("Who follows up"),
        help=_("Who follows up with leads and visitors."),
        choices={"AI": _("The AI assistant"), "Agent": _("The agent")},
    ),
)
BY_NAME: Mapping[str, Setting] = {setting.name: setting for setting in SETTINGS}
