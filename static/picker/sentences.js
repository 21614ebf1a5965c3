// What the picker says, with its numbers.
import { gettext, interpolate, ngettext, number } from "../words.js";

export function counted(text, count, values = {}) {
  return interpolate(text, { count: number(count), ...values });
}

function entries(count) {
  return counted(ngettext("%(count)s entry", "%(count)s entries", count), count);
}

export function agents(count) {
  return counted(ngettext("%(count)s agent", "%(count)s agents", count), count);
}

export function offices(count) {
  return counted(ngettext("%(count)s office", "%(count)s offices", count), count);
}

function thereAlready(count) {
  return counted(ngettext("%(count)s was already selected", "%(count)s were already selected", count), count);
}

export function addAnyway(id) {
  return interpolate(gettext("Add unknown ID %(id)s"), { id });
}

export function picked(count, gone) {
  const all = counted(ngettext("%(count)s selected", "%(count)s selected", count), count);
  if (!gone) return all;
  const left = ngettext("%(count)s of them no longer in Lofty", "%(count)s of them no longer in Lofty", gone);
  return `${all}, ${counted(left, gone)}`;
}

export function found({ items, more, why }) {
  if (why) return why;
  if (!items.length) return gettext("No results");
  const text = more ? gettext("More than %(entries)s found") : gettext("%(entries)s found");
  return interpolate(text, { entries: entries(items.length) });
}

export function removed(count) {
  return counted(ngettext("%(count)s entry removed.", "%(count)s entries removed.", count), count);
}

export function undone(count) {
  return counted(ngettext("Undone: %(count)s entry is selected again.", "Undone: %(count)s entries are selected again.", count), count);
}

export function unknownAdded(count) {
  return counted(ngettext("%(count)s unknown ID added.", "%(count)s unknown IDs added.", count), count);
}

export function entryAdded({ name, below }) {
  const added = interpolate(gettext("%(name)s added."), { name });
  if (!below) return added;
  return `${added} ${counted(ngettext("The %(count)s office below it is not included.", "The %(count)s offices below it are not included.", below), below)}`;
}

export function officeAdded(office, fresh, there, unknown) {
  const already = there ? ` (${thereAlready(there)})` : "";
  const later = ngettext(
    "%(agents)s of %(office)s added%(already)s. Agents who join the office later are not included.",
    "%(agents)s of %(office)s added%(already)s. Agents who join the office later are not included.",
    fresh,
  );
  const added = interpolate(later, { agents: agents(fresh), office, already });
  if (!unknown) return added;
  const note = ngettext(
    "Not included: %(count)s agent whose office is unknown until names are synced again.",
    "Not included: %(count)s agents whose office is unknown until names are synced again.",
    unknown,
  );
  return `${added} ${counted(note, unknown)}`;
}

export function belowAdded(name, fresh) {
  const added = ngettext(
    "%(offices)s below %(name)s added. Offices opened there later are not included.",
    "%(offices)s below %(name)s added. Offices opened there later are not included.",
    fresh,
  );
  return interpolate(added, { offices: offices(fresh), name });
}

export function officeUnknown(count) {
  const note = ngettext(
    "The office of %(count)s agent is unknown until names are synced again, so this agent can't be selected by office.",
    "The office of %(count)s agents is unknown until names are synced again, so these agents can't be selected by office.",
    count,
  );
  return counted(note, count);
}

// The outcome of a pasted list: how many were added, were there, and so on.
export function listAdded({ fresh, there, repeated, unsure, ambiguous, missing }) {
  const parts = [counted(ngettext("%(count)s entry added", "%(count)s entries added", fresh), fresh)];
  if (there) parts.push(thereAlready(there));
  if (repeated) parts.push(counted(ngettext("%(count)s was in the list more than once", "%(count)s were in the list more than once", repeated), repeated));
  if (unsure) parts.push(counted(ngettext("%(count)s unknown ID", "%(count)s unknown IDs", unsure), unsure));
  if (ambiguous) parts.push(counted(ngettext("%(count)s e-mail shared by several agents", "%(count)s e-mails shared by several agents", ambiguous), ambiguous));
  if (missing) parts.push(counted(ngettext("%(count)s not found", "%(count)s not found", missing), missing));
  return parts.join(" · ");
}
