// Keys for the whole console, and the dialog that lists them. Those of a single key can be switched
// off (WCAG 2.1.4), for people who speak to their computer or press keys by accident.
import { shortcutKey } from "./keys.js";

const OFF = "off";
const dialog = document.getElementById("shortcuts");

function open() {
  if (!dialog.open) dialog.showModal();
}

function areSingleKeysOff() {
  return localStorage.getItem("single-keys") === OFF;
}

function search() {
  const fields = [...document.querySelectorAll("main input[type=search]")];
  const field = fields.find((one) => one.checkVisibility());
  if (!field) return document.dispatchEvent(new Event("palette:open"));
  field.focus();
  field.select();
}

function isTyping(event) {
  if (event.isComposing || event.target.closest("input, textarea, select, [contenteditable]")) return true;
  if (document.querySelector("dialog[open]")) return true;
  // On many keyboards [ and ] need AltGr, which looks like Ctrl and Alt together.
  return (event.ctrlKey || event.metaKey || event.altKey) && !event.getModifierState("AltGraph");
}

function onKey(event) {
  if (areSingleKeysOff() || event.defaultPrevented || isTyping(event)) return;
  const key = shortcutKey(event);
  const link = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (key === "/") search();
  else if (key === "?") open();
  else if (link) link.click(); // a link, so that unsent changes are asked about
  else return;
  event.preventDefault();
}

function fitPage() {
  const isMac = /Mac|iPhone|iPad/.test(navigator.platform);
  if (isMac) for (const key of document.querySelectorAll("[data-command-key]")) key.textContent = "⌘";
  for (const button of document.querySelectorAll("[data-needs-script]")) button.hidden = false;
}

// A click next to a dialog closes it, like Escape.
function closeByClick(event) {
  const clicked = event.target.closest("dialog.palette");
  if (clicked && (event.target === clicked || event.target.closest("[data-close]"))) clicked.close();
}

function openByClick(event) {
  const opener = event.target.closest("[data-shortcuts-open]");
  if (!opener) return;
  // A menu closes behind it: Escape must lead back to something that can be seen.
  opener.closest(".dropdown")?.querySelector("[data-bs-toggle]").focus();
  open();
}

function startSwitch(single) {
  single.checked = !areSingleKeysOff();
  single.addEventListener("change", () => {
    if (single.checked) localStorage.removeItem("single-keys");
    else localStorage.setItem("single-keys", OFF);
  });
}

fitPage();
document.addEventListener("click", closeByClick);
if (dialog) {
  document.addEventListener("click", openByClick);
  document.addEventListener("keydown", onKey);
  startSwitch(dialog.querySelector("[data-single-keys]"));
}
