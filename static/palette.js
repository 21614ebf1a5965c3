// The palette: type, arrows, Enter, Escape. Without it the button in the header is a link to a page.
"use strict";

(() => {
  const dialog = document.getElementById("palette");
  if (!dialog) return;
  const search = document.getElementById("palette-search");
  const results = document.getElementById("palette-results");
  let chosen = -1;
  let isStale = true; // what is listed is not for what is typed
  let takeFirst = false; // Enter came before the answer to what was typed

  const options = () => [...results.querySelectorAll("[role=option]")];

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

  search.addEventListener("input", () => {
    isStale = true;
    takeFirst = false; // they typed on: that Enter was for other words
  });
  search.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in steps) choose(chosen + steps[event.key]);
    else if (event.key !== "Enter") return;
    else if (isStale) takeFirst = true;
    else take();
    event.preventDefault();
  });

  results.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.requestConfig.parameters.q !== search.value) return; // another answer follows
    isStale = false;
    for (const [number, option] of options().entries()) option.id = `palette-option-${number}`;
    chosen = -1;
    choose(0);
    results.scrollTop = 0;
    const count = options().length;
    document.getElementById("palette-count").textContent = count
      ? interpolate(ngettext("%(count)s result", "%(count)s results", count), { count })
      : gettext("No results");
    if (takeFirst) take();
    takeFirst = false;
  });

  function fail(text) {
    isStale = takeFirst = false;
    document.getElementById("palette-count").textContent = text;
    const line = document.createElement("p");
    line.className = "text-secondary m-0 p-3";
    line.textContent = text;
    results.replaceChildren(line);
  }
  // The dialog covers the notice of static/session.js: the way to sign in is in the dialog too.
  function failSignedOut() {
    fail(SESSION_ENDED);
    const link = sessionNotice().querySelector("a").cloneNode(true);
    link.className = "d-block px-3 pb-3";
    results.append(link);
  }
  search.addEventListener("htmx:responseError", (event) => {
    if (event.detail.xhr.status === 401) failSignedOut();
    else fail(gettext("The search didn't respond. Try again."));
  });
  search.addEventListener("htmx:sendError", () => fail(gettext("The console didn't respond. Try again.")));

  results.addEventListener("click", (event) => {
    if (event.target.closest("[data-theme-switch], [data-shortcuts-open]")) dialog.close();
  });
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
})();
