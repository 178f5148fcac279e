// The Slack side of the page: people, channels, the channel and the thread that are open.
import { fill, h, Rows, toast } from "./dom.js";
import { Composer } from "./composer.js";
import { HomePane } from "./home.js";
import { adapt, Modals } from "./modal.js";
import { messageRow } from "./message.js";

export class Slack {
  constructor(element, workspace, start) {
    this.workspace = workspace;
    this.commands = start.commands;
    this.shortcuts = start.shortcuts;
    this.modals = new Modals(workspace);
    this.open = { channel: null, thread: null };
    this.pane = this.makePane("channel", this.commands);
    this.threadPane = this.makePane("thread", []);
    this.threadPane.element.hidden = true;
    this.home = new HomePane(workspace, (method, args) => this.try(method, args));
    this.side = h("nav", { class: "slack-side", "aria-label": "Slack channels" });
    fill(element, this.side, this.pane.element, this.home.element, this.threadPane.element);
    workspace.addEventListener("person", () => this.drawPerson());
    workspace.addEventListener("channels", () => this.drawSide());
    workspace.addEventListener("messages", ({ detail }) => { if (detail.channel === this.open.channel) this.draw(); });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.open.thread && this.threadPane.element.contains(document.activeElement)) this.closeThread();
    });
  }

  makePane(kind, commands) {
    const title = h("div", { class: "pane-title" });
    const list = h("div", { class: "messages", role: "log", "aria-live": "polite", "aria-label": kind === "thread" ? "Thread" : "Channel", tabIndex: 0 });
    const status = h("p", { class: "status", "aria-live": "polite" });
    const hint = kind === "thread" ? "Stays inside the team, unless it starts with !" : "";
    const composer = new Composer({ label: kind === "thread" ? "Note to the team, or ! answer" : "Message, or / for commands", hint, commands,
      send: (text, files) => this.send(kind, text, files) });
    const view = { workspace: this.workspace, shortcuts: this.shortcuts.filter((one) => one.type === "message"), inThread: kind === "thread",
      context: (message) => this.context(message, kind), openThread: (ts, focus) => this.openThread(ts, focus), dismiss: (message) => this.dismiss(message),
      shortcut: (one, message) => this.try("blocks.actions", { callback_id: one.callback_id, channel: this.open.channel, ts: message.ts }),
      edit: (message) => this.edit(message, kind), remove: (message) => this.try("chat.delete", { channel: this.open.channel, ts: message.ts }) };
    const element = h("section", { class: `pane ${kind}`, "aria-label": kind === "thread" ? "Thread" : "Channel" }, h("header", null, title), list, status, composer.element);
    const pane = { atEnd: true };
    list.addEventListener("scroll", () => { pane.atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60; });
    new ResizeObserver(() => { if (pane.atEnd) list.scrollTop = list.scrollHeight; }).observe(list);
    return Object.assign(pane, { element, title, list, status, composer, rows: new Rows(list, (message) => messageRow(message, view)) });
  }

  context(message, scope) {
    const { api } = this.workspace;
    const where = { channel: this.open.channel, ts: message.ts };
    return { scope: `${scope}-${message.ts.replace(".", "-")}`, people: adapt(this.workspace),
      picture: (url) => (/^https?:\/\/(127\.0\.0\.1|localhost)[:/]/.test(url) ? api.download(url) : null),
      act: (block, part, value) => this.try("blocks.actions", { ...where, block_id: block.block_id, action_id: part.action_id, ...(value === null ? {} : { value }) }),
      suggest: (block, part, value) => this.try("blocks.suggestion", { ...where, block_id: block.block_id, action_id: part.action_id, value }) };
  }

  async try(method, args) {
    try {
      return await this.workspace.api.call(method, args);
    } catch (error) {
      toast(error.message, "bad");
      return null;
    }
  }

  // -- drawing --------------------------------------------------------------------------------------

  drawPerson() {
    for (const pane of [this.pane, this.threadPane]) pane.rows.clear();
    const known = this.workspace.channels.has(this.open.channel);
    this.drawSide();
    if (this.home.shown) this.home.open();
    if (known) this.draw();
    else this.openChannel(this.workspace.named("support") ?? [...this.workspace.channels.keys()][0]);
  }

  drawSide() {
    const { workspace } = this;
    const everybody = Object.entries(workspace.people);
    const who = h("div", { class: "who", role: "radiogroup", "aria-label": "You are" }, everybody.map(([key, person]) =>
      h("label", null, h("input", { type: "radio", name: "person", value: key, checked: key === workspace.key, onchange: () => this.be(key) }),
        h("span", null, person.name.split(" ")[0], h("i", null, ` ${person.name.split(" ").slice(1).join(" ")}`), h("small", null, key === "lead" ? "team lead" : "agent")))));
    const row = ([id, channel]) => h("button", { type: "button", class: channel.unread ? "unread" : "", "aria-current": id === this.open.channel && !this.home.shown ? "true" : null, onclick: () => this.openChannel(id) },
      h("span", { "aria-hidden": "true" }, channel.info.is_im ? "●" : "#"), ` ${workspace.channel(id)}`, channel.unread ? h("span", { class: "count" }, String(channel.unread)) : null);
    const all = [...workspace.channels];
    const direct = all.filter(([, channel]) => channel.info.is_im);
    const focused = document.activeElement?.closest?.(".slack-side") ? document.activeElement.value ?? document.activeElement.textContent : null;
    fill(this.side, h("p", { class: "team" }, "Slack", h("span", { class: "chip", title: "This Slack is a stand-in on your machine; it speaks Slack's own protocol" }, "stand-in")),
      h("p", { class: "side-label" }, "You are"), who, h("p", { class: "side-label" }, "Channels"),
      all.filter(([, channel]) => !channel.info.is_im).map(row),
      direct.length ? h("p", { class: "side-label" }, "Direct messages") : null, direct.map(row),
      h("p", { class: "side-label" }, "Apps"),
      h("button", { type: "button", "aria-current": this.home.shown ? "true" : null, onclick: () => this.openHome() }, "⌂ Onethread Home"));
    if (focused) [...this.side.querySelectorAll("input,button")].find((one) => (one.value || one.textContent) === focused)?.focus();
  }

  draw() {
    const { channel, thread } = this.open;
    const found = this.workspace.channels.get(channel);
    if (!found) return;
    if (!document.hidden) this.workspace.seen(channel);
    const sign = found.info.is_im ? "" : "#";
    fill(this.pane.title, h("h2", null, `${sign}${this.workspace.channel(channel)}`), found.info.is_archived ? h("span", { class: "tag" }, "archived") : null);
    show(this.pane, this.workspace.roots(channel), !found.loaded ? "" : found.info.is_im ? "Nothing here yet." : "No customer has written yet. Write a mail as one of them.");
    if (!thread) return;
    const messages = this.workspace.thread(channel, thread);
    if (!messages.length && found.loaded) return this.closeThread();  // its card was deleted
    fill(this.threadPane.title, h("h2", null, "Thread"), h("span", { class: "of" }, `${sign}${this.workspace.channel(channel)}`),
      h("button", { type: "button", class: "icon", "aria-label": "Close thread", onclick: () => this.closeThread() }, "×"));
    show(this.threadPane, messages, "");
    this.threadPane.status.textContent = found.status?.get(thread) ?? "";
  }

  // -- acting ---------------------------------------------------------------------------------------

  async be(key) {
    try {
      await this.workspace.be(key);
    } catch (error) {
      if (error.name !== "AbortError") toast(error.message, "bad");
    }
  }

  openHome() {
    this.closeThread();
    this.pane.element.hidden = true;
    this.home.open();
    this.drawSide();
  }

  openChannel(id) {
    if (!id) return;
    this.home.close();
    this.pane.element.hidden = false;
    if (id !== this.open.channel) this.closeThread();
    this.open.channel = id;
    this.pane.rows.clear();
    this.draw();
    this.drawSide();
  }

  // Put words into the channel's composer; where the thread covers the channel, it is closed.
  write(text) {
    if (this.home.shown) this.openChannel(this.open.channel);
    if (!this.pane.element.offsetParent) this.closeThread();
    this.pane.composer.set(text);
  }

  openThread(ts, focus = false) {
    this.open.thread = ts;
    this.threadPane.rows.clear();
    this.threadPane.element.hidden = false;
    this.threadPane.element.parentElement.classList.add("with-thread");
    this.draw();
    if (focus) this.threadPane.composer.area.focus();
  }

  closeThread() {
    this.open.thread = null;
    this.threadPane.element.hidden = true;
    this.threadPane.element.parentElement?.classList.remove("with-thread");
  }

  async send(kind, text, files) {
    const { api } = this.workspace;
    const where = { channel: this.open.channel, ...(kind === "thread" ? { thread_ts: this.open.thread } : {}) };
    const words = this.workspace.typed(text);
    if (/^\/[a-z]/.test(text)) {
      const [command, ...rest] = words.split(/\s(.*)/s);
      return api.call("chat.command", { ...where, command, text: rest[0] ?? "" });
    }
    if (files.length) {
      const { channel, ...thread } = where;
      return api.share(files, { channel_id: channel, ...thread, initial_comment: words });
    }
    return api.call("chat.postMessage", { ...where, text: words });
  }

  edit(message, kind) {
    const where = { channel: this.open.channel, ts: message.ts };
    const { composer } = kind === "thread" ? this.threadPane : this.pane;
    composer.edit(this.workspace.untyped(message.text), (text) => this.workspace.api.call("chat.update", { ...where, text: this.workspace.typed(text) }));
  }

  dismiss(message) {
    this.workspace.channels.get(this.open.channel).messages.delete(message.ts);
    this.draw();
  }
}

// Follows the newest message, unless somebody scrolled up to read.
function show(pane, messages, empty) {
  const { list } = pane;
  if (!pane.rows.rows.size) pane.atEnd = true;
  if (!messages.length) {
    pane.rows.clear();
    list.append(h("p", { class: "empty" }, empty));
    return;
  }
  list.querySelector(".empty")?.remove();
  pane.rows.show(messages, (message) => message.ts);
  if (pane.atEnd) list.scrollTop = list.scrollHeight;
}
