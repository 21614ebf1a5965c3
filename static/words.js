// The texts of scripts in the language of the page, for the scripts that come after this one:
// static/words/<language>.js, none for English.
"use strict";

const words = typeof WORDS === "undefined" ? {} : WORDS;
function gettext(text) {
  return words[text] || text;
}
function ngettext(one, many, count) {
  const forms = words[one] || [one, many];
  return forms[count === 1 ? 0 : 1];
}
// interpolate(gettext("%(name)s is open"), { name })
function interpolate(text, values) {
  return text.replace(/%\((\w+)\)s/g, (match, name) => String(values[name]));
}

// As the language writes it: "12,345" or "12.345".
function number(count) {
  return count.toLocaleString(document.documentElement.lang);
}
