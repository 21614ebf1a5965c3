// The code of an invitation stands behind the # of its link: take it over, and out of sight.
function takeOver() {
  const form = document.querySelector("[data-invitation]");
  const code = location.hash.slice(1).replaceAll("%3A", ":"); // some mail programs write : so
  if (!code || code === "content") return;
  history.replaceState(null, "", location.pathname);
  form.elements.code.value = code;
  form.requestSubmit();
}

takeOver();
addEventListener("hashchange", takeOver); // another link, opened on the page of a wrong one
