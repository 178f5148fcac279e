// Slack's forms: a stack of views, of which the top one shows. What was typed stays while block and action ids stay.
import { fill, h, toast } from "./dom.js";
import { renderBlocks } from "./blocks.js";
import { textObject } from "./slacktext.js";

const STATE_KEYS = { static_select: "selected_option", external_select: "selected_option", radio_buttons: "selected_option",
  multi_static_select: "selected_options", multi_external_select: "selected_options", checkboxes: "selected_options", file_input: "files" };

class Values {
  constructor() { this.entries = new Map(); }
  add(block, action, type, read, restore) { this.entries.set(`${block}\n${action}`, { block, action, type, read, restore }); }
  restoreInto(fresh) {
    for (const [key, entry] of fresh.entries) {
      const old = this.entries.get(key);
      if (old?.type === entry.type && old.read() !== null) entry.restore(old.read());
    }
  }
}

export class Modals {
  constructor(workspace) {
    this.workspace = workspace;
    this.dialog = h("dialog", { class: "modal", "aria-labelledby": "modal-title", oncancel: (event) => { event.preventDefault(); this.cancel(); } });
    document.body.append(this.dialog);
    workspace.addEventListener("views", () => this.draw());
    workspace.addEventListener("person", () => this.draw());
    workspace.addEventListener("view_errors", ({ detail }) => this.mark(detail.errors));
  }

  get view() { return this.workspace.views.at(-1); }

  draw() {
    const { view } = this;
    if (!view) {
      if (this.dialog.open) this.dialog.close();
      this.shown = null;
      return;
    }
    if (this.shown?.id === view.id && this.shown.hash === view.hash) return;
    const before = this.shown?.id === view.id ? this.values : null;
    const focused = document.activeElement?.dataset?.action;
    this.shown = { id: view.id, hash: view.hash };
    this.values = new Values();
    const people = this.workspace;
    const context = { scope: view.id, values: this.values, people: adapt(people),
      state: (block, part) => view.state?.values?.[block.block_id]?.[part.action_id],
      act: (block, part, value) => this.act(block, part, value),
      suggest: (block, part, typed) => this.suggest(block, part, typed) };
    this.error = h("p", { class: "error", role: "alert" });
    fill(this.dialog, h("form", { method: "dialog", onsubmit: (event) => { event.preventDefault(); this.submit(); } },
      h("header", null, h("h2", { id: "modal-title" }, textObject(view.title, people)),
        h("button", { type: "button", class: "icon", "aria-label": "Close", onclick: () => this.cancel() }, "×")),
      h("div", { class: "modal-body" }, renderBlocks(view.blocks, context), this.error),
      h("footer", null,
        h("button", { type: "button", onclick: () => this.cancel() }, view.close ? textObject(view.close, people) : "Close"),
        view.submit ? h("button", { type: "submit", class: "primary" }, textObject(view.submit, people)) : null)));
    before?.restoreInto(this.values);
    if (!this.dialog.open) this.dialog.showModal();
    const again = focused && this.dialog.querySelector(`[data-action="${CSS.escape(focused)}"]`);
    (again || this.dialog.querySelector("textarea") || this.dialog.querySelector(".modal-body input:not([type=file]), select") || this.dialog.querySelector("button[type=submit]"))?.focus();
  }

  // What the form holds, as view.state.values; files are uploaded first, without being shared anywhere.
  async collect() {
    const values = {};
    for (const { block, action, type, read } of this.values.entries.values()) {
      let value = read();
      if (value === null) continue;
      if (type === "file_input") value = await this.uploaded(value);
      const key = STATE_KEYS[type];
      (values[block] ??= {})[action] = key ? { type, [key]: value } : value;
    }
    return values;
  }

  async uploaded(files) {
    if (!files.length) return [];
    const { api } = this.workspace;
    const given = [];
    for (const file of files) given.push(await api.upload(file));
    await api.call("files.completeUploadExternal", { files: given });
    return Promise.all(given.map(async ({ id }) => (await api.call("files.info", { file: id })).file));
  }

  async act(block, part, value) {
    const { view } = this;
    const values = {};
    for (const entry of this.values.entries.values()) {
      if (entry.type === "file_input") continue;
      const key = STATE_KEYS[entry.type];
      const now = entry.read();
      if (now !== null) (values[entry.block] ??= {})[entry.action] = key ? { type: entry.type, [key]: now } : now;
    }
    const args = { view_id: view.id, block_id: block.block_id, action_id: part.action_id, values };
    if (value !== null) args.value = value;
    await this.try(() => this.workspace.api.call("blocks.actions", args));
  }

  async suggest(block, part, typed) {
    return this.try(() => this.workspace.api.call("blocks.suggestion", { view_id: this.view.id, block_id: block.block_id, action_id: part.action_id, value: typed }));
  }

  async submit() {
    if (this.busy) return;
    this.busy = true;
    this.mark({});
    this.dialog.setAttribute("aria-busy", "true");
    const button = this.dialog.querySelector("button[type=submit]");
    if (button) button.disabled = true;
    await this.try(async () => this.workspace.api.call("views.submit", { view_id: this.view.id, values: await this.collect() }));
    this.busy = false;
    this.dialog.removeAttribute("aria-busy");
    if (button) button.disabled = false;
  }

  async try(work) {
    try {
      const reply = await work();
      if (reply.errors && Object.keys(reply.errors).length) this.mark(reply.errors);
      return reply;
    } catch (error) {
      if (error.reply?.errors) this.mark(error.reply.errors);
      else if (this.dialog.open) this.error.textContent = error.message;
      else toast(error.message, "bad");
      return null;
    }
  }

  mark(errors) {
    this.error.textContent = "";
    for (const field of this.dialog.querySelectorAll("[data-block]")) {
      const words = errors[field.dataset.block] ?? "";
      const shown = field.querySelector(".error");
      if (shown) shown.textContent = words;
      field.classList.toggle("wrong", Boolean(words));
    }
    this.dialog.querySelector(".wrong input, .wrong textarea, .wrong select")?.focus();
  }

  async cancel() {
    await this.try(() => this.workspace.api.call("views.close", { view_id: this.view.id }));
  }
}

// What blocks need to know of the workspace.
export function adapt(workspace) {
  return { name: (id) => workspace.name(id), channel: (id) => workspace.channel(id), list: () => workspace.list(), channels: () => workspace.conversations() };
}
