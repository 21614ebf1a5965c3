// Picking entries of the directory by name: search, whole offices, pasted lists, what is picked.
// The text field of ids stays the one that is sent; everything else here only shows and changes it.
"use strict";

const MOST_CHIPS = 100; // more are a list that opens and can be searched
const ROWS = 100; // of that list, shown at a time
const LABELS = 5000; // asked for at a time
const PLAIN = { ø: "o", ł: "l", đ: "d", ð: "d", ħ: "h", ı: "i", ŧ: "t", æ: "ae", œ: "oe", þ: "th", ß: "ss" };

function folded(text) {
  const bare = text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  return bare.replace(/[øłđðħıŧæœþß]/g, (letter) => PLAIN[letter]);
}

function counted(text, count, values = {}) {
  return interpolate(text, { count: number(count), ...values });
}

function entries(count) {
  return counted(ngettext("%(count)s entry", "%(count)s entries", count), count);
}

function agents(count) {
  return counted(ngettext("%(count)s agent", "%(count)s agents", count), count);
}

function offices(count) {
  return counted(ngettext("%(count)s office", "%(count)s offices", count), count);
}

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function secondary(text, more = "") {
  return make("span", { className: `text-secondary ${more}`, textContent: text });
}

class SessionEnded extends Error {
  constructor() {
    super(SESSION_ENDED);
    checkSession();
  }
}

// A request that got no answer fails as a TypeError, in the browser's words.
function reason(error) {
  if (!(error instanceof TypeError)) return error.message;
  return gettext("The console didn't respond. Nothing was added. Your selection is kept.");
}

// One number with separators for thousands: 1,234,567 or 1.234.567 or 1 234 567. The server decides.
const GROUPED = /^\d{1,3}([ ,.'’_\u00a0\u2007\u2009\u202f])\d{2,3}(?:\1\d{2,3})*$/;

// Several ids or e-mails, or several lines: a list. Anything else is a search.
function isList(text) {
  if (GROUPED.test(text.trim())) return true;
  const parts = text.split(/[,;\t\r\n，；、]+/).filter((part) => part.trim());
  const known = text.split(/[\s,;，；、<>]+/).filter((word) => /@/.test(word) || /^\d+$/.test(word));
  if (/[\r\n]/.test(text.trim())) return true;
  return known.length > 1 || (known.length === 1 && (parts.length > 1 || /.\s+<.+@/.test(text)));
}

function thereAlready(count) {
  return counted(ngettext("%(count)s was already selected", "%(count)s were already selected", count), count);
}

function addAnyway(id) {
  return interpolate(gettext("Add unknown ID %(id)s"), { id });
}

function howMany({ items, more, why }) {
  if (why) return why;
  if (!items.length) return gettext("No results");
  const found = entries(items.length);
  return interpolate(more ? gettext("More than %(entries)s found") : gettext("%(entries)s found"), { entries: found });
}

function withoutOffice(count) {
  const note = ngettext(
    "Not included: %(count)s agent whose office is unknown until names are synced again.",
    "Not included: %(count)s agents whose office is unknown until names are synced again.",
    count,
  );
  return counted(note, count);
}

function withoutBelow(count) {
  return counted(ngettext("The %(count)s office below it is not included.", "The %(count)s offices below it are not included.", count), count);
}

class Picker {
  #search;

  constructor(place) {
    this.place = place;
    this.kind = place.dataset.picker;
    this.input = this.part("ids");
    this.fixed = this.input.disabled;
    this.ids = new Set(this.input.value.split(",").map((id) => id.trim()).filter(Boolean));
    this.labels = new Map();
    this.known(JSON.parse(place.querySelector("script").textContent));
    this.unadded = { problem: "", unknown: new Set(), ambiguous: new Map(), missing: [] };
    this.rows = ROWS;
    this.offersNames = !("foreign" in place.dataset);
    const isFocused = this.input === document.activeElement;
    this.input.after(this.frame());
    this.input.type = "hidden";
    // For the server: commas here are always between ids.
    if (!this.fixed) this.input.after(make("input", { type: "hidden", name: this.input.name.replace(/-ids$/, "-separate"), value: "1" }));
    this.listen();
    this.show();
    if (isFocused) this.search.focus();
  }

  // A copy of the page's one frame, with the texts of this picker.
  frame() {
    const frame = document.getElementById("picker-frame").content.cloneNode(true);
    const find = frame.querySelector("[data-find]");
    find.hidden = this.fixed;
    if (this.kind === "agent") {
      find.placeholder = find.dataset.agentPlaceholder;
      find.ariaLabel = find.dataset.agentLabel;
    }
    const { label } = this.place.dataset;
    for (const named of frame.querySelectorAll("[aria-label]")) named.ariaLabel = interpolate(named.ariaLabel, { label });
    return frame;
  }

  part(name) {
    return this.place.querySelector(`[data-${name}]`);
  }

  known(items) {
    for (const item of items) this.labels.set(item.id, item);
  }

  label(id) {
    return this.labels.get(id) ?? { id, name: interpolate(gettext("unknown (%(id)s)"), { id }), detail: "", gone: false };
  }

  // --- The console's answers ---------------------------------------------------------------------
  async ask(url, options = {}) {
    const answer = await fetch(url, { headers: { Accept: "application/json" }, ...options });
    if (answer.status === 401) throw new SessionEnded();
    const isJSON = answer.headers.get("Content-Type")?.startsWith("application/json");
    const told = isJSON ? await answer.json() : {};
    if (!answer.ok || !isJSON) throw new Error(told.error ?? gettext("The console couldn't do that. Nothing was added."));
    return told;
  }

  lookUp(text) {
    const body = new FormData();
    body.append("csrfmiddlewaretoken", this.input.form.elements.csrfmiddlewaretoken.value);
    body.append("text", text);
    return this.ask(this.place.dataset.pasted, { method: "POST", body });
  }

  ofOffice(id) {
    return this.ask(this.place.dataset.office.replace(/0$/, id));
  }

  // The names of what is picked, where the page did not bring them.
  async loadLabels() {
    const missing = [...this.ids].filter((id) => !this.labels.has(id));
    for (let at = 0; at < missing.length; at += LABELS) {
      const some = missing.slice(at, at + LABELS);
      this.known((await this.lookUp(some.join(","))).found);
      this.known(some.filter((id) => !this.labels.has(id)).map((id) => this.label(id)));
    }
  }

  // --- Changing what is picked -------------------------------------------------------------------
  change(ids, words, { below = null } = {}) {
    const before = [...this.ids];
    this.ids = new Set(ids);
    this.input.value = [...this.ids].join(",");
    this.input.dispatchEvent(new Event("change", { bubbles: true }));
    this.undo = () => {
      const undone = ngettext("Undone: %(count)s entry is selected again.", "Undone: %(count)s entries are selected again.", before.length);
      this.change(before, counted(undone, before.length));
      this.part("undo").hidden = true;
      this.search.focus();
    };
    this.below = below;
    this.show();
    this.say(words);
  }

  // Adds them and says so: words(how many are new, how many of them were there).
  add(items, words, options) {
    const fresh = items.filter((item) => !this.ids.has(item.id));
    this.known(items);
    this.change([...this.ids, ...fresh.map((item) => item.id)], words(fresh.length, items.length - fresh.length), options);
  }

  async remove(id) {
    await this.loadLabels();
    const { name } = this.label(id);
    this.change([...this.ids].filter((one) => one !== id), interpolate(gettext("%(name)s removed."), { name }));
  }

  removeAll() {
    const gone = this.ids.size;
    this.change([], counted(ngettext("%(count)s entry removed.", "%(count)s entries removed.", gone), gone));
    this.part("undo").focus();
  }

  async addOffice(id, name) {
    const { items, office_unknown: unknown } = await this.ofOffice(id);
    const note = unknown ? ` ${withoutOffice(unknown)}` : "";
    this.add(items, (fresh, there) => {
      const already = there ? ` (${thereAlready(there)})` : "";
      const later = ngettext(
        "%(agents)s of %(office)s added%(already)s. Agents who join the office later are not included.",
        "%(agents)s of %(office)s added%(already)s. Agents who join the office later are not included.",
        fresh,
      );
      return interpolate(later, { agents: agents(fresh), office: name, already }) + note;
    });
  }

  addEntry(entry) {
    const below = entry.below ? { below: () => this.addBelow(entry) } : {};
    const note = entry.below ? ` ${withoutBelow(entry.below)}` : "";
    this.add([entry], () => interpolate(gettext("%(name)s added."), { name: entry.name }) + note, below);
  }

  async addBelow(entry) {
    const { items } = await this.ofOffice(entry.id);
    this.add(items, (fresh) => {
      const added = ngettext(
        "%(offices)s below %(name)s added. Offices opened there later are not included.",
        "%(offices)s below %(name)s added. Offices opened there later are not included.",
        fresh,
      );
      return interpolate(added, { offices: offices(fresh), name: entry.name });
    });
    this.search.focus();
  }

  async paste(text) {
    this.say(gettext("Looking up the list …"));
    let told;
    try {
      told = await this.lookUp(text);
    } catch (error) {
      Object.assign(this.unadded, { problem: reason(error), missing: [...this.unadded.missing, text.trim()] });
      this.showUnadded();
      return this.say(reason(error));
    }
    for (const id of told.unknown) if (!this.ids.has(id)) this.unadded.unknown.add(id);
    for (const one of told.ambiguous) this.unadded.ambiguous.set(one.text, one);
    this.unadded.missing = [...new Set([...this.unadded.missing, ...told.not_found])];
    const unsure = told.unknown.filter((id) => !this.ids.has(id)).length;
    const there = told.unknown.length - unsure;
    this.add(told.found, (fresh, picked) => {
      const { repeated, ambiguous, not_found: missing } = told;
      const parts = [counted(ngettext("%(count)s entry added", "%(count)s entries added", fresh), fresh)];
      if (picked + there) parts.push(thereAlready(picked + there));
      if (repeated) parts.push(counted(ngettext("%(count)s was in the list more than once", "%(count)s were in the list more than once", repeated), repeated));
      if (unsure) parts.push(counted(ngettext("%(count)s unknown ID", "%(count)s unknown IDs", unsure), unsure));
      if (ambiguous.length) parts.push(counted(ngettext("%(count)s e-mail shared by several agents", "%(count)s e-mails shared by several agents", ambiguous.length), ambiguous.length));
      if (missing.length) parts.push(counted(ngettext("%(count)s not found", "%(count)s not found", missing.length), missing.length));
      return parts.join(" · ");
    });
    this.showUnadded();
  }

  // A request that fails changes nothing, and says so.
  async attempt(action) {
    try {
      await action();
    } catch (error) {
      this.say(reason(error));
    }
  }

  // --- Showing it --------------------------------------------------------------------------------
  show() {
    const collapsed = this.ids.size > MOST_CHIPS;
    this.part("count").textContent = this.count();
    this.part("remove-all").hidden = this.fixed || this.ids.size < 2;
    this.part("many").hidden = !collapsed;
    this.part("chips").hidden = collapsed || !this.ids.size;
    this.part(collapsed ? "chips" : "rows").replaceChildren();
    this.part("undo").hidden = !this.undo;
    this.part("below").hidden = !this.below;
    this.markPicked();
    if (collapsed && !this.part("many").open) return;
    if ([...this.ids].some((id) => !this.labels.has(id))) {
      this.attempt(() => this.loadLabels().then(() => this.show()));
    } else if (collapsed) this.showRows();
    else this.fill(this.part("chips"), [...this.ids]);
  }

  count() {
    const unloaded = [...this.ids].some((id) => !this.labels.has(id));
    const marked = [...this.ids].filter((id) => this.labels.get(id)?.gone).length;
    const gone = marked + (unloaded ? Number(this.place.dataset.gone) : 0);
    const picked = counted(ngettext("%(count)s selected", "%(count)s selected", this.ids.size), this.ids.size);
    if (!gone) return picked;
    const left = ngettext("%(count)s of them no longer in Lofty", "%(count)s of them no longer in Lofty", gone);
    return `${picked}, ${counted(left, gone)}`;
  }

  showRows() {
    const wanted = folded(this.part("within").value).split(/\s+/);
    const found = [...this.ids].filter((id) => {
      const { name, detail } = this.label(id);
      const text = folded(`${name} ${detail} ${id}`);
      return wanted.every((word) => text.includes(word));
    });
    this.fill(this.part("rows"), found.slice(0, this.rows), true);
    const shown = Math.min(this.rows, found.length);
    this.part("shown").textContent = interpolate(gettext("%(shown)s of %(all)s shown"), { shown: number(shown), all: number(found.length) });
    this.part("more").hidden = found.length <= this.rows;
  }

  fill(list, ids, detailed = false) {
    list.replaceChildren(...ids.map((id) => this.chip(this.label(id), detailed)));
    list.querySelector(".item-remove")?.setAttribute("tabindex", "0");
  }

  chip({ id, name, detail, gone }, detailed) {
    const text = make("span", { title: detail ? `${detail} · ${id}` : id }, make("bdi", { textContent: name }));
    const chip = make("li", { className: "item" }, text);
    chip.dataset.value = id;
    if (detailed && detail) text.append(secondary(detail, "ms-2"));
    if (gone) text.append(make("span", { className: "badge bg-warning-lt ms-2", textContent: gettext("no longer in Lofty") }));
    if (this.fixed) return chip;
    const button = make("button", { type: "button", className: "btn-close item-remove", tabIndex: -1, ariaLabel: interpolate(gettext("Remove %(name)s"), { name }) });
    chip.append(button);
    return chip;
  }

  say(words) {
    this.part("said").hidden = false;
    this.part("words").textContent = words;
    announce(words);
  }

  showUnadded() {
    const { problem, unknown, ambiguous, missing } = this.unadded;
    this.part("rest").hidden = !(problem || unknown.size || ambiguous.size || missing.length);
    this.part("problem").hidden = !problem;
    this.part("problem").textContent = problem;
    this.part("unknown").hidden = !unknown.size;
    this.part("unknown").replaceChildren(...this.offerUnknown([...unknown]));
    this.part("ambiguous").hidden = !ambiguous.size;
    this.part("ambiguous").replaceChildren(...[...ambiguous.values()].map((one) => this.offerNamesakes(one)));
    const area = this.part("missing").querySelector("textarea");
    this.part("missing").hidden = this.part("copy").hidden = !missing.length;
    this.part("missing-count").textContent = problem ? gettext("Your list:") : counted(gettext("Not found (%(count)s):"), missing.length);
    area.value = missing.join("\n");
  }

  offerUnknown(ids) {
    const one = (id) => this.button(addAnyway(id), () => this.addUnknown([id]));
    const all = () => this.button(counted(gettext("Add all %(count)s unknown IDs"), ids.length), () => this.addUnknown(ids));
    const shown = ids.slice(0, 500).join(", ") + (ids.length > 500 ? " …" : "");
    const text = make("span", { textContent: interpolate(gettext("Not in the list of names: %(ids)s"), { ids: shown }) });
    return [text, ...(ids.length <= 5 ? ids.map(one) : []), ...(ids.length > 1 ? [all()] : [])];
  }

  offerNamesakes({ text, count, items }) {
    const pick = (item) =>
      this.button(`${item.name} (${item.id})`, () => {
        this.unadded.ambiguous.delete(text);
        this.addEntry(item);
        this.showUnadded();
      });
    const asked =
      count > items.length
        ? gettext("%(text)s belongs to %(agents)s and others. Search by name to choose one.")
        : gettext("%(text)s belongs to %(agents)s. Which one?");
    return make("li", { className: "picked mb-1" }, interpolate(asked, { text, agents: agents(count) }), ...items.map(pick));
  }

  addUnknown(ids) {
    for (const id of ids) this.unadded.unknown.delete(id);
    this.add(ids.map((id) => this.label(id)), (fresh) =>
      counted(ngettext("%(count)s unknown ID added.", "%(count)s unknown IDs added.", fresh), fresh),
    );
    this.showUnadded();
    this.search.focus();
  }

  button(text, action) {
    const button = make("button", { type: "button", className: "btn btn-sm", textContent: text });
    button.addEventListener("click", action);
    return button;
  }

  // --- What people do ----------------------------------------------------------------------------
  listen() {
    // Dispatched by changes.js: back to these.
    this.input.addEventListener("field:restore", ({ detail }) => {
      this.known(detail.members.filter(({ id }) => !this.labels.has(id)));
      this.change(detail.ids, "");
    });
    this.part("remove-all").addEventListener("click", () => this.removeAll());
    this.part("undo").addEventListener("click", () => this.undo());
    this.part("below").addEventListener("click", () => this.attempt(() => this.below()));
    this.part("many").addEventListener("toggle", () => this.show());
    this.part("within").addEventListener("input", () => {
      this.rows = ROWS;
      this.showRows();
      announce(this.part("shown").textContent);
    });
    this.part("within").addEventListener("keydown", (event) => {
      if (event.key === "Enter") event.preventDefault(); // it would send the form
    });
    this.part("more").addEventListener("click", () => {
      this.rows += ROWS;
      this.showRows();
    });
    for (const type of ["mousedown", "focus"]) {
      this.part("find").addEventListener(type, (event) => {
        event.preventDefault(); // a click would take the focus back
        this.search.focus();
      });
    }
    this.part("offer")?.toggleAttribute("hidden", this.fixed);
    this.part("offer")?.addEventListener("click", () => {
      this.offersNames = true;
      this.part("offer").hidden = true;
      this.search.clearOptions();
      this.search.focus();
      this.search.load("");
    });
    for (const list of [this.part("chips"), this.part("rows")]) this.listenTo(list);
    this.part("copy").addEventListener("click", () => this.copy());
    this.part("close").addEventListener("click", () => {
      this.unadded = { problem: "", unknown: new Set(), ambiguous: new Map(), missing: [] };
      this.showUnadded();
      this.search.focus();
    });
  }

  // One stop for Tab; arrows go from entry to entry, Delete and Backspace remove.
  listenTo(list) {
    const buttons = () => [...list.querySelectorAll(".item-remove")];
    const removed = async (button) => {
      const at = buttons().indexOf(button);
      await this.attempt(() => this.remove(button.closest("[data-value]").dataset.value));
      const left = buttons();
      (left[at] ?? left.at(-1) ?? this.search.control_input).focus();
    };
    list.addEventListener("click", (event) => {
      if (event.target.matches(".item-remove")) removed(event.target);
    });
    list.addEventListener("keydown", (event) => {
      const all = buttons();
      const at = all.indexOf(event.target);
      const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
      if (at < 0 || (to === undefined && !["Delete", "Backspace"].includes(event.key))) return;
      event.preventDefault();
      if (to === undefined) removed(event.target);
      else all[to]?.focus();
    });
    list.addEventListener("focusin", (event) => {
      for (const button of buttons()) button.tabIndex = button === event.target ? 0 : -1;
    });
  }

  copy() {
    const area = this.part("missing").querySelector("textarea");
    area.select();
    navigator.clipboard?.writeText(area.value).then(
      () => announce(gettext("Copied.")),
      () => announce(gettext("The list is selected. Copy it with the keyboard.")),
    );
  }

  // --- The search --------------------------------------------------------------------------------
  // TomSelect takes a slow phone long: it starts when its turn comes or when somebody wants it.
  start() {
    if (!this.fixed) this.#search ??= this.makeSearch();
  }

  get search() {
    this.start();
    return this.#search;
  }

  makeSearch() {
    const picker = this;
    const search = new TomSelect(this.part("find"), {
      delimiter: "",
      valueField: "id",
      labelField: "name",
      searchField: [],
      create: false,
      hideSelected: false,
      maxOptions: null,
      refreshThrottle: 0,
      loadThrottle: 200,
      preload: "focus",
      shouldLoad() {
        this.loadedSearches = {}; // what was found before is forgotten below: ask again
        return true;
      },
      load: (text, done) => this.find(text, done),
      render: {
        loading: () => make("div", { className: "no-results", textContent: gettext("Searching …") }),
        option: (data) => this.option(data),
        no_results: ({ input }) => make("div", { className: "no-results", textContent: this.problem || interpolate(gettext("No results for “%(text)s”."), { text: input }) }),
      },
    });
    // The server ranks and folds accents; what it found must not be filtered out again here.
    search.hook("instead", "getScoreFunction", () => () => 1);
    search.hook("instead", "onOptionSelect", (event, option) => this.choose(search.options[option.dataset.value]));
    // Closed by Escape, it stays closed until they come back to it: a late answer must not open it.
    const open = search.open.bind(search);
    search.hook("instead", "open", () => this.escaped || open());
    const box = search.control_input;
    for (const type of ["focus", "mousedown", "keydown"]) {
      box.addEventListener(type, (event) => (this.escaped = event.key === "Escape"), { capture: true });
    }
    // What was found for other words must not be picked by a quick Enter.
    box.addEventListener("input", () => {
      search.clearOptions();
      search.refreshOptions();
    });
    box.addEventListener("paste", (event) => {
      const text = event.clipboardData.getData("text");
      if (!isList(text)) return;
      event.preventDefault();
      this.attempt(() => this.paste(text));
    });
    box.addEventListener("keydown", (event) => {
      if (event.key === "Enter") event.preventDefault(); // it would send the form
      if (event.key !== "Backspace" || box.value || !picker.ids.size) return;
      event.preventDefault();
      this.attempt(() => this.remove([...this.ids].at(-1)));
    });
    return search;
  }

  find(text, done) {
    this.ask(`${this.place.dataset.search}?q=${encodeURIComponent(text)}`)
      .then((found) => {
        if (this.search.inputValue() !== text) return done(); // they typed on; another answer follows
        this.problem = "";
        this.search.clearOptions();
        done(this.options(found, text));
        if (text) announce(howMany(found));
      })
      .catch((error) => {
        const ended = error instanceof SessionEnded;
        this.problem = ended ? error.message : gettext("The search didn't respond. Your selection is kept.");
        announce(this.problem);
        done(); // an empty list, which says the problem
      });
  }

  // Offices to be picked whole, the entries in the server's order, and what is to say about them.
  options(all, text) {
    const found = this.offersNames ? all : { items: [], why: gettext("Names aren't offered here because they may not match the IDs in Lofty. You can enter IDs.") };
    const whole = (found.offices ?? []).map((office) => ({ ...office, id: `office:${office.id}`, office }));
    const items = found.items.map((item) => ({ ...item, tree: this.kind === "office" && !text, disabled: this.ids.has(item.id) }));
    const id = text.trim();
    const isUnknown = /^[1-9]\d{0,18}$/.test(id) && !found.items.some((item) => item.id === id) && !this.ids.has(id);
    const unknown = isUnknown ? [{ id: `unknown:${id}`, name: addAnyway(id), unknown: id }] : [];
    return [...whole, ...items, ...unknown, ...this.notes(found)];
  }

  notes({ office_unknown: unknown, more, items, why }) {
    const notes = why ? [why] : [];
    if (unknown) {
      const note = ngettext(
        "The office of %(count)s agent is unknown until names are synced again, so this agent can't be selected by office.",
        "The office of %(count)s agents is unknown until names are synced again, so these agents can't be selected by office.",
        unknown,
      );
      notes.push(counted(note, unknown));
    }
    if (more) notes.push(counted(gettext("Showing the first %(count)s. Type more to find others."), items.length));
    return notes.map((name, at) => ({ id: `note:${at}`, name, note: true, disabled: true }));
  }

  option(data) {
    if (data.note) return make("div", { className: "picker-note text-secondary" }, data.name);
    const line = make("div", { title: data.office?.id ?? data.id });
    if (data.tree && data.depth) line.classList.add(`tree-${Math.min(data.depth, 4)}`);
    if (data.office) {
      const all = ngettext("The one agent in %(office)s", "All %(count)s in %(office)s", data.agents);
      line.append(make("strong", {}, counted(all, data.agents, { office: data.name })));
      line.append(secondary(gettext("offices below it not included"), "ms-2"));
      return line;
    }
    line.append(make("bdi", { textContent: data.name }));
    if (data.detail) line.append(secondary(data.detail, data.tree ? "visually-hidden" : "ms-2"));
    if (data.below) line.append(secondary(interpolate(gettext("%(offices)s below it, not included"), { offices: offices(data.below) }), "ms-2"));
    if (data.gone) line.append(make("span", { className: "badge bg-warning-lt ms-2", textContent: gettext("no longer in Lofty") }));
    if (data.disabled) line.append(make("span", { className: "badge bg-secondary-lt ms-2", textContent: gettext("selected") }));
    return line;
  }

  markPicked() {
    for (const option of Object.values(this.#search?.options ?? {})) {
      const picked = this.ids.has(option.id);
      if (!option.note && Boolean(option.disabled) !== picked) this.search.updateOption(option.id, { ...option, disabled: picked });
    }
  }

  choose(option) {
    if (!option || option.disabled) return;
    if (option.office) this.attempt(() => this.addOffice(option.office.id, option.office.name));
    else if (option.unknown) this.addUnknown([option.unknown]);
    else this.addEntry(option);
    this.search.setTextboxValue("");
    this.search.clearOptions();
    this.search.loadedSearches = {};
    this.search.load("");
  }
}
