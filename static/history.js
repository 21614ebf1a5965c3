// The history: an event opens in a drawer next to the list, arrow keys step through, and the address
// is the event's own. Without this file every link leads to the event's page.
import { announce } from "./announcer.js";
import { SESSION_ENDED, checkSession } from "./session.js";
import { gettext } from "./words.js";

document.addEventListener("DOMContentLoaded", () => {
  const drawer = document.querySelector("[data-drawer]");
  const body = document.getElementById("drawer-body");
  if (drawer) startDrawer(drawer, body);
  document.addEventListener("keydown", (event) => step(event, drawer));
});

function step(event, drawer) {
  const keys = { ArrowLeft: "[data-newer]", ArrowRight: "[data-older]" };
  const wanted = keys[event.key];
  if (!wanted || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (event.target.closest("input, select, textarea, [contenteditable]")) return;
  const within = drawer ? (drawer.open ? drawer : null) : document;
  const link = within?.querySelector(wanted);
  if (!link) return;
  event.preventDefault();
  link.click();
}

function startDrawer(drawer, body) {
  let list = ""; // the address of the list, while the drawer is open
  let wentBack = false; // it was closed by the browser's button: the address is the list's already

  const show = async (url) => {
    const answer = await fetch(url, { headers: { "HX-Request": "true" } }).catch(() => null);
    if (answer?.status === 401) return announce(SESSION_ENDED), checkSession(), false;
    if (!answer?.ok) return announce(gettext("The event could not be loaded. Try again.")), false;
    if (answer.headers.has("HX-Refresh")) return location.reload(), false; // the session has ended
    body.innerHTML = await answer.text();
    if (!drawer.open) drawer.showModal();
    drawer.scrollTop = 0;
    body.querySelector("[data-event-title]").focus();
    mark(body);
    return true;
  };
  // The address follows the event, not the click: a quick second key steps on from what is shown.
  const open = async (url) => {
    const wasOpen = drawer.open;
    if (!wasOpen) list = location.href;
    if (await show(url)) history[wasOpen ? "replaceState" : "pushState"]({ drawer: url, list }, "", url);
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-event-link]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    open(link.href);
  });
  drawer.querySelector("[data-drawer-close]").addEventListener("click", () => drawer.close());
  drawer.addEventListener("click", (event) => {
    if (event.target === drawer) drawer.close(); // outside the drawer
  });
  drawer.addEventListener("close", () => {
    if (!wentBack && history.state?.drawer) history.back();
    wentBack = false;
    const shown = body.querySelector("[data-event]")?.dataset.event;
    document.getElementById(`event-${shown}`)?.focus();
  });
  addEventListener("popstate", (event) => {
    if (event.state?.drawer) {
      list = event.state.list;
      show(event.state.drawer);
    } else if (drawer.open) {
      wentBack = true;
      drawer.close();
    }
  });
}

// The line of the event that is open, in the list behind.
function mark(body) {
  const shown = body.querySelector("[data-event]")?.dataset.event;
  for (const line of document.querySelectorAll(".event-line.active")) line.classList.remove("active");
  const line = document.getElementById(`event-${shown}`);
  line?.classList.add("active");
  line?.scrollIntoView({ block: "nearest" });
}
