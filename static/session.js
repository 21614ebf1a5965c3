// What the scripts of a page do when the session has ended: leave the page as it is, say so, and
// offer to sign in in another tab. Once the same user is signed in again, the forms work again.
import { announce } from "./announcer.js";
import { pageOwner } from "./page_owner.js";
import { gettext } from "./words.js";

export const SESSION_ENDED = gettext("You were signed out. Sign in in another tab, then continue here. What you typed stays on this page.");

export function sessionNotice() {
  return document.getElementById("session-ended");
}

async function whoIsSignedIn() {
  const answer = await fetch(sessionNotice().dataset.check, { headers: { Accept: "application/json" } }).catch(() => null);
  return answer?.ok ? answer.json() : null;
}

// Forms carry a token of the sign-in they were rendered in.
function renewTokens({ csrf_token, page_of }) {
  for (const field of document.querySelectorAll("input[name=csrfmiddlewaretoken]")) field.value = csrf_token;
  for (const field of document.querySelectorAll("input[name=page_of]")) field.value = page_of;
  for (const link of document.querySelectorAll("[hx-headers*=X-CSRFToken]")) {
    link.setAttribute("hx-headers", JSON.stringify({ "X-CSRFToken": csrf_token }));
  }
}

// After an answer of 401, and when the user comes back to this tab.
export async function checkSession() {
  const notice = sessionNotice();
  const found = await whoIsSignedIn();
  const isSame = found && found.page_of.split(":")[0] === pageOwner();
  if (isSame) {
    renewTokens(found);
    if (!notice.hidden) announce(gettext("You are signed in again."));
  }
  notice.hidden = Boolean(isSame);
}

document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status === 401) checkSession();
});
// A page that asks by itself goes on once the user is signed in again.
document.addEventListener("htmx:afterOnLoad", (event) => {
  if (event.detail.xhr.status < 400 && sessionNotice() && !sessionNotice().hidden) checkSession();
});
addEventListener("focus", () => {
  if (sessionNotice() && !sessionNotice().hidden) checkSession();
});

// A page the browser kept in memory must not show itself after signing out.
addEventListener("pageshow", async (event) => {
  if (event.persisted && pageOwner() && !(await whoIsSignedIn())) location.reload();
});
