// A customer's phone: one chat with the shop on a messenger. What is written goes to the messenger's stand-in, never to the bot.
import { bytes, clock, fill, h, icon, Rows, toast } from "./dom.js";
import { get, post } from "./http.js";

export class Phone {
  constructor({ channel, label }, customer) {
    Object.assign(this, { channel, customer, key: channel, short: label, icon: channel, label: `${label} of ${customer.name.split(" ")[0]}` });
    this.url = `/phone/${channel}/${customer.key}`;
    this.messages = [];
    this.looked = 0;
    this.version = "";
    this.onchange = () => {};
    this.log = h("ol", { class: "chat", "aria-label": `Chat on ${label}`, tabIndex: 0 });
    this.rows = new Rows(this.log, (message) => this.row(message));
    this.none = h("p", { class: "empty" }, `Write to the shop as ${customer.name} would.`);
    this.element = h("div", { class: `phone ${channel}` },
      h("header", null, h("span", { class: "face", "aria-hidden": "true" }, "F"), h("div", null, h("b", null, "Fern & Clay"), h("small", null, `${label}, on ${customer.name}'s phone`)), h("span", { class: "fact" }, "stand-in")),
      this.none, this.log, this.composer());
  }

  get received() { return this.messages.filter((one) => !one.mine).length; }
  get unread() { return Math.max(0, this.received - this.looked); }
  get visible() { return this.element.isConnected && this.element.checkVisibility(); }

  async hear(state) {
    const version = state.phones[this.channel]?.[this.customer.key];
    if (version === this.version) return;
    this.version = version;
    this.messages = await get(this.url);
    this.rows.show(this.messages, (one) => one.id);
    this.none.hidden = this.messages.length > 0;
    this.appear();
    this.onchange();
  }

  // Called when the device comes in sight.
  appear() {
    if (!this.visible) return;
    this.looked = this.received;
    this.log.scrollTop = this.log.scrollHeight;
  }

  row(message) {
    const files = message.files.map((file, at) => {
      const href = `${this.url}/${message.id}/${at}`;
      return file.type.startsWith("image/") ? h("img", { src: href, alt: file.name, onload: () => this.visible && (this.log.scrollTop = this.log.scrollHeight) })
        : h("a", { class: "file", href, download: file.name }, "📄 ", h("span", null, file.name, h("small", null, bytes(file.size))));
    });
    return h("li", { class: message.mine ? "mine" : "" }, h("div", { class: "bubble" }, files, message.text ? h("div", { class: "text" }, message.text) : null,
      h("small", { class: "at" }, message.edited ? "edited " : "", clock(message.at))));
  }

  composer() {
    const text = h("textarea", { rows: 1, placeholder: "Message", "aria-label": `Message on ${this.short}`, onkeydown: (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); form.requestSubmit(); }
    } });
    const chosen = h("span", { class: "chosen" });
    const file = h("input", { type: "file", hidden: true, "aria-label": "Picture or file", onchange: () => fill(chosen, file.files[0]?.name ?? "") });
    const send = h("button", { type: "submit", class: "primary round", "aria-label": "Send" }, icon("send"));
    const submit = async (event) => {
      event.preventDefault();
      const words = text.value;
      if (!words.trim() && !file.files.length) return;
      send.disabled = true;
      try {
        await this.say(words, file.files[0]);
        text.value = file.value = "";
        fill(chosen);
      } catch (problem) {
        toast(problem.message, "bad");
      }
      send.disabled = false;
      text.focus();
    };
    const form = h("form", { class: "phone-write", onsubmit: submit },
      h("button", { type: "button", class: "icon", "aria-label": "Attach", onclick: () => file.click() }, icon("clip")), file, h("div", null, chosen, text), send);
    return form;
  }

  async say(text, file) {
    const packed = file ? { name: file.name, data: await base64(file) } : undefined;
    return post(`/${this.channel}/say`, { customer: this.customer.key, text, file: packed });
  }
}

function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).split(",", 2)[1] ?? "");
    reader.onerror = () => reject(new Error(`${file.name} cannot be read.`));
    reader.readAsDataURL(file);
  });
}
