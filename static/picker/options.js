// The options of a search: as TomSelect takes them, and as lines to choose from.
import { gettext } from "../words.js";
import { make, secondary } from "./dom.js";
import { belowNote, indent, wholeOffice } from "./offices.js";
import { addAnyway, counted, officeUnknown } from "./sentences.js";

// Offices to be picked whole, the entries in the console's order, and what is to say about them.
export function optionsOf(found, picker, isTree) {
  const { selection } = picker;
  const whole = (found.offices ?? []).map((office) => ({ ...office, id: `office:${office.id}`, office }));
  const items = found.items.map((item) => ({ ...item, isTree, disabled: selection.has(item.id) }));
  const id = found.id && !selection.has(found.id) && !found.items.some((item) => item.id === found.id) ? found.id : "";
  const unknown = id ? [{ id: `unknown:${id}`, name: addAnyway(id), unknown: id }] : [];
  return [...whole, ...items, ...unknown, ...notes(found)];
}

export function withoutNames({ id }) {
  return { id, items: [], why: gettext("Names aren't offered here because they may not match the IDs in Lofty. You can enter IDs.") };
}

function notes({ office_unknown: unknown, more, items, why }) {
  const texts = why ? [why] : [];
  if (unknown) texts.push(officeUnknown(unknown));
  if (more) texts.push(counted(gettext("Showing the first %(count)s. Type more to find others."), items.length));
  return texts.map((name, at) => ({ id: `note:${at}`, name, isNote: true, disabled: true }));
}

export function optionLine(option) {
  if (option.isNote) return make("div", { className: "picker-note text-secondary" }, option.name);
  const line = make("div", { title: option.office?.id ?? option.id });
  if (option.office) return wholeOffice(line, option);
  if (option.isTree) indent(line, option.depth);
  line.append(make("bdi", { textContent: option.name }));
  if (option.detail) line.append(secondary(option.detail, option.isTree ? "visually-hidden" : "ms-2"));
  if (option.below) line.append(belowNote(option.below));
  if (option.gone) line.append(make("span", { className: "badge bg-warning-lt ms-2", textContent: gettext("no longer in Lofty") }));
  if (option.disabled) line.append(make("span", { className: "badge bg-secondary-lt ms-2", textContent: gettext("selected") }));
  return line;
}

export function messageLine(textContent) {
  return make("div", { className: "no-results", textContent });
}
