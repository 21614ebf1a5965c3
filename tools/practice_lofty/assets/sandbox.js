// Sends the forms of the practice Lofty's page to its control API as JSON.
"use strict";

const readers = {
  json: JSON.parse,
  count: (text) => (text === "" ? null : Number(text)),
};

function read(form) {
  const fields = {};
  for (const field of form.elements) {
    if (!field.name || field.matches(":disabled")) continue;
    const kind = field.dataset.as;
    if (field.value === "" && kind !== "count") continue;
    fields[field.name] = kind ? readers[kind](field.value) : field.value;
  }
  return form.dataset.under ? { [form.dataset.under]: fields } : fields;
}

async function send(form) {
  const answer = await fetch(form.dataset.url, {
    method: form.dataset.method,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(read(form)),
  });
  if (answer.ok) return location.reload();
  throw new Error((await answer.json()).message);
}

function showKind(form) {
  for (const fields of form.querySelectorAll("fieldset[data-kind]")) {
    fields.hidden = fields.disabled = fields.dataset.kind !== form.elements.kind.value;
  }
}

for (const form of document.querySelectorAll("form[data-url]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form).catch((error) => {
      form.querySelector("output").textContent = `Nothing was changed: ${error.message}`;
    });
  });
  if (form.elements.kind) {
    form.elements.kind.addEventListener("change", () => showKind(form));
    showKind(form);
  }
}
