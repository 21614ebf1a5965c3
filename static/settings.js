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
