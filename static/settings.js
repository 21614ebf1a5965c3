// The settings form: members shown only under "Only these", what changed, leave guard.
import { watchChanges } from "./changes.js";
import { Picker } from "./picker/picker.js";

// --- Members only under "Only these" -------------------------------------------------------------
function showMembers(form) {
  for (const members of form.querySelectorAll("[data-scope-members]")) {
    const chosen = form.querySelector(`[name="${members.dataset.scopeMembers}"]:checked`);
    members.hidden = !chosen || chosen.value !== "only";
  }
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

// --- Pickers -------------------------------------------------------------------------------------
// Each search starts in a task of its own, so that keys and taps are answered in between.
async function startPickers(form) {
  const pickers = [...form.querySelectorAll("[data-picker]")].map((place) => new Picker(place));
  for (const picker of pickers) {
    await new Promise((resolve) => setTimeout(resolve));
    picker.start();
  }
}

function start(form) {
  startPickers(form);
  showMembers(form);
  form.addEventListener("change", () => showMembers(form));
  watchChanges(form);
  goToFields();
}

const settingsForm = document.querySelector("[data-settings-form]");
if (settingsForm) start(settingsForm);
