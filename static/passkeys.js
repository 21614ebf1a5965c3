// Passkeys: ask the browser for one and send what it answers. Forms say which with data-passkey.
import { markSent } from "./typed.js";
import { gettext } from "./words.js";

const PASSKEY_TROUBLE = {
  NotAllowedError: gettext("The passkey wasn't used. Nothing was changed. You can try again."),
  InvalidStateError: gettext("This passkey is already set up."),
  NotSignedIn: gettext("You were signed out. Nothing was changed. Reload the page and sign in."),
  SecurityError: gettext("Passkeys don't work at this address. They need https and a host name."),
};

async function passkeyOptions(form) {
  if (!form.dataset.optionsUrl) return JSON.parse(document.getElementById("passkey-options").textContent);
  const answer = await fetch(form.dataset.optionsUrl, { headers: { Accept: "application/json" } });
  if (answer.status === 401) throw new DOMException("", "NotSignedIn");
  if (!answer.ok) throw new Error("no options");
  return (await answer.json()).request_options;
}

function tellPasskeyTrouble(form, error) {
  const place = form.querySelector("[data-passkey-trouble]");
  place.textContent = PASSKEY_TROUBLE[error.name] || gettext("That didn't work. Nothing was changed. Try again.");
  place.hidden = false;
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-passkey]")) return;
  event.preventDefault();
  try {
    if (!webauthnJSON.supported()) throw new DOMException("", "SecurityError");
    const credential = await webauthnJSON[form.dataset.passkey](await passkeyOptions(form));
    form.elements.credential.value = JSON.stringify(credential);
    markSent(form);
    form.submit();
  } catch (error) {
    tellPasskeyTrouble(form, error);
  }
});
