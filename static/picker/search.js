// The search box. TomSelect draws the list; the console finds, ranks and folds accents.
import { announce } from "../announcer.js";
import { gettext, interpolate } from "../words.js";
import { SessionEnded } from "./directory.js";
import { messageLine, optionLine, optionsOf, withoutNames } from "./options.js";
import { mayBeList } from "./paste.js";
import { found as foundText } from "./sentences.js";

const PAUSE = 200; // milliseconds without typing

export class Search {
  #select;

  constructor(picker, offersNames) {
    Object.assign(this, { picker, offersNames, problem: "", isClosed: false });
    const find = picker.part("find");
    for (const type of ["mousedown", "focus"]) {
      find.addEventListener(type, (event) => {
        event.preventDefault(); // a click would take the focus back
        this.focus();
      });
    }
  }

  // TomSelect takes a slow phone long: it starts when its turn comes, or when a user wants it.
  start() {
    this.#select ??= this.makeSelect();
    return this.#select;
  }

  get box() {
    return this.start().control_input;
  }

  focus() {
    this.start().focus();
  }

  offerNames() {
    this.offersNames = true;
    this.start().clearOptions();
    this.focus();
    this.start().load("");
  }

  makeSelect() {
    const select = new TomSelect(this.picker.part("find"), {
      delimiter: "",
      valueField: "id",
      labelField: "name",
      searchField: [],
      create: false,
      hideSelected: false,
      maxOptions: null,
      refreshThrottle: 0,
      loadThrottle: PAUSE,
      preload: "focus",
      shouldLoad() {
        this.loadedSearches = {}; // what was found before is forgotten below: ask again
        return true;
      },
      load: (text, done) => this.find(text, done),
      render: {
        loading: () => messageLine(gettext("Searching …")),
        option: optionLine,
        no_results: ({ input }) => messageLine(this.problem || interpolate(gettext("No results for “%(text)s”."), { text: input })),
      },
    });
    // What the console found must not be filtered again here.
    select.hook("instead", "getScoreFunction", () => () => 1);
    select.hook("instead", "onOptionSelect", (event, line) => this.choose(select.options[line.dataset.value]));
    this.stayClosed(select);
    this.listen(select, select.control_input);
    return select;
  }

  // Closed by Escape, it stays closed until they come back to it: a late answer must not open it.
  stayClosed(select) {
    const open = select.open.bind(select);
    select.hook("instead", "open", () => this.isClosed || open());
    for (const type of ["focus", "mousedown", "keydown"]) {
      select.control_input.addEventListener(type, (event) => (this.isClosed = event.key === "Escape"), { capture: true });
    }
  }

  listen(select, box) {
    // What was found for other words must not be picked by a quick Enter.
    box.addEventListener("input", () => {
      select.clearOptions();
      select.refreshOptions();
    });
    box.addEventListener("paste", (event) => {
      const text = event.clipboardData.getData("text");
      if (!mayBeList(text)) return;
      event.preventDefault();
      this.picker.attempt(() => this.picker.pasted.read(text, box));
    });
    box.addEventListener("keydown", (event) => {
      if (event.key === "Enter") event.preventDefault(); // it would send the form
      if (event.key !== "Backspace" || box.value || !this.picker.selection.size) return;
      event.preventDefault();
      this.picker.attempt(() => this.picker.remove([...this.picker.selection.ids].at(-1)));
    });
  }

  async find(text, done) {
    try {
      const all = await this.picker.directory.search(text);
      const select = this.start();
      if (select.inputValue() !== text) return done(); // they typed on; another answer follows
      const found = this.offersNames ? all : withoutNames(all);
      this.problem = "";
      select.clearOptions();
      done(optionsOf(found, this.picker, this.picker.kind === "office" && !text));
      if (text) announce(foundText(found));
    } catch (error) {
      this.problem = error instanceof SessionEnded ? error.message : gettext("The search didn't respond. Your selection is kept.");
      announce(this.problem);
      done(); // an empty list, which says the problem
    }
  }

  markPicked() {
    for (const option of Object.values(this.#select?.options ?? {})) {
      const disabled = this.picker.selection.has(option.id);
      if (!option.isNote && Boolean(option.disabled) !== disabled) this.#select.updateOption(option.id, { ...option, disabled });
    }
  }

  choose(option) {
    if (!option || option.disabled) return;
    this.picker.choose(option);
    const select = this.start();
    select.setTextboxValue("");
    select.clearOptions();
    select.loadedSearches = {};
    select.load("");
  }
}
