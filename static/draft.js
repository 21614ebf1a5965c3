// The review: the reason and the confirmations are kept with the draft as they are entered, so that
// Back, Reload and a closed tab lose nothing.
const PAUSE = 800; // milliseconds without typing

function keepNote(form) {
  let timer = 0;
  let unsaved = false;
  const save = () => {
    clearTimeout(timer);
    if (!unsaved) return;
    unsaved = false;
    const body = new URLSearchParams(new FormData(form));
    fetch(form.dataset.noteUrl, { method: "POST", body, keepalive: true, redirect: "manual" }).catch(() => (unsaved = true));
  };
  const note = () => {
    unsaved = true;
    clearTimeout(timer);
    timer = setTimeout(save, PAUSE);
  };
  form.addEventListener("input", note);
  form.addEventListener("submit", () => {
    clearTimeout(timer);
    unsaved = false; // the form brings it
  });
  addEventListener("pagehide", save);
}

const noteForm = document.querySelector("[data-note-url]");
if (noteForm) keepNote(noteForm);
