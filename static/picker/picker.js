// Picking entries of the directory by name. The text field of ids stays the one that is sent; the
// parts in this folder only show and change it.
import { announce } from "../announcer.js";
import { gettext, interpolate } from "../words.js";
import { Directory, reason } from "./directory.js";
import { make } from "./dom.js";
import { addAgentsOf, addOfficesBelow } from "./offices.js";
import { PastedLists } from "./paste.js";
import { Search } from "./search.js";
import { SelectedList } from "./selected.js";
import { Selection } from "./selection.js";
import * as sentences from "./sentences.js";

export class Picker {
  constructor(place) {
    this.place = place;
    this.kind = place.dataset.picker;
    const input = this.part("ids");
    const isFocused = input === document.activeElement;
    this.isFixed = input.disabled;
    this.selection = new Selection(input, JSON.parse(place.querySelector("script").textContent));
    this.directory = new Directory(place.dataset, input.form);
    this.replaceField(input);
    this.search = new Search(this, !("foreign" in place.dataset));
    this.pasted = new PastedLists(this);
    this.list = new SelectedList(this);
    this.listen(input);
    this.show();
    if (isFocused) this.search.focus();
  }

  part(name) {
    return this.place.querySelector(`[data-${name}]`);
  }

  start() {
    if (!this.isFixed) this.search.start();
  }

  replaceField(input) {
    input.after(this.frame());
    input.type = "hidden";
    if (this.isFixed) return;
    // For the server: commas here are always between ids.
    input.after(make("input", { type: "hidden", name: input.name.replace(/-ids$/, "-separate"), value: "1" }));
  }

  // A copy of the page's one frame, with the texts of this picker.
  frame() {
    const frame = document.getElementById("picker-frame").content.cloneNode(true);
    const find = frame.querySelector("[data-find]");
    find.hidden = this.isFixed;
    if (this.kind === "agent") {
      find.placeholder = find.dataset.agentPlaceholder;
      find.ariaLabel = find.dataset.agentLabel;
    }
    const { label } = this.place.dataset;
    for (const named of frame.querySelectorAll("[aria-label]")) named.ariaLabel = interpolate(named.ariaLabel, { label });
    return frame;
  }

  listen(input) {
    // Dispatched by changes.js: back to these.
    input.addEventListener("field:restore", ({ detail }) => {
      this.selection.learn(detail.members.filter(({ id }) => !this.selection.names.has(id)));
      this.change(detail.ids, "");
    });
    this.part("remove-all").addEventListener("click", () => this.removeAll());
    this.part("undo").addEventListener("click", () => this.undo());
    this.part("below").addEventListener("click", () => this.attempt(() => this.below()));
    this.part("offer")?.toggleAttribute("hidden", this.isFixed);
    this.part("offer")?.addEventListener("click", () => {
      this.part("offer").hidden = true;
      this.search.offerNames();
    });
  }

  // --- Changing what is picked -------------------------------------------------------------------
  change(ids, words, below = null) {
    const before = [...this.selection.ids];
    this.selection.replace(ids);
    this.undo = () => {
      this.change(before, sentences.undone(before.length));
      this.part("undo").hidden = true;
      this.search.focus();
    };
    this.below = below;
    this.show();
    this.say(words);
  }

  // Adds them and says so: words(how many are new, how many of them were there).
  add(items, words, below) {
    const fresh = items.filter((item) => !this.selection.has(item.id));
    this.selection.learn(items);
    const ids = [...this.selection.ids, ...fresh.map((item) => item.id)];
    this.change(ids, words(fresh.length, items.length - fresh.length), below);
  }

  choose(option) {
    if (option.office) this.attempt(() => addAgentsOf(this, option.office));
    else if (option.unknown) this.addUnknown([option.unknown]);
    else this.addEntry(option);
  }

  addEntry(entry) {
    const below = entry.below ? () => addOfficesBelow(this, entry) : null;
    this.add([entry], () => sentences.entryAdded(entry), below);
  }

  addUnknown(ids) {
    this.add(ids.map((id) => this.selection.item(id)), (fresh) => sentences.unknownAdded(fresh));
  }

  async remove(id) {
    await this.loadNames();
    const { name } = this.selection.item(id);
    const left = [...this.selection.ids].filter((one) => one !== id);
    this.change(left, interpolate(gettext("%(name)s removed."), { name }));
  }

  removeAll() {
    this.change([], sentences.removed(this.selection.size));
    this.part("undo").focus();
  }

  // A request that fails changes nothing, and says so.
  async attempt(action) {
    try {
      await action();
    } catch (error) {
      this.say(reason(error));
    }
  }

  // The names of what is picked, where the page did not bring them.
  async loadNames() {
    const { nameless } = this.selection;
    if (nameless.length) this.selection.learn(await this.directory.named(nameless));
  }

  // --- Showing it --------------------------------------------------------------------------------
  show() {
    const { size, gone, nameless } = this.selection;
    const goneUnseen = nameless.length ? Number(this.place.dataset.gone) : 0;
    this.part("count").textContent = sentences.picked(size, gone + goneUnseen);
    this.part("remove-all").hidden = this.isFixed || size < 2;
    this.part("undo").hidden = !this.undo;
    this.part("below").hidden = !this.below;
    this.search.markPicked();
    this.list.show();
  }

  say(words) {
    this.part("said").hidden = false;
    this.part("words").textContent = words;
    announce(words);
  }

  unsay() {
    this.part("said").hidden = true;
  }
}
