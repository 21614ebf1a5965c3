// Small things every page shares. Pages work without it.
import { announce } from "./announcer.js";

// What the page says at its top was there before a screen reader listened: announce it again, politely.
addEventListener("load", () => {
  const texts = [...document.querySelectorAll("[data-message]")].map((message) => message.textContent.trim());
  if (texts.length) setTimeout(() => announce(texts.join(" ")), 300);
});

// After a refusal, start reading at what went wrong.
document.addEventListener("DOMContentLoaded", () => document.querySelector("[data-focus]")?.focus());

// A page that renewed itself: say so once there is something to say.
document.addEventListener("htmx:afterSettle", () => document.querySelector("[data-focus]:not([hx-get] *)")?.focus());

// A second click must not send a second time (the server refuses it too).
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-once]")) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
  for (const button of form.querySelectorAll("button[type=submit]")) button.setAttribute("aria-disabled", "true");
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("[data-once]")) delete form.dataset.sent;
});

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

// Times are shown in the zone of this browser; the server reads it from here.
document.cookie = `zone=${Intl.DateTimeFormat().resolvedOptions().timeZone};path=/;max-age=31536000;samesite=lax${location.protocol === "https:" ? ";secure" : ""}`;
