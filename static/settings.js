// The settings form: members shown only under "Only these", what changed, leave guard.
"use strict";

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
  for (const place of form.querySelectorAll("[data-picker]")) new Picker(place);
  showMembers(form);
  describeHours(form);
  form.addEventListener("change", () => {
    showMembers(form);
    describeHours(form);
  });
  watchChanges(form);
  goToFields();
});
