// The settings form: pickers, members shown only under "Only these", what changed, leave guard.
"use strict";

// --- Pickers: a text field with ids and commas becomes a search by name -------------------------
function optionLine(data, escape) {
  const detail = data.detail ? `<span class="text-secondary ms-2">${escape(data.detail)}</span>` : "";
  const gone = data.gone ? '<span class="badge bg-warning-lt ms-2">no longer in Lofty</span>' : "";
  return `<div title="${escape(data.id)}">${escape(data.name)}${detail}${gone}</div>`;
}

function itemLine(data, escape) {
  const gone = data.gone ? " (no longer in Lofty)" : "";
  return `<div title="${escape(data.id)}">${escape(data.name)}${gone}<button type="button" class="btn-close item-remove" tabindex="-1" aria-label="Remove ${escape(data.name)}"></button></div>`;
}

function forgetFound(picker) {
  const chosen = new Set(picker.items);
  for (const id of Object.keys(picker.options)) if (!chosen.has(id)) picker.removeOption(id, true);
}

function startPicker(input) {
  const options = JSON.parse(document.getElementById(input.dataset.options).textContent);
  const label = input.getAttribute("aria-label");
  const picker = new TomSelect(input, {
    delimiter: ",",
    valueField: "id",
    labelField: "name",
    searchField: ["name", "detail", "id"],
    options,
    items: input.value ? input.value.split(",") : [],
    create: false,
    maxOptions: 50,
    placeholder: "Search by name",
    clearAfterSelect: true,
    refreshThrottle: 0,
    loadThrottle: 200,
    preload: "focus",
    shouldLoad() {
      this.loadedSearches = {}; // what was found before is forgotten below: ask again
      return true;
    },
    load(text, done) {
      const url = `${input.dataset.picker}?q=${encodeURIComponent(text)}`;
      fetch(url, { headers: { Accept: "application/json" } })
        .then((answer) => (answer.ok ? answer.json() : Promise.reject(answer.status)))
        .then((found) => {
          if (picker.inputValue() !== text) return done(); // they typed on; another answer follows
          forgetFound(picker);
          done(found.items);
        })
        .catch(() => {
          announce("The search does not answer. What is picked stays.");
          done();
        });
    },
    render: {
      loading: () => '<div class="no-results">Searching …</div>',
      option: optionLine,
      item: itemLine,
      no_results: (data, escape) => `<div class="no-results">Nothing else found for “${escape(data.input)}”.</div>`,
    },
  });
  // The server ranks and folds accents; what it found must not be filtered out again here.
  picker.hook("instead", "getScoreFunction", () => () => 1);
  // What was found for other words must not be picked by a quick Enter.
  picker.control_input.addEventListener("input", () => {
    forgetFound(picker);
    picker.refreshOptions();
  });
  picker.on("item_add", () => {
    picker.loadedSearches = {};
    picker.load("");
  });
  picker.control_input.setAttribute("aria-label", label);
  picker.control.addEventListener("click", (event) => {
    const button = event.target.closest(".item-remove");
    if (!button) return;
    event.preventDefault();
    event.stopPropagation();
    picker.removeItem(button.closest("[data-value]").dataset.value);
  });
  if (input.disabled) picker.disable();
}

// --- Members only under "Only these" -------------------------------------------------------------
function showMembers(form) {
  for (const members of form.querySelectorAll("[data-scope-members]")) {
    const chosen = form.querySelector(`[name="${members.dataset.scopeMembers}"]:checked`);
    members.hidden = !chosen || chosen.value !== "only";
  }
}

// --- What changed --------------------------------------------------------------------------------
function stateOf(form) {
  const state = new Map();
  for (const [name, value] of new FormData(form)) {
    if (["snapshot", "reason", "shown", "end", "csrfmiddlewaretoken"].includes(name)) continue;
    const field = name.replace(/-(scope|ids)$/, "");
    state.set(field, [...(state.get(field) || []), `${name}=${value}`]);
  }
  for (const [field, parts] of state) state.set(field, settle(parts));
  return state;
}

// Members do not count under "all" and "nobody", and their order never does.
function settle(parts) {
  const scope = parts.find((part) => part.includes("-scope="));
  if (!scope) return parts.join("\n");
  if (!scope.endsWith("=only")) return scope;
  const ids = parts.filter((part) => part !== scope).flatMap((part) => part.split("=")[1].split(","));
  return [scope, ...ids.sort()].join("\n");
}

function told(count) {
  return count ? `${count} change${count === 1 ? "" : "s"}, not sent yet` : "";
}

function say(place, text) {
  if (place.textContent === text) return;
  place.textContent = text;
  announce(text || "No changes");
}

function watchChanges(form) {
  const bar = form.querySelector("[data-save-bar]");
  if (!bar) return;
  const first = stateOf(form);
  const cameBack = form.dataset.changed === "yes"; // with changes that the page was not opened with
  let leaving = false;
  let count = 0;
  const update = () => {
    const now = stateOf(form);
    const changed = [...new Set([...first.keys(), ...now.keys()])].filter((name) => first.get(name) !== now.get(name));
    count = changed.length;
    say(bar.querySelector("[data-count]"), cameBack ? "Your changes are not sent yet" : told(count));
    bar.hidden = !count && !cameBack;
    for (const marked of form.querySelectorAll(".is-changed")) marked.classList.remove("is-changed");
    for (const name of changed) document.getElementById(`div_id_${name}`)?.classList.add("is-changed");
  };
  form.addEventListener("input", update);
  form.addEventListener("change", update);
  form.addEventListener("submit", () => (leaving = true));
  bar.querySelector("[data-discard]").addEventListener("click", () => (leaving = true));
  addEventListener("pageshow", () => (leaving = false));
  addEventListener("beforeunload", (event) => {
    if ((count || cameBack) && !leaving) event.preventDefault();
  });
  update();
}

// --- From an error to its field ------------------------------------------------------------------
function goToFields() {
  for (const link of document.querySelectorAll("[data-field-link]")) {
    link.addEventListener("click", () => {
      const field = document.querySelector(link.hash);
      setTimeout(() => field.querySelector("input:not([type=hidden]), select, textarea").focus());
    });
  }
}

document.addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector("[data-settings-form]");
  if (!form) return;
  for (const input of form.querySelectorAll("[data-picker]")) startPicker(input);
  showMembers(form);
  form.addEventListener("change", () => showMembers(form));
  watchChanges(form);
  goToFields();
});
