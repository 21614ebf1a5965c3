// A field for one tenant suggests names while the user types. It sends "Name (short name)"; without
// this file it takes a name or a short name as typed, and the server asks if several fit.
"use strict";

(() => {
  for (const [number, input] of [...document.querySelectorAll("input[data-tenant-search]")].entries()) start(input, number);

  function start(input, number) {
    const list = document.createElement("div");
    list.className = "dropdown-menu w-100 tenant-options";
    list.id = `tenant-options-${number}`;
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", gettext("Tenants"));
    input.parentElement.classList.add("position-relative");
    input.after(list);
    const combobox = { role: "combobox", "aria-autocomplete": "list", "aria-controls": list.id, "aria-expanded": "false" };
    for (const [name, value] of Object.entries(combobox)) input.setAttribute(name, value);
    let chosen = -1;
    let timer = 0;

    const options = () => [...list.querySelectorAll("[role=option]")];

    function show(isOpen) {
      list.classList.toggle("show", isOpen);
      input.setAttribute("aria-expanded", String(isOpen));
      if (!isOpen) mark(-1);
    }

    function mark(index) {
      const all = options();
      all[chosen]?.setAttribute("aria-selected", "false");
      all[chosen]?.classList.remove("active");
      chosen = all.length && index >= -1 ? Math.min(index, all.length - 1) : -1;
      const option = all[chosen];
      input.setAttribute("aria-activedescendant", option ? option.id : "");
      option?.setAttribute("aria-selected", "true");
      option?.classList.add("active");
      option?.scrollIntoView({ block: "nearest" });
    }

    function take(option) {
      input.value = option.dataset.value;
      show(false);
      input.dispatchEvent(new Event("change", { bubbles: true }));
    }

    function option(item, index) {
      const line = document.createElement("div");
      line.className = "dropdown-item";
      line.id = `${list.id}-${index}`;
      line.setAttribute("role", "option");
      line.setAttribute("aria-selected", "false");
      line.dataset.value = item.value;
      const name = document.createElement("bdi");
      name.textContent = item.name;
      const detail = document.createElement("span");
      detail.className = "text-secondary ms-2";
      detail.textContent = item.detail;
      line.append(name, detail);
      return line;
    }

    function note(text) {
      const line = document.createElement("div");
      line.className = "dropdown-item-text text-secondary";
      line.textContent = text;
      return line;
    }

    function notes({ items, more, why }) {
      if (why) return [note(why)];
      if (!items.length) return [note(gettext("No results"))];
      return more ? [note(gettext("There are more. Type more of the name."))] : [];
    }

    async function suggest() {
      const text = input.value;
      const address = new URL(input.dataset.tenantSearch, location.href);
      address.searchParams.set("q", text);
      const answer = await fetch(address, { headers: { Accept: "application/json" } }).catch(() => null);
      const isJson = answer?.ok && answer.headers.get("Content-Type")?.startsWith("application/json");
      const found = isJson ? await answer.json() : null;
      if (input.value !== text || document.activeElement !== input) return; // the user went on
      if (!Array.isArray(found?.items)) list.replaceChildren(note(gettext("The search didn't respond. Try again.")));
      else list.replaceChildren(...found.items.map(option), ...notes(found));
      chosen = -1;
      show(true);
      const count = options().length;
      announce(count ? interpolate(ngettext("%(count)s result", "%(count)s results", count), { count }) : list.textContent);
    }

    input.addEventListener("input", () => {
      clearTimeout(timer);
      show(false);
      if (input.value.trim()) timer = setTimeout(suggest, 150);
    });
    input.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      const isOpen = list.classList.contains("show");
      if (event.key === "ArrowDown" && !isOpen) suggest();
      else if (event.key === "ArrowDown") mark(chosen + 1);
      else if (event.key === "ArrowUp" && isOpen) mark(chosen - 1);
      else if (event.key === "Enter" && isOpen && chosen >= 0) take(options()[chosen]);
      else if (event.key === "Escape" && isOpen) show(false);
      else return;
      event.preventDefault();
    });
    list.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
    list.addEventListener("click", (event) => {
      const picked = event.target.closest("[role=option]");
      if (picked) take(picked);
    });
    input.addEventListener("blur", () => show(false));
  }
})();
