// The texts of scripts in the language of the page: from static/words/<language>.js, none for English.
const words = globalThis.WORDS ?? {};

export function gettext(text) {
  return words[text] || text;
}

export function ngettext(one, many, count) {
  const forms = words[one] || [one, many];
  return forms[count === 1 ? 0 : 1];
}

// interpolate(gettext("%(name)s is open"), { name })
export function interpolate(text, values) {
  return text.replace(/%\((\w+)\)s/g, (match, name) => String(values[name]));
}

// As the language writes it: "12,345" or "12.345".
export function number(count) {
  return count.toLocaleString(document.documentElement.lang);
}
