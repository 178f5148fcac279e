// Where a person writes: Enter sends, Shift+Enter is a new line, files by button, drop and paste, slash commands with completion.
import { bytes, h, toast } from "./dom.js";

export class Composer {
  constructor({ label, hint, commands, send }) {
    this.send = send;
    this.commands = commands ?? [];
    this.files = [];
    const listId = `commands-${Math.random().toString(36).slice(2)}`;
    this.list = h("div", { class: "options up", role: "listbox", id: listId, hidden: true, "aria-label": "Slash commands" });
    this.area = h("textarea", { rows: 1, placeholder: label, "aria-label": label, "aria-controls": listId, "aria-autocomplete": "list",
      oninput: () => this.changed(), onkeydown: (event) => this.key(event), onpaste: (event) => this.paste(event), onblur: () => this.close() });
    this.picked = h("div", { class: "picked" });
    const input = h("input", { type: "file", multiple: true, hidden: true, onchange: () => { this.add(input.files); input.value = ""; } });
    this.element = h("form", { class: "composer", onsubmit: (event) => { event.preventDefault(); this.submit(); },
      ondragover: (event) => event.preventDefault(), ondrop: (event) => { event.preventDefault(); this.add(event.dataTransfer.files); } },
      this.list, this.picked,
      h("div", { class: "write" }, this.area,
        h("div", { class: "under" }, h("button", { type: "button", class: "icon", "aria-label": "Add files", title: "Add files", onclick: () => input.click() }, "📎"), input,
          h("p", { class: "hint" }, hint), h("button", { type: "submit", class: "primary" }, "Send"))));
    this.active = 0;
  }

  set(text) {
    this.area.value = text;
    this.changed();
    this.close();
    this.area.focus();
    this.area.setSelectionRange(text.length, text.length);
  }

  // Change something that was said: `save` gets the new words; Escape gives up.
  edit(text, save) {
    this.saving = save;
    this.element.classList.add("editing");
    this.set(text);
  }

  stopEditing() {
    this.saving = null;
    this.element.classList.remove("editing");
    this.area.value = "";
    this.changed();
  }

  add(files) {
    this.files.push(...files);
    this.picked.replaceChildren(...this.files.map((file) => h("span", { class: "file" }, `${file.name} · ${bytes(file.size)} `,
      h("button", { type: "button", class: "icon", "aria-label": `Remove ${file.name}`, onclick: () => { this.files = this.files.filter((one) => one !== file); this.add([]); } }, "×"))));
  }

  paste(event) {
    if (!event.clipboardData.files.length) return;
    event.preventDefault();
    this.add(event.clipboardData.files);
  }

  changed() {
    this.area.style.height = "auto";
    this.area.style.height = `${Math.min(this.area.scrollHeight + 2, 180)}px`;
    const typed = this.area.value.match(/^\/\S*$/)?.[0];
    this.offered = typed ? this.commands.filter((one) => one.command.startsWith(typed)) : [];
    if (!this.offered.length) return this.close();
    this.list.replaceChildren(...this.offered.map((one, at) => h("div", { role: "option", id: `${this.list.id}-${at}`, onpointerdown: (event) => { event.preventDefault(); this.choose(one); } },
      h("b", null, one.command), ` ${one.usage_hint ?? ""}`, h("small", null, one.description))));
    this.list.hidden = false;
    this.mark(0);
  }

  mark(to) {
    this.active = to;
    [...this.list.children].forEach((row, at) => row.setAttribute("aria-selected", String(at === to)));
    this.area.setAttribute("aria-activedescendant", `${this.list.id}-${to}`);
    this.list.children[to]?.scrollIntoView({ block: "nearest" });
  }

  choose(one) {
    this.set(`${one.command} `);
  }

  close() {
    this.list.hidden = true;
    this.area.removeAttribute("aria-activedescendant");
  }

  key(event) {
    if (event.isComposing) return;
    if (!this.list.hidden) {
      const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const exact = this.offered[this.active]?.command === this.area.value;
      if (move) this.mark((this.active + move + this.offered.length) % this.offered.length);
      else if (event.key === "Tab" || (event.key === "Enter" && !exact)) this.choose(this.offered[this.active]);
      else if (event.key === "Escape") this.close();
      else if (event.key === "Enter") { this.close(); this.submit(); }
      else return;
      event.preventDefault();
      return;
    }
    if (event.key === "Escape" && this.saving) {
      event.stopPropagation();
      this.stopEditing();
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.submit();
    }
  }

  async submit() {
    const text = this.area.value.trim();
    const files = this.files;
    if (this.busy || (!text && !files.length)) return;
    this.busy = true;
    this.element.setAttribute("aria-busy", "true");
    try {
      await (this.saving ?? this.send)(text, files);
      this.stopEditing();
      this.files = [];
      this.add([]);
    } catch (error) {
      toast(error.message, "bad");
    } finally {
      this.busy = false;
      this.element.removeAttribute("aria-busy");
      this.area.focus();
    }
  }
}
