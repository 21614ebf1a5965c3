// The code of an invitation stands behind the # of its link: take it over, and out of sight.
"use strict";

const form = document.querySelector("[data-invitation]");
const code = decodeURIComponent(location.hash.slice(1));
if (code && code !== "content") {
  history.replaceState(null, "", location.pathname);
  form.elements.code.value = code;
  form.requestSubmit();
}
