// What is picked: kept in the text field of ids, which is what the form sends.
import { gettext, interpolate } from "../words.js";

export class Selection {
  constructor(input, items) {
    this.input = input;
    this.ids = new Set(input.value.split(",").map((id) => id.trim()).filter(Boolean));
    this.names = new Map();
    this.learn(items);
  }

  get size() {
    return this.ids.size;
  }

  has(id) {
    return this.ids.has(id);
  }

  replace(ids) {
    this.ids = new Set(ids);
    this.input.value = [...this.ids].join(",");
    this.input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  learn(items) {
    for (const item of items) this.names.set(item.id, item);
  }

  // { id, name, detail, gone }
  item(id) {
    return this.names.get(id) ?? { id, name: interpolate(gettext("unknown (%(id)s)"), { id }), detail: "", gone: false };
  }

  get nameless() {
    return [...this.ids].filter((id) => !this.names.has(id));
  }

  // How many are no longer in Lofty, as far as names are known here.
  get gone() {
    return [...this.ids].filter((id) => this.names.get(id)?.gone).length;
  }
}
