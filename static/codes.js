// Copies the recovery codes. Without this script the button stays hidden; the codes can be saved.
const copy = document.querySelector("[data-copy-codes]");
copy.hidden = !navigator.clipboard;
copy.addEventListener("click", async () => {
  const codes = [...document.querySelectorAll(".recovery-codes li")].map((item) => item.textContent);
  const said = document.querySelector("[data-copied]");
  try {
    await navigator.clipboard.writeText(codes.join("\n"));
    said.textContent = copy.dataset.done;
  } catch {
    said.textContent = copy.dataset.failed;
  }
});
