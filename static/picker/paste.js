// A pasted list: the console reads it, what it knows is added, the rest stays in view.
import { announce } from "../announcer.js";
import { gettext, interpolate } from "../words.js";
import { reason } from "./directory.js";
import { make, makeButton } from "./dom.js";
import { addAnyway, agents, counted, listAdded } from "./sentences.js";

const MOST_IDS_SHOWN = 500;
const MOST_BUTTONS = 5;

// Only ids, e-mails and lines make a list. Which texts with one of these are lists, the console decides.
export function mayBeList(text) {
  return /[\p{Nd}@\r\n]/u.test(text);
}

export class PastedLists {
  constructor(picker) {
    this.picker = picker;
    this.forget();
    this.part("copy").addEventListener("click", () => this.copy());
    this.part("close").addEventListener("click", () => {
      this.forget();
      this.show();
      picker.search.focus();
    });
  }

  part(name) {
    return this.picker.part(name);
  }

  forget() {
    Object.assign(this, { problem: "", unknown: new Set(), ambiguous: new Map(), missing: [] });
  }

  // Adds a list; a text to search for goes into the box, as pasting does.
  async read(text, box) {
    this.picker.say(gettext("Looking up the list …"));
    let list;
    try {
      list = await this.picker.directory.readList(text);
    } catch (error) {
      this.fail(text, reason(error));
      return;
    }
    if (list.is_list) this.add(list);
    else this.searchFor(text, box);
  }

  searchFor(text, box) {
    this.picker.unsay();
    box.setRangeText(text, box.selectionStart, box.selectionEnd, "end");
    box.dispatchEvent(new Event("input", { bubbles: true }));
  }

  fail(text, problem) {
    this.problem = problem;
    this.missing.push(text.trim());
    this.show();
    this.picker.say(problem);
  }

  add({ found, repeated, unknown, ambiguous, not_found: missing }) {
    const { selection } = this.picker;
    const unsure = unknown.filter((id) => !selection.has(id));
    for (const id of unsure) this.unknown.add(id);
    for (const one of ambiguous) this.ambiguous.set(one.text, one);
    this.missing = [...new Set([...this.missing, ...missing])];
    const counts = { repeated, unsure: unsure.length, ambiguous: ambiguous.length, missing: missing.length };
    const known = unknown.length - unsure.length;
    this.picker.add(found, (fresh, there) => listAdded({ fresh, there: there + known, ...counts }));
    this.show();
  }

  // --- What of the lists was not added -----------------------------------------------------------
  show() {
    const { problem, unknown, ambiguous, missing } = this;
    this.part("rest").hidden = !(problem || unknown.size || ambiguous.size || missing.length);
    this.part("problem").hidden = !problem;
    this.part("problem").textContent = problem;
    this.part("unknown").hidden = !unknown.size;
    this.part("unknown").replaceChildren(...this.offerUnknown([...unknown]));
    this.part("ambiguous").hidden = !ambiguous.size;
    this.part("ambiguous").replaceChildren(...[...ambiguous.values()].map((one) => this.offerNamesakes(one)));
    this.part("missing").hidden = this.part("copy").hidden = !missing.length;
    this.part("missing-count").textContent = problem ? gettext("Your list:") : counted(gettext("Not found (%(count)s):"), missing.length);
    this.area.value = missing.join("\n");
  }

  get area() {
    return this.part("missing").querySelector("textarea");
  }

  offerUnknown(ids) {
    const shown = ids.slice(0, MOST_IDS_SHOWN).join(", ") + (ids.length > MOST_IDS_SHOWN ? " …" : "");
    const text = make("span", { textContent: interpolate(gettext("Not in the list of names: %(ids)s"), { ids: shown }) });
    const each = ids.length <= MOST_BUTTONS ? ids.map((id) => makeButton(addAnyway(id), () => this.addUnknown([id]))) : [];
    if (ids.length < 2) return [text, ...each];
    const all = counted(gettext("Add all %(count)s unknown IDs"), ids.length);
    return [text, ...each, makeButton(all, () => this.addUnknown(ids))];
  }

  addUnknown(ids) {
    for (const id of ids) this.unknown.delete(id);
    this.picker.addUnknown(ids);
    this.show();
    this.picker.search.focus();
  }

  offerNamesakes({ text, count, items }) {
    const pick = (item) =>
      makeButton(`${item.name} (${item.id})`, () => {
        this.ambiguous.delete(text);
        this.picker.addEntry(item);
        this.show();
      });
    const asked =
      count > items.length
        ? gettext("%(text)s belongs to %(agents)s and others. Search by name to choose one.")
        : gettext("%(text)s belongs to %(agents)s. Which one?");
    return make("li", { className: "picked mb-1" }, interpolate(asked, { text, agents: agents(count) }), ...items.map(pick));
  }

  copy() {
    this.area.select();
    navigator.clipboard?.writeText(this.area.value).then(
      () => announce(gettext("Copied.")),
      () => announce(gettext("The list is selected. Copy it with the keyboard.")),
    );
  }
}
