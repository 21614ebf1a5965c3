// What users type is kept in this tab until it is saved, so that Back and Reload lose nothing.
// A form opts in with data-keep. Secrets are never kept: passwords, tokens, codes, pasted lists.
import { pageOwner } from "./page_owner.js";

const PREFIX = "typed:";
const SIGNED_OUT = "signed-out-at"; // in localStorage, which tells the other tabs
const KEPT_TYPES = ["text", "email", "search", "tel", "url", "number", "date", "textarea", "checkbox", "radio", "select-one", "select-multiple"];
// As in accounts/unsent.py.
const SECRET_NAMES = /^(again|code|credential|pasted)$|password|token|secret/i;
const SECRET_USES = /password|one-time-code/;
const NOT_SAVED = "[data-unsaved], [data-message].alert-danger, [data-keep] .is-invalid, [data-keep] .invalid-feedback, [data-keep] .alert-danger";

function isKept(field) {
  if (!field.name || field.disabled || !KEPT_TYPES.includes(field.type)) return false;
  return !(field.closest("[data-secret]") || SECRET_NAMES.test(field.name) || SECRET_USES.test(field.autocomplete));
}

// --- What a form holds: { name: [values] } -------------------------------------------------------
function valuesOf(form, isChosen, valueOf) {
  const values = {};
  for (const field of [...form.elements].filter(isKept)) {
    const known = (values[field.name] ??= []);
    if (field.options) known.push(...chosenOptions(field, isChosen));
    else if (!isTick(field)) known.push(valueOf(field));
    else if (isChosen(field)) known.push(field.value);
  }
  return values;
}

function isTick(field) {
  return field.type === "checkbox" || field.type === "radio";
}

// A browser chooses the first option where the server chose none.
function chosenOptions(field, isChosen) {
  const chosen = [...field.options].filter(isChosen);
  if (!chosen.length && !field.multiple && field.options.length) chosen.push(field.options[0]);
  return chosen.map((option) => option.value);
}

function typedIn(form) {
  return valuesOf(form, (field) => field.checked ?? field.selected, (field) => field.value);
}

// As the server sent it, whatever was typed since.
function servedIn(form) {
  return valuesOf(form, (field) => field.defaultChecked ?? field.defaultSelected, (field) => field.defaultValue);
}

function isSame(one, other) {
  const names = Object.keys({ ...one, ...other });
  return names.every((name) => JSON.stringify(one[name] ?? []) === JSON.stringify(other[name] ?? []));
}

function fill(form, typed) {
  const left = structuredClone(typed);
  for (const field of [...form.elements].filter(isKept)) {
    const values = left[field.name];
    if (!values) continue;
    if (field.options) for (const option of field.options) option.selected = values.includes(option.value);
    else if (isTick(field)) field.checked = values.includes(field.value);
    else field.value = values.shift() ?? "";
  }
}

// --- Where it is kept ----------------------------------------------------------------------------
// { owner, served, typed, isSent }
function keyOf(form) {
  return `${PREFIX}${new URL(form.action).pathname}#${form.id}`;
}

function read(key) {
  return JSON.parse(sessionStorage.getItem(key));
}

function write(key, entry) {
  try {
    sessionStorage.setItem(key, JSON.stringify(entry));
  } catch {
    sessionStorage.removeItem(key); // no room for it: better nothing than an older text
  }
}

function keys() {
  return Object.keys(sessionStorage).filter((key) => key.startsWith(PREFIX));
}

function forgetAll() {
  for (const key of keys()) sessionStorage.removeItem(key);
}

function keep(form) {
  const key = keyOf(form);
  const owner = pageOwner();
  const served = refused.get(key)?.served ?? servedIn(form);
  const typed = typedIn(form);
  if (!owner || isSame(typed, served)) sessionStorage.removeItem(key);
  else write(key, { owner, served, typed });
}

// The answer decides whether it was saved. A page that asks first sends for the form it is about.
export function markSent(form) {
  if (!form.matches("[data-keep], [data-unsaved]")) return;
  const asks = form.matches("[data-unsaved]");
  const sent = keys().filter((key) => (asks ? key.startsWith(keyOf(form)) : key === keyOf(form)));
  for (const key of sent) write(key, { ...read(key), isSent: true });
}

// --- A page has come -----------------------------------------------------------------------------
const refused = new Map(); // what was sent and not saved, as this page says

function settle() {
  const [navigation] = performance.getEntriesByType("navigation");
  const isSaved = navigation.type === "navigate" && !(navigation.responseStatus >= 400) && !document.querySelector(NOT_SAVED);
  for (const key of keys()) {
    const { isSent, ...entry } = read(key);
    if (entry.owner !== pageOwner() || (isSent && isSaved)) sessionStorage.removeItem(key);
    else if (isSent) {
      refused.set(key, entry);
      write(key, entry);
    }
  }
}

// The server has the last word: where it shows something else than the user began with, what was
// typed is offered and not filled in.
function restore(form) {
  const key = keyOf(form);
  const entry = read(key);
  if (!entry) return;
  const served = servedIn(form);
  const isRefused = refused.has(key);
  if (isSame(served, entry.typed)) {
    if (!isRefused) sessionStorage.removeItem(key);
  } else if (isSame(served, entry.served)) {
    fill(form, entry.typed);
    form.prepend(notice("restored", form, () => form.reset()));
  } else if (!isRefused) {
    form.prepend(notice("outdated", form, () => fill(form, entry.typed)));
  }
}

function notice(name, form, act) {
  const part = document.getElementById(`typed-${name}`).content.cloneNode(true);
  const place = part.querySelector("[data-typed]");
  part.querySelector("button").addEventListener("click", () => {
    act();
    keep(form);
    place.remove();
    [...form.elements].find(isKept)?.focus();
  });
  return part;
}

for (const type of ["input", "change"]) {
  document.addEventListener(type, (event) => {
    const form = event.target.form;
    if (form?.matches("[data-keep]")) keep(form);
  });
}
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  markSent(event.target);
  if (!event.target.matches("[data-sign-out]")) return;
  forgetAll();
  localStorage.setItem(SIGNED_OUT, String(Date.now()));
});
addEventListener("storage", (event) => {
  if (event.key === SIGNED_OUT) forgetAll();
});
if (pageOwner()) {
  settle();
  for (const form of document.querySelectorAll("form[data-keep]")) restore(form);
}
