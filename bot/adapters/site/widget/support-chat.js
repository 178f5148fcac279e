/* <support-chat>: the chat of Onethread, GPL-3.0-or-later; docs/site-chat.md says how to use it. */
(() => {
"use strict";
if (customElements.get("support-chat")) return;

const SCRIPT = document.currentScript?.src;

const TEXTS = {
  en: {
    open: "Open chat", close: "Close chat", unread: "{n} unread", title: "Chat with us",
    log: "Conversation", write: "Write a message", placeholder: "Write a message…", send: "Send", attach: "Attach files",
    you: "You", sending: "Sending…", sent: "Sent", seen: "Seen", failed: "Not sent.", retry: "Try again",
    waiting: "Waiting for the network…", typing: "Somebody is writing…",
    offline: "You are offline. What you write is sent when you are back.", connecting: "Connecting…",
    newMessage: "New message from {name}: {text}", newBelow: "New messages", today: "Today", yesterday: "Yesterday",
    tooLarge: "{name} is too large (at most {size}).", tooMany: "At most {n} files in one message.",
    uploadFailed: "{name} was not uploaded.", remove: "Remove {name}", uploading: "Uploading {name}",
    fileGone: "This file is not there any more.", fileAgain: "A file has to be attached again.",
    download: "Download", drop: "Drop files here",
    ask: "It may take us a while. Where may we send the answer if you have left?", email: "Email address",
    save: "Save", later: "No, thank you", badEmail: "This does not look like an email address.",
    thanks: "Thank you. If you have left when we answer, we send you an email.",
    forget: "Forget this chat on this device", really: "Really forget? It will be gone from here.", greeting: "How can we help?",
    goOn: "Continue on another channel",
  },
  de: {
    open: "Chat öffnen", close: "Chat schließen", unread: "{n} ungelesen", title: "Chat mit uns",
    log: "Unterhaltung", write: "Nachricht schreiben", placeholder: "Nachricht schreiben…", send: "Senden", attach: "Dateien anhängen",
    you: "Sie", sending: "Wird gesendet…", sent: "Gesendet", seen: "Gesehen", failed: "Nicht gesendet.", retry: "Noch einmal",
    waiting: "Wartet auf das Netz…", typing: "Jemand schreibt…",
    offline: "Sie sind offline. Was Sie schreiben, wird gesendet, sobald Sie wieder verbunden sind.", connecting: "Verbindung wird aufgebaut…",
    newMessage: "Neue Nachricht von {name}: {text}", newBelow: "Neue Nachrichten", today: "Heute", yesterday: "Gestern",
    tooLarge: "{name} ist zu groß (höchstens {size}).", tooMany: "Höchstens {n} Dateien in einer Nachricht.",
    uploadFailed: "{name} wurde nicht hochgeladen.", remove: "{name} entfernen", uploading: "{name} wird hochgeladen",
    fileGone: "Diese Datei gibt es nicht mehr.", fileAgain: "Bitte hängen Sie die Datei noch einmal an.",
    download: "Herunterladen:", drop: "Dateien hier ablegen",
    ask: "Es kann etwas dauern. Wohin dürfen wir die Antwort schicken, falls Sie nicht mehr hier sind?", email: "E-Mail-Adresse",
    save: "Speichern", later: "Nein, danke", badEmail: "Das sieht nicht wie eine E-Mail-Adresse aus.",
    thanks: "Danke. Falls Sie dann nicht mehr hier sind, schicken wir die Antwort per E-Mail.",
    forget: "Diesen Chat auf diesem Gerät vergessen", really: "Wirklich vergessen? Er ist dann hier verschwunden.", greeting: "Wie können wir helfen?",
    goOn: "Anderswo weiterschreiben",
  },
};

const STYLE = `
:host { --c: var(--support-chat-color, #2152c4); --on: var(--support-chat-on-color, #fff);
  --bg: #fff; --soft: #f1f3f6; --line: #dfe3e9; --text: #1b2430; --dim: #586273; --link: #1a4bb8; --bad: #b3261e;
  --focus: #1b2430; --shade: 0 12px 40px rgb(16 24 40 / .22);
  all: initial; position: fixed; bottom: 20px; inset-inline-end: 20px; z-index: 2147483000; color-scheme: light;
  font: 15px/1.45 system-ui, sans-serif; color: var(--text); }
:host([hidden]) { display: none; }
:host(.dark) { --bg: #161b22; --soft: #252c36; --line: #343d4a; --text: #e9edf3; --dim: #a3aebd; --link: #9dbcff;
  --bad: #ff9d94; --focus: #fff; --shade: 0 12px 40px rgb(0 0 0 / .6); color-scheme: dark; }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
button, textarea, input { font: inherit; color: inherit; }
button { cursor: pointer; border: 0; background: none; padding: 0; border-radius: 8px; }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; }
svg { width: 22px; height: 22px; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; display: block; }
.hide { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.launch { width: 56px; height: 56px; border-radius: 50%; background: var(--c); color: var(--on); display: grid; place-items: center;
  box-shadow: 0 6px 20px rgb(16 24 40 / .28); }
.launch:hover { filter: brightness(1.1); }
.launch svg { width: 26px; height: 26px; }
.launch:focus-visible { outline: 3px solid var(--on); outline-offset: -5px; }
.badge { position: absolute; bottom: 42px; inset-inline-end: -4px; min-width: 22px; height: 22px; border-radius: 11px; padding: 0 6px;
  background: #b3261e; color: #fff; font-size: 12px; font-weight: 650; line-height: 22px; text-align: center; box-shadow: 0 0 0 2px var(--bg); pointer-events: none; }
.panel { position: absolute; bottom: 72px; inset-inline-end: 0; width: 384px; height: min(620px, calc(100dvh - 112px));
  background: var(--bg); border-radius: 18px; box-shadow: var(--shade); display: flex; flex-direction: column; overflow: hidden;
  border: 1px solid var(--line); animation: rise .18s ease-out; }
@keyframes rise { from { opacity: 0; transform: translateY(10px); } }
.top { display: flex; align-items: center; gap: 12px; padding: 14px 14px 14px 18px; border-bottom: 1px solid var(--line); }
.face { flex: none; width: 40px; height: 40px; border-radius: 50%; background: var(--c); color: var(--on); display: grid; place-items: center; font-weight: 650; }
.who { flex: 1; min-width: 0; }
h2 { font-size: 16px; line-height: 1.3; font-weight: 650; margin: 0; overflow-wrap: anywhere; }
.who p { margin: 1px 0 0; font-size: 13px; color: var(--dim); }
.icon { width: 40px; height: 40px; border-radius: 50%; display: grid; place-items: center; color: var(--dim); flex: none; }
.icon:hover { background: var(--soft); color: var(--text); }
.net { margin: 0; padding: 7px 18px; font-size: 13px; background: var(--soft); color: var(--text); }
.log { flex: 1; overflow-y: auto; overscroll-behavior: contain; padding: 18px 16px 10px; display: flex; flex-direction: column; }
.log:focus-visible { outline-offset: -3px; border-radius: 6px; }
.start { text-align: center; color: var(--dim); margin: 0 12px 14px; font-size: 14px; }
.start p { margin: 0 0 6px; } .start .hi { font-size: 17px; color: var(--text); font-weight: 600; margin-top: 10px; }
.start button { font-size: 12px; padding: 4px 6px; } .start button:hover { text-decoration: underline; }
.day { align-self: center; font-size: 12px; color: var(--dim); margin: 12px 0 8px; }
.m { max-width: 84%; margin-top: 3px; align-self: flex-start; display: flex; flex-direction: column; align-items: flex-start; }
.m.first { margin-top: 12px; }
.m.mine { align-self: flex-end; align-items: flex-end; }
.name { font-size: 12px; color: var(--dim); margin: 0 4px 3px; }
.b { background: var(--soft); border-radius: 18px; padding: 8px 13px; white-space: pre-wrap; overflow-wrap: anywhere; }
.mine .b { background: var(--c); color: var(--on); }
.m:not(.mine).last .b { border-end-start-radius: 5px; } .mine.last .b { border-end-end-radius: 5px; }
.b a { color: var(--link); } .mine .b a { color: inherit; }
.b code, .b pre { font: 13px/1.4 ui-monospace, Menlo, Consolas, monospace; background: rgb(127 127 127 / .16); border-radius: 4px; padding: 1px 4px; }
.b pre { margin: 4px 0; white-space: pre-wrap; border-radius: 8px; padding: 8px; }
.b blockquote { margin: 2px 0; padding-inline-start: 9px; border-inline-start: 3px solid; }
.wait .b { opacity: .88; }
.state { font-size: 12px; color: var(--dim); margin: 3px 4px 0; } .state.bad { color: var(--bad); }
.state button { text-decoration: underline; color: inherit; padding: 2px 4px; }
.f { display: flex; align-items: center; gap: 10px; text-align: start; background: var(--bg); border: 1px solid var(--line); border-radius: 14px; padding: 9px 13px 9px 10px; margin-top: 3px; max-width: 100%; }
button.f:hover { background: var(--soft); }
.f svg { flex: none; color: var(--dim); } .f span { min-width: 0; overflow-wrap: anywhere; line-height: 1.3; } .f small { display: block; color: var(--dim); font-size: 12px; }
.f.pic { padding: 0; overflow: hidden; } .f.pic img { display: block; max-width: 240px; max-height: 220px; }
.dots { align-self: flex-start; background: var(--soft); border-radius: 18px; padding: 12px 14px; margin-top: 12px; display: flex; gap: 5px; }
.dots i { width: 7px; height: 7px; border-radius: 50%; background: var(--dim); animation: dot 1.2s infinite; }
.dots i:nth-child(2) { animation-delay: .15s; } .dots i:nth-child(3) { animation-delay: .3s; }
@keyframes dot { 0%, 60%, 100% { opacity: .35; } 30% { opacity: 1; } }
.card { border: 1px solid var(--line); border-radius: 14px; padding: 13px 14px; margin-top: 14px; font-size: 14px; }
.card p { margin: 0 0 9px; } .rate { width: 84%; margin-top: 6px; } .rate p { margin: 9px 0 0; }
.card .ends { justify-content: space-between; margin: 4px 0 0; font-size: 12px; color: var(--dim); }
.card .marks { margin: 0; } .marks button { flex: 1; min-height: 40px; border: 1px solid var(--dim); padding: 0; } .marks [aria-pressed=true] { background: var(--c); color: var(--on); } .card label { display: block; font-size: 13px; color: var(--dim); margin-bottom: 4px; }
.card input, .card textarea { width: 100%; background: var(--bg); border: 1px solid var(--dim); border-radius: 10px; padding: 8px 10px; }
.card .bad { color: var(--bad); margin: 5px 0 0; } .card div { display: flex; gap: 8px; margin-top: 10px; }
.card button { padding: 7px 13px; } .card .go { background: var(--c); color: var(--on); }
.below { position: absolute; inset-inline: 0; margin-inline: auto; width: max-content; background: var(--bg); border: 1px solid var(--line); box-shadow: var(--shade); border-radius: 16px; padding: 5px 14px; font-size: 13px; bottom: 100%; margin-bottom: 8px; }
.foot { position: relative; padding: 8px 12px calc(12px + env(safe-area-inset-bottom, 0px)); }
.chips { display: flex; flex-wrap: wrap; gap: 6px; margin-bottom: 8px; }
.chip { display: flex; align-items: center; gap: 8px; max-width: 100%; background: var(--soft); border-radius: 10px; padding-inline-start: 10px; font-size: 13px; }
.chip span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; max-width: 170px; }
.chip progress { width: 48px; height: 6px; accent-color: var(--c); } .chip .icon { width: 32px; height: 32px; } .chip svg { width: 15px; height: 15px; }
.chip.bad { color: var(--bad); }
.note { margin: 0 6px 8px; font-size: 13px; color: var(--bad); }
.go { display: flex; flex-wrap: wrap; gap: 4px 12px; padding: 7px 8px 0; font-size: 12px; color: var(--dim); }
.go button:hover { text-decoration: underline; } .go a { color: var(--link); }
form.say { display: flex; align-items: flex-end; gap: 2px; border: 1px solid var(--dim); border-radius: 23px; padding: 2px; background: var(--bg); }
form.say:focus-within { border-color: var(--c); box-shadow: 0 0 0 1px var(--c); }
:host(.dark) form.say:focus-within { border-color: var(--link); box-shadow: 0 0 0 1px var(--link); }
textarea { flex: 1; min-width: 0; resize: none; border: 0; outline: 0; background: none; padding: 9px 4px; max-height: 132px; line-height: 22px; height: 40px; }
textarea:focus-visible { outline: 0; }
.card textarea { height: 64px; } .card textarea:focus-visible { outline: 2px solid var(--focus); }
textarea::placeholder { color: var(--dim); opacity: 1; }
.send { width: 40px; height: 40px; border-radius: 50%; background: var(--c); color: var(--on); display: grid; place-items: center; flex: none; }
.send[aria-disabled=true] { background: none; color: var(--dim); cursor: default; }
.dropping::after { content: attr(data-drop); position: absolute; inset: 8px; display: grid; place-items: center; background: var(--bg); border: 2px dashed var(--c); border-radius: 12px; font-weight: 600; z-index: 1; }
@media (max-width: 480px) {
  :host(.open) .launch { display: none; }
  .panel { position: fixed; inset: 0; width: auto; height: var(--vh, 100dvh); border: 0; border-radius: 0; }
  .top { padding-top: calc(12px + env(safe-area-inset-top, 0px)); }
  textarea, .card input { font-size: 16px; } .icon, .send { width: 44px; height: 44px; } textarea { height: 44px; padding-block: 11px; }
}
@media (prefers-reduced-motion: reduce) { * { animation: none !important; } }
@media (forced-colors: active) { .marks button { forced-color-adjust: none; } .launch, .send, .b, .face { border: 1px solid; } }
`;

const ICONS = {
  chat: "M21 11.5a8.4 8.4 0 0 1-12.2 7.5L3 21l2-5.6A8.5 8.5 0 1 1 21 11.5z",
  close: "M6 6l12 12M18 6L6 18",
  down: "M6 9l6 6 6-6",
  send: "M12 19V5M6 11l6-6 6 6",
  clip: "M20.5 11.5l-8.6 8.6a5.5 5.5 0 0 1-7.8-7.8l9-9a3.7 3.7 0 0 1 5.2 5.2l-8.9 8.9a1.8 1.8 0 0 1-2.6-2.6l8-8",
  file: "M14 3H7a2 2 0 0 0-2 2v14a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2V8zM14 3v5h5",
};
const PICTURES = ["image/png", "image/jpeg", "image/gif", "image/webp"];
const KEPT = 200, PING = 25000, PATIENCE = 10000;

const sheet = new CSSStyleSheet();
sheet.replaceSync(STYLE);

const el = (tag, attributes, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value != null && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
};
const icon = (name) => {
  const space = "http://www.w3.org/2000/svg", svg = document.createElementNS(space, "svg"), path = document.createElementNS(space, "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
};
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
const newId = () => crypto.randomUUID();
const size = (bytes) => bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${+(bytes / 1e6).toFixed(1)} MB`;

/* What stays on this device; where the browser keeps nothing, it stays in this page. */
class Store {
  constructor(prefix) { this.prefix = prefix; this.page = new Map(); }
  do(does) { try { return does(localStorage); } catch { return null; } }
  get(key) { return this.page.get(key) ?? this.do((disk) => disk.getItem(this.prefix + key)); }
  set(key, value) {
    this.page.delete(key);
    if (!this.do((disk) => { disk.setItem(this.prefix + key, value); return true; })) this.page.set(key, value);
  }
  drop(key) { this.page.delete(key); this.do((disk) => disk.removeItem(this.prefix + key)); }
  keys(start) {
    const kept = this.do((disk) => Object.keys(disk)) || [], own = kept.filter((key) => key.startsWith(this.prefix)).map((key) => key.slice(this.prefix.length));
    return [...new Set([...own, ...this.page.keys()])].filter((key) => key.startsWith(start));
  }
  json(key) { try { return JSON.parse(this.get(key)); } catch { return null; } }
}

/* The conversation: what was said, what waits to be sent, and the line to the server. Knows nothing of the screen. */
class Talk {
  constructor(base, changed, language) {
    this.base = base;
    this.changed = changed;
    this.language = language;
    this.store = new Store(`support-chat ${base} `);
    this.info = { maxFile: 1e7, maxFiles: 5, maxText: 10000, askAddressAfter: 0 };
    this.tries = 0;
    this.skew = 0;
    this.ask = window.onethread?.getToken; // where the page says who this is: asked before the first line, and when we are not known any more
    this.load();
    try {
      this.tabs = new BroadcastChannel(this.store.prefix);
      this.tabs.onmessage = (event) => this.fromTab(event.data);
    } catch { this.tabs = null; }
    // What another tab has stored can come after its news of it: this event comes when it is here.
    this.stored = (event) => { if (event.key === `${this.store.prefix}token` && event.newValue) this.fromTab({ token: true }); };
    addEventListener("storage", this.stored);
  }

  load() {
    const kept = this.store.json("talk") || {};
    this.visitor = kept.visitor || "";
    this.after = kept.after || 0;
    this.info = { ...this.info, ...kept.info };
    this.messages = new Map((kept.messages || []).map((message) => [message.id, message]));
    for (const key of this.store.keys("out ")) this.adopt(this.store.json(key));
  }

  save() {
    const messages = this.ordered().filter((message) => !message.wait).slice(-KEPT);
    this.store.set("talk", JSON.stringify({ visitor: this.visitor, after: this.after, info: this.info, messages }));
  }

  adopt(message) {
    if (message && !this.messages.has(message.id)) this.messages.set(message.id, { ...message, wait: true });
  }

  ordered() {
    const place = (message) => message.wait ? 1e15 + message.at / 1e13 : message.pos;
    return [...this.messages.values()].sort((a, b) => place(a) - place(b) || a.at - b.at);
  }

  last() { return Math.max(this.after, ...[...this.messages.values()].map((message) => message.wait ? 0 : message.pos || 0)); }
  unread() { return [...this.messages.values()].filter((message) => message.from === "team" && !message.seen && !message.looked); }
  get token() { return this.store.get("token"); }
  wanted() { return this.open || this.token || this.store.keys("out ").length > 0; }

  /* ── the line ── */
  connect() {
    clearTimeout(this.timer);
    if (this.ws || !this.wanted() || this.ended || this.asking) return;
    if (this.ask) {
      this.asking = this.ask;
      this.ask = null;
      const go = (token) => { this.asking = null; this.identity = token || this.identity; this.connect(); };
      new Promise((done) => done(this.asking())).then(go, () => go());
      return;
    }
    this.ready = false;
    this.flying = null;
    const ws = this.ws = new WebSocket(`${this.base.replace(/^http/, "ws")}ws`);
    const token = this.used = this.token;
    // A client that has not seen everything asks from there, so that what it says of them counts on the new line.
    const unseen = [...this.messages.values()].filter((message) => message.from === "team" && !message.seen && message.n);
    // What another tab has signed in is another conversation: it is asked for from its beginning.
    const after = token?.startsWith(`${this.visitor}.`) ? Math.min(this.after, ...unseen.map((message) => message.n - 1)) : 0;
    const identity = this.identity;
    if (identity && !this.store.get("device")) this.store.set("device", newId());
    ws.onopen = () => {
      if (token !== this.token) return this.again(); // another tab has stored one in the meantime
      this.put({ t: "hello", v: 1, token, after, language: this.language(), ...identity && { identity, device: this.store.get("device") } });
    };
    ws.onmessage = (event) => {
      clearTimeout(this.silence);
      this.silence = null;
      if (ws === this.ws) this.take(JSON.parse(event.data), token);
    };
    ws.onclose = (event) => { if (ws === this.ws) this.lost(event.code); };
    this.silence = setTimeout(() => this.cut(), PATIENCE);
  }

  again() { this.cut(); this.tries = 0; this.connect(); }

  /* Whether the line is still that of who is here: another tab may have signed in or out, and its news may be on its way. */
  current() {
    if (this.ready && this.used !== this.token) this.again();
    return this.ready;
  }

  cut() {
    const ws = this.ws;
    if (!ws) return;
    ws.onclose = ws.onmessage = null;
    ws.close();
    this.lost(0);
  }

  lost(code) {
    clearTimeout(this.silence);
    this.silence = null;
    this.ws = null;
    this.ready = false;
    if (code === 4003) return this.forgotten();
    const slowest = code >= 4000 ? 60000 : 30000, delay = Math.min(slowest, (code >= 4000 ? 15000 : 500) * 2 ** this.tries);
    this.tries += 1;
    this.timer = setTimeout(() => this.connect(), delay * (0.5 + Math.random() / 2));
    this.changed();
  }

  wake() {
    if (!this.ws) { this.tries = 0; this.connect(); } else this.ping();
  }

  ping() {
    if (!this.ready || this.silence) return;
    this.put({ t: "ping" });
    this.silence = setTimeout(() => this.cut(), PATIENCE);
  }

  put(frame) { if (this.ws?.readyState === 1) this.ws.send(JSON.stringify(frame)); }

  take(frame, token) {
    const does = this[`on_${frame.t}`];
    if (does) does.call(this, frame, token);
    this.changed(frame);
  }

  on_welcome(frame, used) {
    const was = this.info.identified, now = this.token;
    // Another tab was first: once more with its token, and still with what the page has said of who this is.
    if (frame.token && now && now !== used) return this.again();
    this.identity = null;
    if (was && !frame.identified && !this.renewed && window.onethread?.getToken) {
      this.renewed = true;
      this.ask = window.onethread.getToken;
      return this.again();
    }
    if (frame.token) {
      this.store.set("token", this.used = frame.token);
      this.put({ t: "kept" });
      this.tabs?.postMessage({ token: true });
    }
    const other = this.visitor !== frame.visitor;
    for (const [id, message] of this.messages) {
      // What somebody said who was signed in is said by nobody else; what nobody had said yet goes with who signs in.
      if (message.wait ? !message.by || message.by === frame.visitor : !other) continue;
      this.messages.delete(id);
      this.store.drop(`out ${id}`);
    }
    if (other) {
      this.links = null;
      if (was) this.giving = null;
      this.visitor = frame.visitor;
      this.after = 0;
    }
    this.skew = frame.now - Date.now();
    this.info = { ...frame, token: undefined, noAddress: this.info.noAddress };
  }

  on_messages(frame) {
    for (const item of frame.items) {
      const known = this.messages.get(item.id) || {};
      const made = { ...known, ...item, wait: false, failed: undefined };
      if (item.ask) made.ask = { ...known.ask, ...item.ask };
      made.pos = item.n ?? known.n ?? (known.wait === false ? known.pos : this.last() + 0.001);
      this.messages.set(item.id, made);
      if (item.n > this.after) this.after = item.n;
      if (item.from === "visitor") this.store.drop(`out ${item.id}`);
      else this.typing = 0;
    }
    if (this.ready) this.save();
  }

  on_ready(frame) {
    this.after = Math.max(this.after, frame.n);
    this.ready = true;
    this.tries = 0;
    this.save();
    this.flush();
    this.tell();
    if (this.giving) this.put(this.giving);
    this.rated();
    clearInterval(this.beat);
    this.beat = setInterval(() => { if (document.visibilityState === "visible") this.ping(); }, PING);
  }

  on_identity(frame) { console.warn(`support-chat: ${frame.problem}`); }

  on_offers(frame) {
    this.links = frame.offers.length ? frame.offers : null;
    setTimeout(() => { this.links = null; this.changed(); }, 15e5);
  }

  on_sent(frame) { this.link = null; this.settled(frame.id, frame.at); this.tabs?.postMessage({ sent: frame.id, at: frame.at }); }

  settled(id, at) {
    const message = this.messages.get(id);
    if (message?.wait) {
      Object.assign(message, { pos: this.last() + 0.001, at, wait: false, failed: undefined });
      this.store.drop(`out ${id}`);
      this.save();
    }
    this.next(id);
  }

  next(id) { if (this.flying === id) { this.flying = null; this.flush(); } }

  on_later(frame) { setTimeout(() => { this.next(frame.id); this.rated(); }, frame.after * 1000 * (1 + Math.random() / 4)); }

  on_refused(frame) {
    const message = this.messages.get(frame.id);
    if (message) { message.failed = frame.why; this.store.set(`out ${message.id}`, JSON.stringify(message)); }
    else { this.addressProblem = true; this.giving = null; }
    this.next(frame.id);
  }

  on_typing() {
    this.typing = Date.now() + 6000;
    for (const message of this.messages.values()) message.read = !message.wait;
    setTimeout(() => this.changed(), 6100);
  }

  on_seen(frame) {
    for (const id of frame.ids) { const message = this.messages.get(id); if (message) message.seen = true; }
    this.save();
  }

  on_address(frame) {
    this.info.addressGiven = true;
    this.giving = null;
    if (frame.token) { this.store.set("token", this.used = frame.token); this.put({ t: "kept" }); }
    this.save();
  }

  on_rated(frame) {
    const message = this.messages.get(frame.id), ask = message?.ask, out = ask?.out;
    if (!ask) return;
    const open = frame.ask && (out?.score ?? frame.ask.score) !== frame.ask.score || out?.comment && !frame.ask?.said;
    message.ask = frame.ask && { ...frame.ask, out: open ? out : undefined };
    this.save();
  }

  /* ── what the visitor does ── */
  rate(id, answer) {
    const { ask } = this.messages.get(id);
    ask.out = { ...ask.out, ...answer };
    this.save();
    this.rated();
    this.changed();
  }

  rated() { if (this.current()) for (const { id, ask } of this.messages.values()) if (ask?.out) this.put({ t: "rate", id, ...ask.out }); }

  say(text, files) {
    const message = { id: newId(), from: "visitor", text, at: Date.now() + this.skew, by: this.info.identified ? this.visitor : "" };
    if (files.length) message.files = files;
    this.store.set(`out ${message.id}`, JSON.stringify(message));
    this.adopt(message);
    this.tabs?.postMessage({ out: message.id, by: this.visitor });
    this.connect();
    this.flush();
  }

  flush() {
    // One at a time: the order is kept whatever the server says to each.
    const message = this.ready && !this.flying && this.ordered().find((one) => one.wait && !one.failed);
    if (!message || !this.current()) return;
    this.flying = message.id;
    this.put({ t: "say", id: message.id, text: message.text, files: message.files?.map((file) => file.id), link: this.link || undefined });
  }

  retry(id) {
    const message = this.messages.get(id);
    message.failed = undefined;
    this.flush();
    this.wake();
    this.changed();
  }

  look() {
    const fresh = this.unread();
    if (!fresh.length) return;
    for (const message of fresh) message.looked = true;
    this.tabs?.postMessage({ looked: fresh.map((message) => message.id) });
    this.tell();
    this.save();
  }

  tell() {
    if (!this.ready) return;
    const ids = [...this.messages.values()].filter((message) => message.looked && !message.seen).map((message) => message.id);
    for (let start = 0; start < ids.length; start += 100) this.put({ t: "seen", ids: ids.slice(start, start + 100) });
  }

  type() {
    if (!this.ready || !this.messages.size || Date.now() - (this.typed || 0) < 3000) return;
    this.typed = Date.now();
    this.put({ t: "typing" });
  }

  address(email) { this.addressProblem = false; this.giving = { t: "address", id: newId(), email }; if (this.current()) this.put(this.giving); }

  identify(token) {
    const asked = this.identity;
    this.identity = token || null;
    if (!token && this.info.identified) return this.forget();
    if (token || asked) this.again(); // also where who signs out was just signing in
  }

  forget() {
    if (this.ready) this.put({ t: "leave" });
    this.tabs?.postMessage({ left: this.visitor });
    this.store.drop("token");
    this.forgotten();
  }

  forgotten() {
    const anew = this.token && this.token !== this.used; // another tab has begun anew already: that stays
    this.cut();
    for (const key of anew ? [...this.messages.keys()].map((id) => `out ${id}`) : this.store.keys("")) this.store.drop(key);
    this.messages.clear();
    this.visitor = "";
    this.after = this.tries = this.typing = 0;
    this.info.addressGiven = this.info.noAddress = this.info.identified = false;
    this.identity = this.links = this.giving = null;
    clearTimeout(this.timer);
    // Tabs come back one after the other: the first gets a token, the others find it.
    if (this.open || anew) this.timer = setTimeout(() => this.connect(), 1000 * (1 + Math.random()));
    this.changed();
  }

  fromTab(news) {
    if (news.out && news.by === this.visitor) this.adopt(this.store.json(`out ${news.out}`));
    if (news.sent) this.settled(news.sent, news.at);
    if (news.looked) for (const id of news.looked) { const message = this.messages.get(id); if (message) message.looked = true; }
    if (["", this.visitor].includes(news.left)) this.forgotten();
    if (news.token && this.used !== this.token && this.ws?.readyState !== 0) this.again();
    this.flush();
    this.changed();
  }

  end() {
    this.ended = true;
    clearInterval(this.beat);
    this.cut();
    clearTimeout(this.timer);
    this.tabs?.close();
    removeEventListener("storage", this.stored);
  }

  /* ── files ── */
  upload(file, progress) {
    return new Promise((done, failed) => {
      const request = new XMLHttpRequest();
      request.open("POST", `${this.base}files`);
      request.setRequestHeader("Authorization", `Bearer ${this.token}`);
      request.setRequestHeader("X-File-Name", encodeURIComponent(file.name || "picture.png").slice(0, 900));
      request.upload.onprogress = (event) => progress(event.loaded / event.total);
      request.onload = () => { try { request.status === 201 ? done(JSON.parse(request.responseText)) : failed(request.status); } catch { failed(0); } };
      request.onerror = request.onabort = () => failed(0);
      request.send(file);
    });
  }

  async fetch(file) {
    const answer = await fetch(`${this.base}files/${file.id}`, { headers: { Authorization: `Bearer ${this.token}` }, credentials: "omit" });
    if (!answer.ok) throw new Error(String(answer.status));
    return URL.createObjectURL(new Blob([await answer.arrayBuffer()], { type: PICTURES.includes(file.type) ? file.type : "application/octet-stream" }));
  }
}

/* The screen. */
class SupportChat extends HTMLElement {
  static observedAttributes = ["lang", "theme", "team"];
  static all = new Set();
  #root = this.attachShadow({ mode: "closed" });
  #talk; #launch; #badge; #status; #p; #nodes = new Map(); #pictures = new Map(); #chips = []; #asked = 0; #due; #removed = [];

  static addLanguage(code, texts) {
    TEXTS[code] = { ...TEXTS.en, ...texts };
    for (const one of SupportChat.all) one.#relabel();
  }

  connectedCallback() {
    const base = this.getAttribute("endpoint") || (SCRIPT ? new URL(".", SCRIPT).href : "");
    this.#root.adoptedStyleSheets = [sheet];
    this.#talk = new Talk(new URL(base.endsWith("/") ? base : `${base}/`, location.href).href, (frame) => this.#changed(frame), () => this.closest("[lang]")?.lang || navigator.language);
    SupportChat.all.add(this);
    this.#listen(window, "online", () => this.#talk.wake());
    this.#listen(window, "offline", () => this.#changed());
    this.#listen(window, "pageshow", (event) => { if (event.persisted) this.#talk.wake(); });
    this.#listen(document, "visibilitychange", () => { if (document.visibilityState === "visible") { this.#talk.wake(); this.#changed(); } });
    this.#listen(matchMedia("(prefers-color-scheme: dark)"), "change", () => this.#theme());
    if (window.visualViewport) this.#listen(visualViewport, "resize", () => this.style.setProperty("--vh", `${visualViewport.height}px`));
    this.#relabel();
    if (this.getAttribute("identity")) this.#talk.identity = this.getAttribute("identity");
    const code = /[#&]onethread=([a-z2-7]{20,32})/.exec(location.hash); // a link from another channel: it is used up, and stands nowhere
    if (code) {
      this.#talk.link = code[1];
      history.replaceState(history.state, "", location.pathname + location.search);
    }
    this.#talk.connect();
    if (code || this.#session("open")) this.open(false);
  }

  /** Says who this is: a token that the site's server has signed; nothing, that nobody is signed in any more. */
  identify(token) { this.#talk.identify(token); }
  /** Forgets the conversation in this browser. */
  forget() { this.#session("draft", ""); if (this.#p) this.#p.text.value = ""; this.#talk.forget(); }

  disconnectedCallback() {
    SupportChat.all.delete(this);
    this.#talk.end();
    clearTimeout(this.#due);
    for (const [target, kind, does] of this.#removed) target.removeEventListener(kind, does);
    this.#removed = [];
    for (const url of this.#pictures.values()) if (url) URL.revokeObjectURL(url);
    this.#pictures.clear();
  }

  attributeChangedCallback() { if (this.#talk) this.#relabel(); }

  /** Opens the panel; `focus` false leaves the keyboard where it is. */
  open(focus = true) {
    this.#talk.open = true;
    this.#session("open", "1");
    if (!this.#p) this.#build();
    this.#p.panel.hidden = false;
    this.#launch.replaceChildren(icon("down"));
    this.#talk.connect();
    this.#changed();
    this.#down();
    if (focus) (matchMedia("(pointer: coarse)").matches ? this.#p.shut : this.#p.text).focus();
  }

  /** Closes the panel and gives the keyboard back to the launcher. */
  close() {
    if (!this.#talk.open) return;
    this.#talk.open = false;
    this.#session("open", "");
    this.#p.panel.hidden = true;
    this.#launch.replaceChildren(icon("chat"));
    this.#changed();
    this.#launch.focus();
  }

  #listen(target, kind, does) { target.addEventListener(kind, does); this.#removed.push([target, kind, does]); }
  #session(key, value) {
    try {
      const name = this.#talk.store.prefix + key;
      return value === undefined ? sessionStorage.getItem(name) : sessionStorage.setItem(name, value);
    } catch { return null; }
  }
  get #lang() {
    for (const one of [this.closest("[lang]")?.lang, ...navigator.languages]) {
      const code = one?.toLowerCase();
      for (const found of [code, code?.split("-")[0]]) if (found && Object.hasOwn(TEXTS, found)) return found;
    }
    return "en";
  }
  #t(key, values) { return fill(TEXTS[this.#lang][key], values || {}); }
  #words(table) { return table?.[this.#lang] ?? table?.["*"] ?? table?.en ?? ""; }
  get #team() { return this.getAttribute("team") || this.#talk.info.team || ""; }

  #theme() {
    const theme = this.getAttribute("theme");
    this.classList.toggle("dark", theme === "dark" || theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  }

  #relabel() {
    this.#theme();
    const focused = this.#talk.open;
    this.#launch = el("button", { class: "launch", type: "button", click: () => this.#talk.open ? this.close() : this.open() }, icon("chat"));
    this.#badge = el("span", { class: "badge", "aria-hidden": "true", hidden: true });
    this.#status = el("div", { class: "hide", role: "status" });
    this.#p = null;
    this.#nodes.clear();
    this.#root.replaceChildren(this.#status, this.#launch, this.#badge);
    if (focused) this.open(false);
    this.#changed();
  }

  #build() {
    const p = this.#p = {};
    p.shut = el("button", { class: "icon", type: "button", "aria-label": this.#t("close"), click: () => this.close() }, icon("close"));
    p.face = el("div", { class: "face", "aria-hidden": "true" });
    p.title = el("h2", { id: "title" });
    p.when = el("p");
    p.net = el("p", { class: "net", role: "status", hidden: true });
    p.log = el("div", { class: "log", role: "log", "aria-live": "polite", "aria-relevant": "additions", "aria-label": this.#t("log"), tabindex: "0", scroll: () => this.#scrolled() });
    p.hi = el("p", { class: "hi" });
    p.forget = el("button", { type: "button", hidden: true, click: () => this.#forget() }, this.#t("forget"));
    p.start = el("div", { class: "start" }, p.hi, p.forget);
    p.dots = el("div", { class: "dots", hidden: true }, el("i"), el("i"), el("i"), el("span", { class: "hide" }));
    p.log.append(p.start, p.dots);
    p.below = el("button", { class: "below", type: "button", hidden: true, click: () => this.#down() }, this.#t("newBelow"));
    p.chips = el("div", { class: "chips", hidden: true });
    p.note = el("p", { class: "note", role: "alert", hidden: true });
    p.file = el("input", { type: "file", multiple: true, hidden: true, tabindex: "-1", "aria-label": this.#t("attach"), change: () => { this.#attach(p.file.files); p.file.value = ""; } });
    const clip = el("button", { class: "icon", type: "button", "aria-label": this.#t("attach"), click: () => p.file.click() }, icon("clip"));
    p.text = el("textarea", { rows: "1", "aria-label": this.#t("write"), placeholder: this.#t("placeholder"), maxlength: "10000", enterkeyhint: "send", input: () => this.#typed(), keydown: (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); this.#say(); }
    }, paste: (event) => { if (event.clipboardData?.files.length) { event.preventDefault(); this.#attach(event.clipboardData.files); } } });
    p.text.value = this.#session("draft") || "";
    p.send = el("button", { class: "send", type: "submit", "aria-label": this.#t("send") }, icon("send"));
    p.goOn = el("button", { type: "button", click: () => {
      if (this.#talk.links) this.#talk.links = null; else this.#talk.put({ t: "offers" });
      this.#changed();
    } }, this.#t("goOn"));
    p.go = el("div", { class: "go" }, p.goOn);
    const form = el("form", { class: "say", submit: (event) => { event.preventDefault(); this.#say(); } }, clip, p.file, p.text, p.send);
    p.panel = el("section", { class: "panel", role: "dialog", "aria-labelledby": "title", "data-drop": this.#t("drop"), keydown: (event) => this.#keys(event) },
      el("div", { class: "top" }, p.face, el("div", { class: "who" }, p.title, p.when), p.shut), p.net, p.log,
      el("div", { class: "foot" }, p.below, p.chips, p.note, form, p.go));
    let depth = 0;
    const over = (step) => (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      depth = Math.max(0, depth + step);
      p.panel.classList.toggle("dropping", depth > 0);
    };
    p.panel.addEventListener("dragenter", over(1));
    p.panel.addEventListener("dragover", over(0));
    p.panel.addEventListener("dragleave", over(-1));
    p.panel.addEventListener("drop", (event) => { over(-9)(event); if (event.dataTransfer) this.#attach(event.dataTransfer.files); });
    this.#root.insertBefore(p.panel, this.#launch);
    new ResizeObserver(() => { if (p === this.#p && this.#stick) this.#down(); }).observe(p.log);
    this.#typed(true);
  }

  #keys(event) {
    if (event.key === "Escape") { event.stopPropagation(); this.close(); }
    if (event.key !== "Tab" || !matchMedia("(max-width: 480px)").matches) return;
    // On a phone the panel is the whole screen: the keyboard stays in it.
    const stops = [...this.#p.panel.querySelectorAll("button, textarea")].filter((one) => one.offsetParent), back = event.shiftKey;
    if (this.#root.activeElement === stops.at(back ? 0 : -1)) { event.preventDefault(); stops.at(back ? -1 : 0).focus(); }
  }

  /* ── writing ── */
  #typed(quiet) {
    const { text, send } = this.#p;
    text.style.height = "auto";
    text.style.height = `${Math.min(132, Math.max(40, text.scrollHeight))}px`;
    const ready = text.value.trim() || this.#chips.length;
    send.setAttribute("aria-disabled", ready ? "false" : "true");
    if (quiet) return;
    this.#session("draft", text.value);
    this.#talk.type();
  }

  #say() {
    const { text } = this.#p;
    const words = text.value.trim();
    if (this.#chips.some((chip) => chip.failed)) return;
    if (this.#chips.some((chip) => !chip.kept)) { this.#sendLater = true; return; }
    if (!words && !this.#chips.length) return;
    for (const chip of this.#chips) if (chip.url) this.#pictures.set(chip.kept.id, chip.url);
    if (this.#p.card?.done) { this.#p.card.remove(); this.#p.card = null; }
    this.#talk.say(words, this.#chips.map((chip) => chip.kept));
    this.#chips = [];
    this.#sendLater = false;
    text.value = "";
    this.#typed(true);
    this.#session("draft", "");
    this.#note("");
    this.#changed();
    this.#down();
  }
  #sendLater = false;

  #note(words) { this.#p.note.textContent = words; this.#p.note.hidden = !words; }

  #attach(files) {
    const { maxFile, maxFiles } = this.#talk.info;
    this.#note("");
    for (const file of files) {
      if (this.#chips.length >= maxFiles) { this.#note(this.#t("tooMany", { n: maxFiles })); break; }
      if (file.size > maxFile) { this.#note(this.#t("tooLarge", { name: file.name, size: size(maxFile) })); continue; }
      const chip = { file, done: 0, url: PICTURES.includes(file.type) ? URL.createObjectURL(file) : null };
      this.#chips.push(chip);
    }
    this.#uploads();
    this.#changed();
    this.#p.text.focus();
  }

  async #uploads() {
    if (!this.#talk.ready) return;
    for (const chip of this.#chips) {
      if (chip.kept || chip.busy || chip.failed) continue;
      chip.busy = true;
      try {
        chip.kept = await this.#talk.upload(chip.file, (part) => { chip.done = part; if (chip.bar) chip.bar.value = part; });
      } catch (status) {
        chip.failed = status !== 0 || navigator.onLine;
        if (chip.failed) this.#note(this.#t("uploadFailed", { name: chip.file.name }));
      }
      chip.busy = false;
    }
    this.#changed();
    if (this.#sendLater && this.#chips.every((chip) => chip.kept)) this.#say();
  }

  #forget() {
    const { forget } = this.#p;
    if (forget.dataset.sure) { this.#talk.forget(); this.#p.text.focus(); delete forget.dataset.sure; forget.textContent = this.#t("forget"); return; }
    forget.dataset.sure = "1";
    forget.textContent = this.#t("really");
  }

  #down() { const { log, below } = this.#p; this.#stick = true; log.scrollTop = log.scrollHeight; below.hidden = true; }
  #scrolled() {
    const { log, below } = this.#p;
    this.#stick = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
    if (this.#stick) below.hidden = true;
  }
  #stick = true; // the newest is in sight, and stays there when something grows

  /* ── showing ── */
  #changed(frame) {
    if (!this.#launch) return;
    const talk = this.#talk, watching = talk.open && document.visibilityState === "visible";
    if (watching && this.#p) talk.look();
    const unread = talk.unread();
    this.classList.toggle("open", Boolean(talk.open));
    this.#badge.hidden = !unread.length || talk.open;
    this.#badge.textContent = unread.length > 99 ? "99+" : String(unread.length || "");
    this.#launch.setAttribute("aria-label", this.#t(talk.open ? "close" : "open") + (unread.length ? `, ${this.#t("unread", { n: unread.length })}` : ""));
    this.#launch.setAttribute("aria-expanded", String(Boolean(talk.open)));
    const fresh = frame?.t === "messages" && talk.ready && !talk.open && unread.at(-1);
    if (fresh) this.#status.textContent = this.#t("newMessage", { name: fresh.author, text: fresh.text.slice(0, 200) });
    if (frame?.t === "ready") this.#uploads();
    if (talk.open && this.#p && !this.#queued) {
      this.#queued = true;
      queueMicrotask(() => { this.#queued = false; if (this.#p) this.#show(); });
    }
  }
  #queued = false;

  #show() {
    const p = this.#p, talk = this.#talk, near = this.#stick, team = this.#team;
    p.title.textContent = team || this.#t("title");
    p.face.textContent = team.split(/\s+/).slice(0, 2).map((word) => [...word][0] || "").join("").toUpperCase() || "?";
    p.when.textContent = this.#words(talk.info.replyTime);
    p.hi.textContent = this.#words(talk.info.greeting) || this.#t("greeting");
    p.forget.hidden = !talk.messages.size;
    const off = !navigator.onLine || talk.tries > 1;
    p.net.hidden = !off;
    const net = off ? this.#t(navigator.onLine ? "connecting" : "offline") : "";
    if (p.net.textContent !== net) p.net.textContent = net;
    p.log.setAttribute("aria-busy", String(!talk.ready && !talk.messages.size));
    const before = this.#nodes.size;
    this.#list();
    p.dots.hidden = !(talk.typing > Date.now());
    p.dots.lastChild.textContent = p.dots.hidden ? "" : this.#t("typing");
    p.go.hidden = !talk.info.ways?.length || !talk.messages.size;
    if (p.links !== talk.links) {
      p.links = talk.links;
      p.go.replaceChildren(p.goOn, ...(talk.links || []).map((one) => wrap({ kind: "link", value: one.url }, [one.label])));
    }
    p.goOn.setAttribute("aria-expanded", String(Boolean(talk.links)));
    this.#ask();
    this.#files();
    if (near) this.#down(); else if (this.#nodes.size > before) p.below.hidden = false;
  }

  #list() {
    const { dots } = this.#p, all = this.#talk.ordered(), wanted = [];
    const answered = all.findLastIndex((one) => one.from === "team"), own = all.findLastIndex((one) => one.from === "visitor" && !one.wait);
    let day = "", before = null;
    all.forEach((message, place) => {
      const date = new Date(message.at), today = date.toDateString(), next = all[place + 1];
      if (today !== day) wanted.push(this.#node(`day ${today}`, "", "", () => el("div", { class: "day" }, this.#day(date))));
      const same = (a, b) => a && b && a.from === b.from && a.author === b.author && Math.abs(a.at - b.at) < 3e5 && new Date(a.at).toDateString() === new Date(b.at).toDateString();
      const first = !same(before, message), last = !same(message, next);
      const seen = place < answered || message.read;
      const state = message.from === "team" ? "" : message.failed ? "failed" : message.wait ? (this.#talk.ready ? "sending" : "waiting") : place === own ? (seen ? "seen" : "sent") : "";
      const mark = JSON.stringify([message.text, message.spans, message.files, first, message.author, (message.files || []).map((file) => this.#pictures.get(file.id))]);
      wanted.push(this.#node(message.id, mark, [last, state, message.wait, message.at].join(), () => this.#bubble(message, first, last, state)));
      if (message.ask) {
        const card = this.#node(`rate ${message.id}`, "", "", () => this.#rate(message));
        card.paint(message.ask);
        wanted.push(card);
      }
      day = today;
      before = message;
    });
    const keep = new Set(wanted);
    for (const [key, one] of this.#nodes) if (!keep.has(one.node)) { one.node.remove(); this.#nodes.delete(key); }
    let after = this.#p.start;
    for (const node of wanted) { if (after.nextSibling !== node) after.after(node); after = node; }
    if (after.nextSibling !== dots) after.after(dots);
  }

  #node(key, mark, state, make) {
    const known = this.#nodes.get(key);
    if (known?.mark === mark && known.state === state) return known.node;
    const made = make(), node = known?.node || made;
    if (known) { // the same message in another state: what was read out is not read again
      node.className = made.className;
      if (known.mark !== mark) node.replaceChildren(...made.childNodes);
      else {
        node.querySelector(".state")?.remove();
        const line = made.querySelector(".state");
        if (line) node.append(line);
      }
    }
    this.#nodes.set(key, { mark, state, node });
    return node;
  }

  #day(date) {
    const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 864e5);
    return days === 0 ? this.#t("today") : days === 1 ? this.#t("yesterday") : new Intl.DateTimeFormat(this.#lang, { weekday: "short", day: "numeric", month: "long" }).format(date);
  }

  #bubble(message, first, last, state) {
    const mine = message.from === "visitor", time = new Intl.DateTimeFormat(this.#lang, { hour: "numeric", minute: "2-digit" }).format(message.at);
    const made = el("div", { class: `m${mine ? " mine" : ""}${first ? " first" : ""}${last ? " last" : ""}${message.wait ? " wait" : ""}` });
    if (mine) made.append(el("span", { class: "hide" }, `${this.#t("you")}: `));
    else if (first) made.append(el("div", { class: "name" }, `${message.author || this.#team} · ${time}`));
    else made.append(el("span", { class: "hide" }, `${message.author || this.#team}: `));
    if (message.text) made.append(el("div", { class: "b" }, ...rich(message.text, message.spans || [])));
    for (const file of message.files || []) made.append(this.#file(file));
    if (state === "failed") {
      const why = message.failed === "file" ? `${this.#t("failed")} ${this.#t("fileAgain")}` : this.#t("failed");
      made.append(el("div", { class: "state bad" }, why, " ", el("button", { type: "button", click: () => this.#talk.retry(message.id) }, this.#t("retry"))));
    } else if (state) made.append(el("div", { class: "state" }, this.#t(state), state === "sent" || state === "seen" ? ` · ${time}` : ""));
    return made;
  }

  #rate({ id, text, ask }) {
    const marks = [1, 2, 3, 4, 5].map((score) => el("button", { type: "button", "aria-label": score < 2 ? `1 – ${ask.bad}` : score > 4 ? `5 – ${ask.great}` : null, click: () => this.#talk.rate(id, { score }) }, String(score)));
    const words = el("textarea", { id: `w${id}`, maxlength: "2000" });
    const form = el("form", { submit: (event) => {
      event.preventDefault();
      if (!words.value.trim()) return;
      this.#p.text.focus();
      this.#talk.rate(id, { comment: words.value.trim() });
    } }, el("p", null, el("label", { for: words.id }, ask.invite)), words, el("div", null, el("button", { class: "go", type: "submit" }, this.#t("send"))));
    const made = el("div", { class: "card rate", role: "group", "aria-label": text }, el("div", { class: "marks" }, ...marks), el("div", { class: "ends", "aria-hidden": "true" }, el("span", null, ask.bad), el("span", null, ask.great)));
    const thanks = el("p", null, ask.thanks);
    made.paint = ({ score, said, out }) => {
      marks.forEach((mark, place) => mark.setAttribute("aria-pressed", String(place + 1 === (out?.score || score))));
      if (score && !thanks.isConnected) made.append(thanks, form);
      form.hidden = said || Boolean(out?.comment);
    };
    return made;
  }

  #file(file) {
    if (!file.id) return el("div", { class: "f" }, icon("file"), el("span", null, file.name, el("small", null, this.#t("fileGone"))));
    const url = this.#pictures.get(file.id), attributes = { type: "button", class: "f", click: () => this.#download(file) }, label = el("span", { class: "hide" }, this.#t("download"), " ");
    if (url) return el("button", { ...attributes, class: "f pic" }, label, el("img", { src: url, alt: file.name, load: () => { if (this.#p && this.#stick) this.#down(); } }));
    if (url === undefined && PICTURES.includes(file.type) && file.size < 5e6) {
      this.#pictures.set(file.id, null);
      this.#talk.fetch(file).then((made) => { this.#pictures.set(file.id, made); this.#changed(); }, () => {});
    }
    return el("button", attributes, label, icon("file"), el("span", null, file.name, el("small", null, size(file.size))));
  }

  async #download(file) {
    try {
      const known = this.#pictures.get(file.id), url = known || await this.#talk.fetch(file);
      el("a", { href: url, download: file.name }).click();
      if (!known) setTimeout(() => URL.revokeObjectURL(url), 60000);
    } catch { this.#note(this.#t("fileGone")); }
  }

  #files() {
    const { chips } = this.#p;
    chips.hidden = !this.#chips.length;
    chips.replaceChildren(...this.#chips.map((chip) => {
      chip.bar = chip.kept || chip.failed ? null : el("progress", { max: "1", value: String(chip.done), "aria-label": this.#t("uploading", { name: chip.file.name }) });
      const remove = el("button", { class: "icon", type: "button", "aria-label": this.#t("remove", { name: chip.file.name }), click: () => {
        this.#chips = this.#chips.filter((one) => one !== chip);
        this.#note("");
        this.#typed(true);
        this.#changed();
        this.#p.text.focus();
      } }, icon("close"));
      return el("div", { class: `chip${chip.failed ? " bad" : ""}` }, el("span", null, chip.file.name), chip.bar, remove);
    }));
    this.#typed(true);
  }

  /* ── an address, where nobody answers ── */
  #ask() {
    const talk = this.#talk, { askAddressAfter, addressGiven, noAddress } = talk.info, p = this.#p;
    const said = talk.ordered().filter((one) => !one.wait), first = said[said.findLastIndex((one) => one.from === "team") + 1];
    clearTimeout(this.#due);
    if (p.card && addressGiven && !p.card.done) this.#thank();
    if (p.card && talk.addressProblem) { p.bad.hidden = false; p.email.setAttribute("aria-invalid", "true"); p.email.focus(); talk.addressProblem = false; }
    if (p.card && !talk.messages.size) { p.card.remove(); p.card = null; }
    if (p.card || !askAddressAfter || addressGiven || noAddress || !talk.ready || !first) return;
    const wait = Math.max(first.at + askAddressAfter * 1000 - talk.skew, talk.typing || 0) - Date.now();
    if (wait > 0) { this.#due = setTimeout(() => this.#changed(), Math.min(wait, 2e9) + 50); return; }
    p.email = el("input", { type: "email", id: "email", autocomplete: "email", required: true, "aria-describedby": "bad" });
    p.bad = el("p", { class: "bad", id: "bad", role: "alert", hidden: true }, this.#t("badEmail"));
    p.card = el("form", { class: "card", novalidate: true, submit: (event) => {
      event.preventDefault();
      p.bad.hidden = true;
      if (p.email.value.trim() && p.email.checkValidity()) talk.address(p.email.value.trim());
      else { talk.addressProblem = true; this.#ask(); }
    } }, el("p", null, this.#t("ask")), el("label", { for: "email" }, this.#t("email")), p.email, p.bad,
    el("div", null, el("button", { class: "go", type: "submit" }, this.#t("save")), el("button", { type: "button", click: () => {
      talk.info.noAddress = true;
      talk.save();
      p.card.remove();
      p.card = null;
      p.text.focus();
    } }, this.#t("later"))));
    p.log.append(p.card);
  }

  #thank() {
    const { card, text } = this.#p;
    if (card.contains(this.#root.activeElement)) text.focus();
    card.done = true;
    card.replaceChildren(el("p", null, this.#t("thanks")));
  }
}

/* Text with its spans as nodes: only text and a fixed set of elements. */
const TAGS = { bold: "strong", italic: "em", strike: "s", code: "code", pre: "pre", quote: "blockquote", link: "a" };
const ORDER = ["quote", "pre", "link", "bold", "italic", "strike", "code"];
const within = (value, most) => Math.max(0, Math.min(most, value | 0));

function rich(text, spans) {
  const marks = spans.filter((span) => Object.hasOwn(TAGS, span[2])).map(([start, end, kind, value]) => ({ start: within(start, text.length), end: within(end, text.length), kind, value }));
  return pieces(text, 0, text.length, marks.sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind)));
}

function pieces(text, from, to, marks) {
  const here = marks.filter((mark) => mark.start < to && mark.end > from);
  if (!here.length) return from < to ? [text.slice(from, to)] : [];
  const [mark, ...rest] = here, start = Math.max(from, mark.start), end = Math.min(to, mark.end);
  const block = mark.kind === "quote" || mark.kind === "pre"; // a block is a line of its own: the ends of line around it go
  const inner = pieces(text, start + (block && text[start] === "\n"), end, rest);
  return [...pieces(text, from, start, rest), wrap(mark, inner), ...pieces(text, Math.min(to, end + (block && text[end] === "\n")), to, rest)];
}

function wrap(mark, inner) {
  if (mark.kind !== "link") return el(TAGS[mark.kind], null, ...inner);
  let url = null;
  try { url = new URL(mark.value); } catch { /* not an address */ }
  if (!url || !["https:", "http:", "mailto:", "tel:"].includes(url.protocol)) return el("span", null, ...inner);
  return el("a", { href: url.href, title: url.href, target: "_blank", rel: "noopener noreferrer nofollow" }, ...inner);
}

const everywhere = (does) => (token) => SupportChat.all.forEach((one) => one[does](token));
window.onethread = Object.assign(window.onethread || {}, { identify: everywhere("identify"), forget: everywhere("forget") });
customElements.define("support-chat", SupportChat);
})();
