"""The one table of the settings: form, help, review, history and warnings all read it.

Each row is a property of Lofty's PUT /v2.0/sales-agent/settings; contract.md gives the meanings.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum

from lofty_admin.directory.names import EntryKind
from lofty_admin.lofty.schema import ACCESS_LISTS, LEAD_TYPES, LISTS


class Section(StrEnum):
    """The parts of the page, in their order."""

    IDENTITY = "Identity"
    PHONE = "Phone"
    CHANNELS = "Channels"
    HOURS = "Hours"
    LEADS = "Leads it works"
    ACCESS = "Who has access"
    FOLLOW_UP = "Follow-up"


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


DAYS: Mapping[int, str] = {
    0: "Sunday",
    1: "Monday",
    2: "Tuesday",
    3: "Wednesday",
    4: "Thursday",
    5: "Friday",
    6: "Saturday",
}


def hour_text(hour: int) -> str:
    """8 -> "8 AM", 0 -> "12 AM (midnight)", 12 -> "12 PM (noon)"."""
    extra = {0: " (midnight)", 12: " (noon)"}.get(hour, "")
    return f"{(hour + 11) % 12 + 1} {'AM' if hour < 12 else 'PM'}{extra}"


HOURS: Mapping[int, str] = {hour: hour_text(hour) for hour in range(24)}

OWN_AGENT = "Who the assistant is and speaks for is different for every customer."
OWN_NUMBER = "A phone number belongs to one customer."


@dataclass(frozen=True)
class Setting:
    """One property: its name at Lofty, where and how it is edited, and how it reads.

    `on` and `off` are whole sentences without a subject ("may text leads"). `choices` maps what
    Lofty stores to what people read. `all_label`, `only_label` and `none_label` belong to lists.
    `own`: why it is each customer's own and is not copied from another; "" if it may be.
    """

    name: str
    section: Section
    kind: Kind
    label: str
    help: str = ""
    on: str = ""
    off: str = ""
    choices: Mapping[str, str] | Mapping[int, str] | None = None
    entries: EntryKind | None = None
    all_label: str = ""
    only_label: str = "Only these"
    none_label: str = ""
    own: str = ""

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
        "Assistant's name",
        help="The name it uses when it talks to leads.",
        own=OWN_AGENT,
    ),
    Setting(
        "agentExperience",
        Section.IDENTITY,
        Kind.LONG_TEXT,
        "Agent's experience",
        help="What the assistant may say about the agent's experience.",
        own=OWN_AGENT,
    ),
    Setting(
        "rentalBusiness",
        Section.IDENTITY,
        Kind.SWITCH,
        "Rental business",
        help="Whether the agent handles rentals.",
        on="handles rentals",
        off="does not handle rentals",
    ),
    Setting(
        "virtualNumber",
        Section.PHONE,
        Kind.PHONE,
        "Number it texts from",
        help="With the country code, for example +1 415 555 0100.",
        own=OWN_NUMBER,
    ),
    Setting(
        "virtualNumberCountry",
        Section.PHONE,
        Kind.COUNTRY,
        "Country of that number",
        own=OWN_NUMBER,
    ),
    Setting(
        "fixedNumber",
        Section.PHONE,
        Kind.PHONE,
        "Fixed phone number",
        own=OWN_NUMBER,
    ),
    Setting(
        "callTransferType",
        Section.PHONE,
        Kind.CHOICE,
        "Calls from leads",
        help="What happens when a lead calls the number.",
        choices={
            "Disabled": "Are not passed on",
            "ToAssignedAgent": "Go to the assigned agent",
        },
    ),
    Setting(
        "websiteChannel",
        Section.CHANNELS,
        Kind.SWITCH,
        "Website chat",
        on="may chat on the website",
        off="may not chat on the website",
    ),
    Setting(
        "textChannel",
        Section.CHANNELS,
        Kind.SWITCH,
        "Text messages",
        on="may text leads",
        off="may not text leads",
    ),
    Setting(
        "emailChannel",
        Section.CHANNELS,
        Kind.SWITCH,
        "E-mail",
        on="may e-mail leads",
        off="may not e-mail leads",
    ),
    Setting(
        "startActiveHour",
        Section.HOURS,
        Kind.HOUR,
        "Active from",
        choices=HOURS,
    ),
    Setting(
        "endActiveHour",
        Section.HOURS,
        Kind.HOUR,
        "Active until",
        choices=HOURS,
    ),
    Setting(
        "activeDays",
        Section.HOURS,
        Kind.CHECKLIST,
        "Active days",
        choices=DAYS,
        all_label="Every day",
    ),
    Setting(
        "leadTypes",
        Section.LEADS,
        Kind.CHECKLIST,
        "Lead types",
        choices=LEAD_TYPES,
        all_label="All lead types",
    ),
    Setting(
        "leadSources",
        Section.LEADS,
        Kind.PICKER,
        "Lead sources",
        help="Lofty does not tell the names of sources; give them on the Names page.",
        entries=EntryKind.SOURCE,
        all_label="All sources",
    ),
    Setting(
        "leadPipelines",
        Section.LEADS,
        Kind.PICKER,
        "Pipelines",
        entries=EntryKind.PIPELINE,
        all_label="All pipelines",
    ),
    Setting(
        "agentIds",
        Section.ACCESS,
        Kind.PICKER,
        "Agents",
        entries=EntryKind.AGENT,
        all_label="Everyone",
        none_label="Nobody",
    ),
    Setting(
        "officeIds",
        Section.ACCESS,
        Kind.PICKER,
        "Offices",
        entries=EntryKind.OFFICE,
        all_label="All offices",
        none_label="No office",
    ),
    Setting(
        "leadPondIds",
        Section.ACCESS,
        Kind.PICKER,
        "Lead ponds",
        entries=EntryKind.POND,
        all_label="All ponds",
        none_label="No pond",
    ),
    Setting(
        "newLeadEnable",
        Section.FOLLOW_UP,
        Kind.SWITCH,
        "New leads",
        on="follows up new leads",
        off="does not follow up new leads",
    ),
    Setting(
        "visitorsEnable",
        Section.FOLLOW_UP,
        Kind.SWITCH,
        "Website visitors",
        on="follows up website visitors",
        off="does not follow up website visitors",
    ),
    Setting(
        "followUpRole",
        Section.FOLLOW_UP,
        Kind.CHOICE,
        "Who follows up",
        choices={"AI": "The AI assistant", "Agent": "The agent"},
    ),
)
BY_NAME: Mapping[str, Setting] = {setting.name: setting for setting in SETTINGS}
