// The week under the hours of the form: hidden while it would show something else than is chosen.
for (const live of document.querySelectorAll("[data-hours]")) {
  const show = (fine) => {
    live.querySelector("#hours-week").hidden = !fine;
    live.querySelector("[data-hours-problem]").hidden = fine;
  };
  live.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.xhr.status) show(event.detail.successful);
  });
  live.addEventListener("htmx:sendError", () => show(false));
  // Chosen before these scripts were there; htmx, which came first, listens by then.
  addEventListener("DOMContentLoaded", () => {
    document.querySelector("#hours .is-changed")?.dispatchEvent(new Event("change", { bubbles: true }));
  });
}
