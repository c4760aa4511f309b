// Elements from code. Text is always text: nothing here can become markup.

const SVG = "http://www.w3.org/2000/svg";

function make(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

export function el(name, attributes = {}, ...children) {
  return make(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return make(document.createElementNS(SVG, name), attributes, children);
}

export function byID(id) {
  return document.getElementById(id);
}

// put replaces what stands in a place, and keeps the focus where it was on something with the same data-key.
export function put(place, ...children) {
  const key = place.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  place.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined));
  if (key) place.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
}

// command is one to run next, with a button that copies it; or what to do, where that is no command.
export function command(text) {
  if (!text) return null;
  if (!/^(pgrepl|docker) /.test(text)) return el("span", { class: "next" }, text);
  const button = el("button", { type: "button", class: "copy", title: "Copy", "data-key": "copy " + text, "aria-label": "Copy " + text }, "copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "copied";
    } catch {
      button.textContent = "cannot copy";
    }
  });
  return el("span", { class: "next" }, el("code", {}, text), button);
}

// chip is a verdict: the word says it, the colour repeats it.
export function chip(level) {
  return el("span", { class: "chip " + level }, level);
}
