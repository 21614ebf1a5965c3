// The settings form: pickers, members shown only under "Only these"; changes.js does the rest.
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
  // Dispatched by changes.js: back to these members.
  input.addEventListener("field:restore", (event) => {
    picker.addOptions([...options, ...event.detail.members]);
    picker.setValue(event.detail.ids);
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

// --- Active hours in words -----------------------------------------------------------------------
function describeHours(form) {
  const start = form.elements.startActiveHour;
  const end = form.elements.endActiveHour;
  const hint = form.querySelector("[data-hours-hint]");
  if (!hint) return;
  const [from, to] = [Number(start.value), Number(end.value)];
  if (Number.isNaN(from) || Number.isNaN(to)) hint.textContent = "";
  else if (from === to) hint.textContent = "Starts and ends at the same hour: unclear in Lofty's documentation.";
  else if (to && from > to) hint.textContent = "Overnight: into the next morning.";
  else hint.textContent = "";
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
  describeHours(form);
  form.addEventListener("change", () => {
    showMembers(form);
    describeHours(form);
  });
  watchChanges(form);
  goToFields();
});
