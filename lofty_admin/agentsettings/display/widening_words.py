"""Describe what reaches further than before, in one plain sentence each."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from lofty_admin.agentsettings.changes import Change, reaches_all
from lofty_admin.agentsettings.display.naming import NameTable, member_words, words
from lofty_admin.agentsettings.hours import NAMES as OF_HOURS
from lofty_admin.agentsettings.hours import more_hours_in_words
from lofty_admin.agentsettings.widening import Widening
from lofty_admin.core.visible import isolated

MOST_NAMED = 10
SWITCHED_ON = {
    "websiteChannel": gettext_lazy("Website chat will be switched on"),
    "textChannel": gettext_lazy("Text messages will be switched on"),
    "emailChannel": gettext_lazy("E-mail will be switched on"),
    "newLeadEnable": gettext_lazy("Follow-up of new leads will be switched on"),
    "visitorsEnable": gettext_lazy("Follow-up of website visitors will be switched on"),
}
OPENED = {
    ("callTransferType", "ToAssignedAgent"): gettext_lazy(
        "Incoming calls will be transferred to the assigned agent"
    ),
    ("followUpRole", "AI"): gettext_lazy("The AI assistant will follow up"),
}
ADDED = {
    "leadTypes": ngettext_lazy(
        "%(count)s lead type added: %(names)s", "%(count)s lead types added: %(names)s", "count"
    ),
    "leadSources": ngettext_lazy(
        "%(count)s lead source added: %(names)s", "%(count)s lead sources added: %(names)s", "count"
    ),
    "leadPipelines": ngettext_lazy(
        "%(count)s pipeline added: %(names)s", "%(count)s pipelines added: %(names)s", "count"
    ),
    "agentIds": ngettext_lazy(
        "%(count)s agent added: %(names)s", "%(count)s agents added: %(names)s", "count"
    ),
    "officeIds": ngettext_lazy(
        "%(count)s office added: %(names)s", "%(count)s offices added: %(names)s", "count"
    ),
    "leadPondIds": ngettext_lazy(
        "%(count)s lead pond added: %(names)s", "%(count)s lead ponds added: %(names)s", "count"
    ),
}


def widening_in_words(widening: Widening, table: NameTable) -> str:
    """Return what a user confirms: "2 agents added: Anna K., Ben L."."""
    change = widening.changes[0]
    if change.name in OF_HOURS:
        return more_hours_in_words(widening.before, widening.after)
    if change.name in SWITCHED_ON:
        return str(SWITCHED_ON[change.name])
    opened = OPENED.get((change.name, str(change.after)))
    if opened is not None:
        return str(opened)
    is_list = change.setting.is_list and isinstance(change.before, list)
    is_added = is_list and not reaches_all(change.name, change.after)
    return _added(change, table) if is_added else _instead(change, table)


def _added(change: Change, table: NameTable) -> str:
    added = change.added
    names = ", ".join(map(isolated, member_words(change.setting, added[:MOST_NAMED], table)))
    more = len(added) - MOST_NAMED
    if more > 0:
        message = ngettext("%(names)s and %(count)s more", "%(names)s and %(count)s more", more)
        names = message % {"names": names, "count": more}
    return ADDED[change.name] % {"count": len(added), "names": names}


def _instead(change: Change, table: NameTable) -> str:
    """Describe a list that becomes all of them, or a value of unknown meaning."""
    setting = change.setting
    before, after = (words(setting, value, table) for value in (change.before, change.after))
    if isinstance(change.before, list) and len(change.before) > MOST_NAMED:
        message = ngettext("%(count)s of them", "%(count)s of them", len(change.before))
        before = message % {"count": len(change.before)}
    return _("%(label)s: %(after)s instead of %(before)s") % {
        "label": setting.label,
        "after": after,
        "before": before,
    }
