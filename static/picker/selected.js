// The list of what is picked: a few as chips, many as rows that open and can be searched.
import { announce } from "../announcer.js";
import { gettext, interpolate, number } from "../words.js";
import { make, secondary } from "./dom.js";

const MOST_CHIPS = 100;
const ROWS = 100; // shown at a time
const PAUSE = 150; // milliseconds without typing
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

export class SelectedList {
  constructor(picker) {
    this.picker = picker;
    this.rows = ROWS;
    this.matches = null; // ids that were searched for; null without a search
    for (const list of [this.part("chips"), this.part("rows")]) this.listen(list);
    this.part("many").addEventListener("toggle", () => picker.show());
    this.part("within").addEventListener("input", () => this.searchSoon());
    this.part("within").addEventListener("keydown", (event) => {
      if (event.key === "Enter") event.preventDefault(); // it would send the form
    });
    this.part("more").addEventListener("click", () => {
      this.rows += ROWS;
      this.showRows();
    });
  }

  part(name) {
    return this.picker.part(name);
  }

  show() {
    const { selection } = this.picker;
    const areMany = selection.size > MOST_CHIPS;
    this.part("many").hidden = !areMany;
    this.part("chips").hidden = areMany || !selection.size;
    this.part(areMany ? "chips" : "rows").replaceChildren();
    if (areMany && !this.part("many").open) return;
    if (selection.nameless.length) this.picker.attempt(() => this.picker.loadNames().then(() => this.picker.show()));
    else if (areMany) this.showRows();
    else this.fill(this.part("chips"), [...selection.ids]);
  }

  showRows() {
    const { selection } = this.picker;
    const ids = this.matches?.filter((id) => selection.has(id)) ?? [...selection.ids];
    this.fill(this.part("rows"), ids.slice(0, this.rows), true);
    const shown = number(Math.min(this.rows, ids.length));
    this.part("shown").textContent = interpolate(gettext("%(shown)s of %(all)s shown"), { shown, all: number(ids.length) });
    this.part("more").hidden = ids.length <= this.rows;
  }

  searchSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.picker.attempt(() => this.search()), PAUSE);
  }

  async search() {
    const text = this.part("within").value;
    const { directory, selection } = this.picker;
    const items = text.trim() ? await directory.named([...selection.ids], text) : null;
    if (this.part("within").value !== text) return; // they typed on; another answer follows
    this.matches = items && items.map((item) => item.id);
    this.rows = ROWS;
    this.showRows();
    announce(this.part("shown").textContent);
  }

  fill(list, ids, isDetailed = false) {
    list.replaceChildren(...ids.map((id) => this.line(this.picker.selection.item(id), isDetailed)));
    list.querySelector(".item-remove")?.setAttribute("tabindex", "0");
  }

  line({ id, name, detail, gone }, isDetailed) {
    const text = make("span", { title: detail ? `${detail} · ${id}` : id }, make("bdi", { textContent: name }));
    const line = make("li", { className: "item" }, text);
    line.dataset.value = id;
    if (isDetailed && detail) text.append(secondary(detail, "ms-2"));
    if (gone) text.append(make("span", { className: "badge bg-warning-lt ms-2", textContent: gettext("no longer in Lofty") }));
    if (this.picker.isFixed) return line;
    const ariaLabel = interpolate(gettext("Remove %(name)s"), { name });
    line.append(make("button", { type: "button", className: "btn-close item-remove", tabIndex: -1, ariaLabel }));
    return line;
  }

  // One stop for Tab; arrows go from entry to entry, Delete and Backspace remove.
  listen(list) {
    const buttons = () => [...list.querySelectorAll(".item-remove")];
    const remove = async (button) => {
      const at = buttons().indexOf(button);
      await this.picker.attempt(() => this.picker.remove(button.closest("[data-value]").dataset.value));
      const left = buttons();
      (left[at] ?? left.at(-1) ?? this.picker.search.box).focus();
    };
    list.addEventListener("click", (event) => {
      if (event.target.matches(".item-remove")) remove(event.target);
    });
    list.addEventListener("keydown", (event) => {
      const all = buttons();
      const at = all.indexOf(event.target);
      if (at < 0) return;
      if (["Delete", "Backspace"].includes(event.key)) remove(event.target);
      else if (event.key in STEPS) all[at + STEPS[event.key]]?.focus();
      else if (event.key === "Home") all[0].focus();
      else if (event.key === "End") all.at(-1).focus();
      else return;
      event.preventDefault();
    });
    list.addEventListener("focusin", (event) => {
      for (const button of buttons()) button.tabIndex = button === event.target ? 0 : -1;
    });
  }
}
