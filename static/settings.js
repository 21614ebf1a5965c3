// The settings form: members shown only under "Only these", what changed, leave guard.
"use strict";

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

document.addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector("[data-settings-form]");
  if (!form) return;
  for (const place of form.querySelectorAll("[data-picker]")) new Picker(place);
  showMembers(form);
  form.addEventListener("change", () => showMembers(form));
  watchChanges(form);
  goToFields();
});
