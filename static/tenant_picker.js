// A field for one tenant suggests names while the user types. It sends "Name (short name)"; without
// this file it takes a name or a short name as typed, and the server asks if several fit.
import { announce } from "./announcer.js";
import { gettext, interpolate, ngettext } from "./words.js";

const PAUSE = 150; // milliseconds without typing

class TenantPicker {
  constructor(input, number) {
    this.input = input;
    this.chosen = -1;
    this.timer = 0;
    this.list = this.makeList(number);
    input.parentElement.classList.add("position-relative");
    input.after(this.list);
    const combobox = { role: "combobox", "aria-autocomplete": "list", "aria-controls": this.list.id, "aria-expanded": "false" };
    for (const [name, value] of Object.entries(combobox)) input.setAttribute(name, value);
    this.listen();
  }

  makeList(number) {
    const list = document.createElement("div");
    list.className = "dropdown-menu w-100 tenant-options";
    list.id = `tenant-options-${number}`;
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", gettext("Tenants"));
    return list;
  }

  get options() {
    return [...this.list.querySelectorAll("[role=option]")];
  }

  get isOpen() {
    return this.list.classList.contains("show");
  }

  show(isOpen) {
    this.list.classList.toggle("show", isOpen);
    this.input.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) this.mark(-1);
  }

  mark(index) {
    const all = this.options;
    all[this.chosen]?.setAttribute("aria-selected", "false");
    all[this.chosen]?.classList.remove("active");
    this.chosen = all.length && index >= -1 ? Math.min(index, all.length - 1) : -1;
    const option = all[this.chosen];
    this.input.setAttribute("aria-activedescendant", option ? option.id : "");
    option?.setAttribute("aria-selected", "true");
    option?.classList.add("active");
    option?.scrollIntoView({ block: "nearest" });
  }

  take(option) {
    this.input.value = option.dataset.value;
    this.show(false);
    this.input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  option(item, index) {
    const line = document.createElement("div");
    line.className = "dropdown-item";
    line.id = `${this.list.id}-${index}`;
    line.setAttribute("role", "option");
    line.setAttribute("aria-selected", "false");
    line.dataset.value = item.value;
    const name = document.createElement("bdi");
    name.textContent = item.name;
    const detail = document.createElement("span");
    detail.className = "text-secondary ms-2";
    detail.textContent = item.detail;
    line.append(name, detail);
    return line;
  }

  note(text) {
    const line = document.createElement("div");
    line.className = "dropdown-item-text text-secondary";
    line.textContent = text;
    return line;
  }

  notes({ items, more, why }) {
    if (why) return [this.note(why)];
    if (!items.length) return [this.note(gettext("No results"))];
    return more ? [this.note(gettext("There are more. Type more of the name."))] : [];
  }

  async suggest() {
    const text = this.input.value;
    const found = await this.ask(text);
    if (this.input.value !== text || document.activeElement !== this.input) return; // the user went on
    if (!Array.isArray(found?.items)) this.list.replaceChildren(this.note(gettext("The search didn't respond. Try again.")));
    else this.list.replaceChildren(...found.items.map((item, index) => this.option(item, index)), ...this.notes(found));
    this.chosen = -1;
    this.show(true);
    const count = this.options.length;
    announce(count ? interpolate(ngettext("%(count)s result", "%(count)s results", count), { count }) : this.list.textContent);
  }

  async ask(text) {
    const address = new URL(this.input.dataset.tenantSearch, location.href);
    address.searchParams.set("q", text);
    const answer = await fetch(address, { headers: { Accept: "application/json" } }).catch(() => null);
    const isJson = answer?.ok && answer.headers.get("Content-Type")?.startsWith("application/json");
    return isJson ? answer.json() : null;
  }

  listen() {
    const { input, list } = this;
    input.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.show(false);
      if (input.value.trim()) this.timer = setTimeout(() => this.suggest(), PAUSE);
    });
    input.addEventListener("keydown", (event) => this.onKey(event));
    input.addEventListener("blur", () => this.show(false));
    list.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
    list.addEventListener("click", (event) => {
      const picked = event.target.closest("[role=option]");
      if (picked) this.take(picked);
    });
  }

  onKey(event) {
    if (event.isComposing) return;
    if (event.key === "ArrowDown" && !this.isOpen) this.suggest();
    else if (event.key === "ArrowDown") this.mark(this.chosen + 1);
    else if (event.key === "ArrowUp" && this.isOpen) this.mark(this.chosen - 1);
    else if (event.key === "Enter" && this.isOpen && this.chosen >= 0) this.take(this.options[this.chosen]);
    else if (event.key === "Escape" && this.isOpen) this.show(false);
    else return;
    event.preventDefault();
  }
}

for (const [number, input] of [...document.querySelectorAll("input[data-tenant-search]")].entries()) new TenantPicker(input, number);
