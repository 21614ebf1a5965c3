// Elements that the picker's parts make.

export function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

export function secondary(text, more = "") {
  return make("span", { className: `text-secondary ${more}`, textContent: text });
}

export function makeButton(text, action) {
  const button = make("button", { type: "button", className: "btn btn-sm", textContent: text });
  button.addEventListener("click", action);
  return button;
}
