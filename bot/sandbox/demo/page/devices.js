// The left side: one tab a device. A new kind of device (a shop page, a phone) is an object with
// `key`, `label`, `short` (how the label begins), `icon`, `unread`, `element`, `hear(state)`, `onchange` and perhaps `appear()`, added in main.js.
import { fill, h, icon } from "./dom.js";

export class Devices {
  constructor(element, devices) {
    this.devices = devices;
    this.open = devices[0].key;
    this.tabs = h("div", { class: "tabs", role: "tablist", "aria-label": "Devices" });
    this.panel = h("div", { class: "device", role: "tabpanel", id: "device", tabIndex: -1 });
    fill(element, this.tabs, this.panel);
    for (const device of devices) device.onchange = () => this.drawTabs();
    this.tabs.addEventListener("keydown", (event) => {
      const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!move) return;
      const at = devices.findIndex((device) => device.key === this.open);
      this.show(devices[(at + move + devices.length) % devices.length].key);
      this.tabs.querySelector("[aria-selected=true]").focus();
    });
    this.show(this.open);
  }

  drawTabs() {
    const focused = this.tabs.contains(document.activeElement);
    fill(this.tabs, this.devices.map((device) => {
      const on = device.key === this.open;
      return h("button", { type: "button", role: "tab", class: device.kind ?? "", title: device.label,
        "aria-selected": String(on), "aria-controls": "device", tabIndex: on ? 0 : -1, onclick: () => this.show(device.key) },
        icon(device.icon), h("span", null, device.short, h("span", { class: "rest" }, device.label.slice(device.short.length))),
        device.unread ? h("span", { class: "count" }, String(device.unread), h("span", { class: "unseen" }, " new")) : null);
    }));
    if (focused) this.tabs.querySelector("[aria-selected=true]").focus();
  }

  get(key) {
    return this.devices.find((device) => device.key === key);
  }

  show(key) {
    this.open = key;
    fill(this.panel, this.get(key).element);
    this.get(key).appear?.();
    this.drawTabs();
  }

  hear(state) {
    for (const device of this.devices) device.hear(state);
  }
}
