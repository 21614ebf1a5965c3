// Say something to people who do not see the page change.
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}
