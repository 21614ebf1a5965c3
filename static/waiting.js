// While the next page is on its way: a bar on top, and after a while its outline instead of the
// old page. It takes nothing away: any key or click brings the old page back.
import { announce } from "./announcer.js";
import { gettext } from "./words.js";

const BAR_AFTER = 400; // milliseconds; quicker than that, a bar only flickers
const OUTLINE_AFTER = 900;
const bar = document.getElementById("waiting-bar");
const main = document.getElementById("content");
const outline = document.getElementById("waiting-page");
let timers = [];
let isDownload = false;
let isLink = false;

function showBar() {
  bar.hidden = false;
  main.setAttribute("aria-busy", "true");
  announce(gettext("Loading"));
}

function showOutline() {
  if (main.querySelector(".placeholder-glow")) return;
  main.append(outline.content.cloneNode(true));
  main.classList.add("is-waiting");
}

function end() {
  for (const timer of timers) clearTimeout(timer);
  timers = [];
  bar.hidden = true;
  main.removeAttribute("aria-busy");
  main.classList.remove("is-waiting");
  main.querySelector(":scope > .placeholder-glow")?.remove();
}

function waitForPages() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    isLink = Boolean(link);
    isDownload = Boolean(link?.closest("[data-download]"));
  });
  document.addEventListener("submit", (event) => {
    isLink = false;
    isDownload = event.target.matches("[data-download]");
  });
  addEventListener("beforeunload", (event) => {
    end();
    if (isDownload) return;
    // Whoever is asked about unsent changes may stay: then nothing is on its way.
    const unlessAsked = (show) => () => event.defaultPrevented || show();
    timers = [setTimeout(unlessAsked(showBar), BAR_AFTER)];
    if (isLink) timers.push(setTimeout(unlessAsked(showOutline), OUTLINE_AFTER));
  });
  addEventListener("pageshow", end);
  addEventListener("pagehide", end);
  for (const kind of ["keydown", "pointerdown"]) addEventListener(kind, () => bar.hidden || end());
}

// Parts of a page: the bar for whatever takes longer than a moment.
function waitForParts() {
  const waiting = new Map();
  document.addEventListener("htmx:beforeRequest", (event) => {
    const { xhr, target } = event.detail;
    target.setAttribute("aria-busy", "true");
    waiting.set(xhr, setTimeout(() => (bar.hidden = false), BAR_AFTER));
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    clearTimeout(waiting.get(event.detail.xhr));
    waiting.delete(event.detail.xhr);
    event.detail.target.removeAttribute("aria-busy");
    if (!waiting.size && !timers.length) bar.hidden = true;
  });
}

if (bar && main) {
  waitForPages();
  waitForParts();
}
