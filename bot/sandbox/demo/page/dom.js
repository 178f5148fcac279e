// Elements are made, never parsed: text is always a text node, so nothing that a customer wrote can become markup.

export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name in element && !["list", "form", "role"].includes(name)) element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  append(element, children);
  return element;
}

export function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false || child === "") continue;
    element.append(child);
  }
  return element;
}

export function fill(element, ...children) {
  element.replaceChildren();
  return append(element, children);
}

const ICONS = {
  mail: "M3 5h18v14H3zM3.5 6l8.5 7 8.5-7",
  shop: "M5 11v9h14v-9M3 9l2-5h14l2 5a3 3 0 0 1-6 0 3 3 0 0 1-6 0 3 3 0 0 1-6 0zM10 20v-5h4v5",
  telegram: "M21 4L3 11.2l5.6 2.2M21 4l-3 15.5-9.4-6.1M21 4L8.6 13.4V20l3.4-4.2",
  x: "M5 4l14 16M19 4L5 20",
  breaks: "M13 2L5 14h6l-1 8 8-12h-6z",
  send: "M12 19V5M6 11l6-6 6 6",
  clip: "M20.5 11.5l-8.6 8.6a5.5 5.5 0 0 1-7.8-7.8l9-9a3.7 3.7 0 0 1 5.2 5.2l-8.9 8.9a1.8 1.8 0 0 1-2.6-2.6l8-8",
};

export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const path = document.createElementNS(space, "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "glyph");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

// Keyed rows: an element is made anew only where its data changed, so that focus, scroll and open menus survive.
export class Rows {
  constructor(element, make) {
    this.element = element;
    this.make = make;
    this.rows = new Map();
  }

  show(items, key) {
    const kept = new Map();
    let at = this.element.firstChild;
    for (const item of items) {
      const id = key(item);
      const data = JSON.stringify(item);
      let row = this.rows.get(id);
      if (!row || row.data !== data) {
        const element = this.make(item);
        if (row) {
          if (row.element === at) at = at.nextSibling;
          row.element.replaceWith(element);
        }
        row = { element, data };
      }
      kept.set(id, row);
      if (row.element === at) at = at.nextSibling;
      else this.element.insertBefore(row.element, at);
    }
    for (const [id, row] of this.rows) if (!kept.has(id)) row.element.remove();
    this.rows = kept;
  }

  clear() {
    this.rows.clear();
    this.element.replaceChildren();
  }
}

// A menu below a button: arrows, Home, End and Escape work; a click elsewhere closes it.
export function openMenu(button, items) {
  const menu = h("div", { class: "menu", role: "menu", popover: "auto" });
  const close = () => menu.hidePopover();
  for (const item of items) {
    menu.append(
      h("button", { type: "button", role: "menuitem", class: item.danger ? "danger" : "", onclick: () => { close(); item.act(); } },
        item.label, item.under ? h("small", null, item.under) : null));
  }
  menu.addEventListener("keydown", (event) => {
    const entries = [...menu.children];
    const at = entries.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: entries.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    entries[(to + entries.length) % entries.length].focus();
  });
  menu.addEventListener("toggle", (event) => {
    if (event.newState !== "closed") return;
    menu.remove();
    if (document.activeElement === document.body) button.focus();
  });
  (button.closest("dialog") ?? document.querySelector("main")).append(menu);
  menu.showPopover();
  const from = button.getBoundingClientRect();
  const size = menu.getBoundingClientRect();
  const left = Math.max(8, Math.min(from.left, innerWidth - size.width - 8));
  const below = from.bottom + 4 + size.height < innerHeight;
  menu.style.left = `${left}px`;
  menu.style.top = `${below ? from.bottom + 4 : Math.max(8, from.top - size.height - 4)}px`;
  menu.firstElementChild?.focus();
}

export function toast(words, kind = "") {
  const element = h("div", { class: `toast ${kind}` }, words);
  document.getElementById("toasts").append(element);
  setTimeout(() => element.remove(), kind === "bad" ? 9000 : 5000);
}

export function clock(seconds, options = { hour: "2-digit", minute: "2-digit" }) {
  return new Date(seconds * 1000).toLocaleTimeString([], options);
}

export function when(seconds) {
  const at = new Date(seconds * 1000);
  const day = at.toDateString() === new Date().toDateString() ? "" : `${at.toLocaleDateString([], { day: "numeric", month: "short" })} `;
  return day + clock(seconds);
}

export function bytes(count) {
  if (count < 1000) return `${count} B`;
  return count < 1e6 ? `${Math.round(count / 1000)} kB` : `${(count / 1e6).toFixed(1)} MB`;
}
