// The settings form: what differs from Lofty is marked, counted, can be taken back field by field,
// and is not left behind without a question.
//
// A picker is taken back by a "field:restore" event on its input, with detail.ids and
// detail.members ({ id, name, detail, gone } of those the page may not know); it must then show
// these and dispatch "change".
import { announce } from "./announcer.js";
import { gettext, interpolate, ngettext } from "./words.js";

const NOT_SETTINGS = ["snapshot", "draft", "revision", "end", "csrfmiddlewaretoken", "page_of"];

// The values of fields now, and as the page was sent: on a slow line a user may have changed them
// before this script was loaded.
const NOW = { value: (field) => field.value, isTicked: (field) => field.checked };
const SENT = { value: valueSent, isTicked: (field) => field.defaultChecked };

function valueSent(field) {
  if (field.options) return ([...field.options].find((option) => option.defaultSelected) ?? field.options[0]).value;
  if (field.value === field.defaultValue) return field.value;
  const fresh = document.createElement(field.localName); // which makes of line breaks what the field did
  if (field.localName === "input") fresh.type = field.type;
  fresh.value = field.defaultValue;
  return fresh.value;
}

// What each field holds: { value } of one field (true and false of a tick), { scope, ids } of a list.
function stateOf(form, as = NOW) {
  const state = new Map();
  for (const field of form.elements) {
    if (!field.name || field.disabled || NOT_SETTINGS.includes(field.name)) continue;
    const name = field.name.replace(/-(scope|ids)$/, "");
    if (name !== field.name) addToList(state, name, field, as);
    else state.set(name, { value: field.type === "checkbox" ? as.isTicked(field) : as.value(field) });
  }
  return state;
}

function addToList(state, name, field, as) {
  if (!state.has(name)) state.set(name, { scope: "", ids: [] });
  const list = state.get(name);
  if (field.name.endsWith("-scope")) list.scope = as.isTicked(field) ? field.value : list.scope;
  else if (field.type !== "checkbox") list.ids = as.value(field) ? as.value(field).split(",") : [];
  else if (as.isTicked(field)) list.ids.push(field.value);
}

// Members do not count under "all" and "none", and their order never does.
function isSame(one, other) {
  if ("value" in one) return one.value === other.value;
  if (one.scope !== other.scope) return false;
  return one.scope !== "only" || String([...one.ids].sort()) === String([...other.ids].sort());
}

// A form that came back with other values says itself what Lofty has.
function inLofty(form) {
  const stored = document.getElementById("in-lofty");
  return stored ? new Map(Object.entries(JSON.parse(stored.textContent))) : stateOf(form, SENT);
}

// --- Taking one back ----------------------------------------------------------------------------
function restore(form, name, stored) {
  for (const field of form.querySelectorAll(`[name="${name}"]`)) {
    if (field.type === "checkbox") field.checked = stored.value;
    else field.value = stored.value;
  }
  for (const radio of form.querySelectorAll(`[name="${name}-scope"]`)) radio.checked = radio.value === stored.scope;
  for (const field of form.querySelectorAll(`[name="${name}-ids"]`)) {
    if (field.type === "checkbox") field.checked = stored.ids.includes(field.value);
    else restorePicker(field, stored);
  }
  form.dispatchEvent(new Event("change"));
}

function restorePicker(input, { ids, names = {} }) {
  const members = Object.entries(names).map(([id, name]) => ({ id, name, detail: "", gone: false }));
  input.value = ids.join(",");
  input.dispatchEvent(new CustomEvent("field:restore", { detail: { ids, members } }));
}

function resetButton(form, field, name, stored) {
  const label = field.querySelector("legend, label");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn btn-sm field-reset";
  button.textContent = gettext("Reset");
  const of = document.createElement("span");
  of.className = "visually-hidden";
  const whose = interpolate(gettext("%(setting)s to the value in Lofty"), { setting: label.textContent.trim() });
  of.textContent = ` ${whose}`;
  button.append(of);
  button.addEventListener("click", () => {
    restore(form, name, stored);
    const first = field.querySelector("input:checked, input:not([type=hidden], [type=radio]), select, textarea");
    first?.focus();
    const back = interpolate(gettext("%(setting)s was reset to the value in Lofty."), { setting: label.textContent.trim() });
    announce(`${back} ${countText(countOf(form)) || gettext("No changes")}`);
  });
  return button;
}

function mark(form, name, changed, stored) {
  const field = document.getElementById(`div_id_${name}`);
  if (!field || field.classList.contains("is-changed") === changed) return;
  field.classList.toggle("is-changed", changed);
  if (changed) field.append(resetButton(form, field, name, stored));
  else field.querySelector(".field-reset")?.remove();
}

// --- All of them --------------------------------------------------------------------------------
function countText(count) {
  if (!count) return "";
  return interpolate(ngettext("%(count)s unsaved change", "%(count)s unsaved changes", count), { count });
}

function countOf(form) {
  return form.querySelectorAll(".is-changed").length;
}

// Without changes the words stay while the bar is invisible, so that it keeps its height.
function say(bar, count) {
  const place = bar.querySelector("[data-count]");
  const isNew = place.dataset.count !== String(count);
  if (isNew && place.dataset.count) announce(countText(count) || gettext("No changes"));
  if (count || !place.textContent) place.textContent = countText(count || 1);
  place.dataset.count = count;
  bar.classList.toggle("invisible", !count);
}

export function watchChanges(form) {
  const bar = form.querySelector("[data-save-bar]");
  if (!bar) return;
  const stored = inLofty(form);
  const sent = stateOf(form, SENT);
  let leaving = false;
  const differs = (from) => {
    const now = stateOf(form);
    return [...from.keys()].filter((name) => now.has(name) && !isSame(from.get(name), now.get(name)));
  };
  const update = () => {
    const changed = differs(stored);
    for (const name of stored.keys()) mark(form, name, changed.includes(name), stored.get(name));
    say(bar, changed.length);
  };
  form.addEventListener("input", update);
  form.addEventListener("change", update);
  form.addEventListener("submit", () => {
    leaving = true;
    history.replaceState(null, "", form.dataset.draftUrl); // Back from the review leads to the draft
  });
  bar.querySelector("[data-discard]")?.addEventListener("click", (event) => {
    const lost = ngettext("Discard %(count)s change? You can't get it back.", "Discard %(count)s changes? You can't get them back.", countOf(form));
    leaving = confirm(interpolate(lost, { count: countOf(form) }));
    if (!leaving) event.preventDefault();
  });
  addEventListener("pageshow", (event) => {
    leaving = false;
    if (event.persisted) location.reload(); // it may have become a draft since
  });
  addEventListener("beforeunload", (event) => {
    if (!leaving && differs(sent).length) event.preventDefault(); // a draft's own values are kept
  });
  update();
}
