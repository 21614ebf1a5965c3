// Keys for the whole console, and the dialog that lists them. Those of a single key can be switched
// off (WCAG 2.1.4), for people who speak to their computer or press keys by accident.
"use strict";

(() => {
  const OFF = "off";
  const mac = /Mac|iPhone|iPad/.test(navigator.platform);
  if (mac) for (const key of document.querySelectorAll("[data-command-key]")) key.textContent = "⌘";
  for (const button of document.querySelectorAll("[data-needs-script]")) button.hidden = false;

  // A click beside a dialog closes it, like Escape.
  document.addEventListener("click", (event) => {
    const dialog = event.target.closest("dialog.palette");
    if (dialog && (event.target === dialog || event.target.closest("[data-close]"))) dialog.close();
  });

  const dialog = document.getElementById("shortcuts");
  if (!dialog) return;
  const open = () => !dialog.open && dialog.showModal();
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-shortcuts-open]");
    if (!opener) return;
    // A menu closes behind it: Escape must lead back to something that can be seen.
    opener.closest(".dropdown")?.querySelector("[data-bs-toggle]").focus();
    open();
  });

  const single = dialog.querySelector("[data-single-keys]");
  const areOff = () => localStorage.getItem("single-keys") === OFF;
  single.checked = !areOff();
  single.addEventListener("change", () => {
    if (single.checked) localStorage.removeItem("single-keys");
    else localStorage.setItem("single-keys", OFF);
  });

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

  document.addEventListener("keydown", (event) => {
    if (areOff() || event.defaultPrevented || isTyping(event)) return;
    const key = shortcutKey(event);
    const link = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (key === "/") search();
    else if (key === "?") open();
    else if (link) link.click(); // a link, so that unsent changes are asked about
    else return;
    event.preventDefault();
  });
})();
