// The palette: type, arrows, Enter, Escape. Without it the button in the header is a link to a page.
import { shortcutKey } from "./keys.js";
import { SESSION_ENDED, sessionNotice } from "./session.js";
import { gettext, interpolate, ngettext } from "./words.js";

const STEPS = { ArrowDown: 1, ArrowUp: -1 };
const dialog = document.getElementById("palette");
const search = document.getElementById("palette-search");
const results = document.getElementById("palette-results");
const status = document.getElementById("palette-count");
let chosen = -1;
let isStale = true; // what is listed is not for what is typed
let takeFirst = false; // Enter came before the answer to what was typed

function options() {
  return [...results.querySelectorAll("[role=option]")];
}

function choose(index) {
  const all = options();
  all[chosen]?.setAttribute("aria-selected", "false");
  chosen = all.length ? (index + all.length) % all.length : -1;
  const option = all[chosen];
  search.setAttribute("aria-activedescendant", option ? option.id : "");
  if (!option) return;
  option.setAttribute("aria-selected", "true");
  option.scrollIntoView({ block: "nearest" });
}

function take() {
  const option = options()[chosen];
  if (!option) return;
  if (!option.matches("a, [type=submit]")) dialog.close();
  option.click();
}

function open() {
  if (dialog.open) return;
  for (const other of document.querySelectorAll("dialog[open]")) other.close();
  search.value = "";
  isStale = true;
  dialog.showModal();
  search.focus();
  htmx.trigger(search, "palette:find");
}

function onKey(event) {
  if (event.isComposing) return;
  if (event.key in STEPS) choose(chosen + STEPS[event.key]);
  else if (event.key !== "Enter") return;
  else if (isStale) takeFirst = true;
  else take();
  event.preventDefault();
}

function showResults() {
  isStale = false;
  for (const [number, option] of options().entries()) option.id = `palette-option-${number}`;
  chosen = -1;
  choose(0);
  results.scrollTop = 0;
  const count = options().length;
  const found = ngettext("%(count)s result", "%(count)s results", count);
  status.textContent = count ? interpolate(found, { count }) : gettext("No results");
  if (takeFirst) take();
  takeFirst = false;
}

function fail(text) {
  isStale = takeFirst = false;
  status.textContent = text;
  const line = document.createElement("p");
  line.className = "text-secondary m-0 p-3";
  line.textContent = text;
  results.replaceChildren(line);
}

// The dialog covers the notice of session.js: the way to sign in is in the dialog too.
function failSignedOut() {
  fail(SESSION_ENDED);
  const link = sessionNotice().querySelector("a").cloneNode(true);
  link.className = "d-block px-3 pb-3";
  results.append(link);
}

function listenToSearch() {
  search.addEventListener("input", () => {
    isStale = true;
    takeFirst = false; // they typed on: that Enter was for other words
  });
  search.addEventListener("keydown", onKey);
  search.addEventListener("htmx:responseError", (event) => {
    if (event.detail.xhr.status === 401) failSignedOut();
    else fail(gettext("The search didn't respond. Try again."));
  });
  search.addEventListener("htmx:sendError", () => fail(gettext("The console didn't respond. Try again.")));
  results.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.requestConfig.parameters.q === search.value) showResults(); // else another answer follows
  });
  results.addEventListener("click", (event) => {
    if (event.target.closest("[data-theme-switch], [data-shortcuts-open]")) dialog.close();
  });
}

function listenToOpeners() {
  for (const opener of document.querySelectorAll("[data-palette-open]")) {
    opener.setAttribute("aria-haspopup", "dialog");
    opener.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return; // in a new tab, as a link
      event.preventDefault();
      open();
    });
  }
  document.addEventListener("palette:open", open);
  document.addEventListener("keydown", (event) => {
    if (shortcutKey(event).toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey)) return;
    if (event.shiftKey || event.altKey) return;
    event.preventDefault();
    open();
  });
}

if (dialog) {
  listenToSearch();
  listenToOpeners();
}
