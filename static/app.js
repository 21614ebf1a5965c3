// Small things every page shares. Pages work without it.
"use strict";

document.addEventListener("shown.bs.dropdown", (event) => {
  const search = event.target.parentElement.querySelector("[data-switcher] input[type=search]");
  if (search) search.focus();
});

document.addEventListener("input", (event) => {
  const switcher = event.target.closest("[data-switcher]");
  if (!switcher) return;
  const wanted = event.target.value.trim().toLowerCase();
  for (const link of switcher.querySelectorAll(".switcher-list a")) {
    link.hidden = !link.textContent.toLowerCase().includes(wanted);
  }
});
