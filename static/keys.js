// The key a shortcut is about. On a Cyrillic, Greek or other non-Latin keyboard the key that is "k" on
// a Latin one gives another letter, so there its place counts; elsewhere the letter does.
const PLACES = { BracketLeft: "[", BracketRight: "]", Slash: "/" };

export function shortcutKey(event) {
  if (!/^[^\p{Script=Latin}\p{Script=Common}]$/u.test(event.key)) return event.key;
  if (/^Key[A-Z]$/.test(event.code)) return event.code.slice(3).toLowerCase();
  return PLACES[event.code] ?? event.key;
}
