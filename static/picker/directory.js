// The console's answers about names: every search and every list of ids is read there, not here.
import { SESSION_ENDED, checkSession } from "../session.js";
import { gettext } from "../words.js";

const MOST_NAMES = 5000; // asked for at a time

export class SessionEnded extends Error {
  constructor() {
    super(SESSION_ENDED);
    checkSession();
  }
}

// A request that got no answer fails as a TypeError, in the browser's words.
export function reason(error) {
  if (!(error instanceof TypeError)) return error.message;
  return gettext("The console didn't respond. Nothing was added. Your selection is kept.");
}

export class Directory {
  constructor({ search, pasted, picked, office }, form) {
    this.urls = { search, pasted, picked, office };
    this.form = form;
  }

  search(text) {
    return this.ask(`${this.urls.search}?q=${encodeURIComponent(text)}`);
  }

  readList(text) {
    return this.post(this.urls.pasted, { text });
  }

  ofOffice(id) {
    return this.ask(this.urls.office.replace(/0$/, id));
  }

  // The names of these ids, or of those of them that have every word of the text.
  async named(ids, text = "") {
    const items = [];
    for (let at = 0; at < ids.length; at += MOST_NAMES) {
      const some = ids.slice(at, at + MOST_NAMES).join(",");
      items.push(...(await this.post(this.urls.picked, { ids: some, q: text })).items);
    }
    return items;
  }

  post(url, values) {
    const body = new FormData();
    body.append("csrfmiddlewaretoken", this.form.elements.csrfmiddlewaretoken.value);
    for (const [name, value] of Object.entries(values)) body.append(name, value);
    return this.ask(url, { method: "POST", body });
  }

  async ask(url, options = {}) {
    const answer = await fetch(url, { headers: { Accept: "application/json" }, ...options });
    if (answer.status === 401) throw new SessionEnded();
    const isJSON = answer.headers.get("Content-Type")?.startsWith("application/json");
    const content = isJSON ? await answer.json() : {};
    if (!answer.ok || !isJSON) throw new Error(content.error ?? gettext("The console couldn't do that. Nothing was added."));
    return content;
  }
}
