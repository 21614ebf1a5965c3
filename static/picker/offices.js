// Whole offices. Lofty stores ids only, so an office is added as the ids it has at that moment.
import { gettext, interpolate, ngettext } from "../words.js";
import { make, secondary } from "./dom.js";
import { belowAdded, counted, officeAdded, offices } from "./sentences.js";

const DEEPEST = 4; // that is indented further

export async function addAgentsOf(picker, { id, name }) {
  const { items, office_unknown: unknown } = await picker.directory.ofOffice(id);
  picker.add(items, (fresh, there) => officeAdded(name, fresh, there, unknown));
}

export async function addOfficesBelow(picker, { id, name }) {
  const { items } = await picker.directory.ofOffice(id);
  picker.add(items, (fresh) => belowAdded(name, fresh));
  picker.search.focus();
}

// "All 12 in Downtown": picking this line picks its agents.
export function wholeOffice(line, { name, agents }) {
  const all = ngettext("The one agent in %(office)s", "All %(count)s in %(office)s", agents);
  line.append(make("strong", {}, counted(all, agents, { office: name })));
  line.append(secondary(gettext("offices below it not included"), "ms-2"));
  return line;
}

export function indent(line, depth) {
  if (depth) line.classList.add(`tree-${Math.min(depth, DEEPEST)}`);
}

export function belowNote(count) {
  return secondary(interpolate(gettext("%(offices)s below it, not included"), { offices: offices(count) }), "ms-2");
}
