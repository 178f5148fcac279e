// A customer's mail program: a list, a mail, a reply. It sends over real SMTP to the mail server's stand-in.
import { bytes, fill, h, toast, when } from "./dom.js";
import { get, post } from "./http.js";

export class MailProgram {
  constructor(customer, addresses) {
    this.customer = customer;
    this.addresses = addresses;
    this.short = customer.name.split(" ")[0];
    this.label = `${this.short}'s mail`;
    this.icon = "mail";
    this.mails = [];
    this.read = new Set();
    this.count = -1;
    this.shown = { what: "list" };
    this.element = h("div", { class: "mail" });
    this.onchange = () => {};
    this.draw();
  }

  get key() { return this.customer.key; }
  get unread() { return this.mails.filter((mail) => mail.folder === "inbox" && !this.read.has(mail.id)).length; }

  // Called with each report of the demo: fetches what is new.
  async hear(state) {
    const count = state.mails[this.key];
    if (count === this.count) return;
    this.count = count;
    const folder = await get(`/mail/${this.key}`);
    this.mails = folder.mails;
    if (this.shown.what === "list") this.draw();
    this.onchange();
  }

  show(shown) {
    this.shown = shown;
    this.draw();
    this.onchange();
  }

  draw() {
    const makers = { list: () => this.list(), mail: () => this.mail(this.shown.mail), write: () => this.write(this.shown.first ?? {}) };
    fill(this.element, makers[this.shown.what]());
  }

  list() {
    const rows = this.mails.map((mail) => {
      const own = mail.folder === "sent";
      const fresh = !own && !this.read.has(mail.id);
      return h("li", null, h("button", { type: "button", class: `mail-row${fresh ? " fresh" : ""}`, onclick: () => this.show({ what: "mail", mail }) },
        h("span", { class: "line" }, h("b", null, own ? `To ${name(mail.to)}` : name(mail.from)), h("time", null, when(mail.at))),
        h("span", { class: "subject" }, mail.subject || "(no subject)", mail.files.length ? " 📎" : ""),
        h("span", { class: "excerpt" }, body(mail).slice(0, 90))));
    });
    return [
      h("div", { class: "bar" }, h("span", { class: "address" }, this.customer.address),
        h("button", { type: "button", class: "primary", onclick: () => this.show({ what: "write" }) }, "Write")),
      rows.length ? h("ul", { class: "mails" }, rows) : h("p", { class: "empty" }, `${this.customer.name} has no mail yet.`),
    ];
  }

  mail(mail) {
    this.read.add(mail.id);
    const words = h("div", { class: "mail-body" }, plainOf(mail));
    const show = (kind, button) => {
      fill(words, kind === "source" ? h("pre", null, mail.source) : kind === "html" ? htmlAsText(mail.html) : plainOf(mail));
      for (const one of button.parentElement.children) one.setAttribute("aria-pressed", String(one === button));
    };
    const tab = (kind, label, pressed) => h("button", { type: "button", "aria-pressed": String(pressed), onclick: (event) => show(kind, event.currentTarget) }, label);
    return [
      h("div", { class: "bar" }, h("button", { type: "button", onclick: () => this.show({ what: "list" }) }, "‹ All mail"),
        mail.folder === "inbox" ? h("button", { type: "button", class: "primary", onclick: () => this.show({ what: "write", first: answer(mail) }) }, "Reply") : null),
      h("article", { class: "mail-open" },
        h("h2", null, mail.subject || "(no subject)"),
        h("dl", null, [["From", mail.from], ["To", mail.to], ["Cc", mail.cc], ["Date", when(mail.at)]].filter(([, value]) => value).map(([label, value]) => [h("dt", null, label), h("dd", null, value)])),
        h("div", { class: "kinds", role: "group", "aria-label": "Show as" }, tab("plain", "Text", true), mail.html ? tab("html", "From HTML", false) : null, tab("source", "Source", false)),
        words,
        mail.files.length ? h("div", { class: "files" }, mail.files.map((file, at) =>
          h("a", { class: "file", href: `/mail/${this.key}/${mail.id}/${at}`, download: file.name }, "📄 ", h("span", null, file.name, h("small", null, bytes(file.size)))))) : null),
    ];
  }

  write(first) {
    const field = (label, input) => h("label", { class: "field" }, h("span", null, label), input);
    const listId = `addresses-${this.key}`;
    const to = h("input", { type: "text", name: "to", value: first.to ?? this.addresses[0], list: listId, required: true, autocomplete: "off" });
    const subject = h("input", { type: "text", name: "subject", value: first.subject ?? "" });
    const text = h("textarea", { name: "text", rows: 10, value: first.text ?? "", "aria-label": "Text" });
    const files = h("input", { type: "file", name: "files", multiple: true });
    const error = h("p", { class: "error", role: "alert" });
    const send = h("button", { type: "submit", class: "primary" }, "Send");
    const submit = async (event) => {
      event.preventDefault();
      send.disabled = true;
      error.textContent = "";
      try {
        await this.send({ to: to.value, subject: subject.value, text: text.value, in_reply_to: first.in_reply_to, references: first.references, files: await packed(files.files) });
      } catch (problem) {
        error.textContent = problem.message;
        send.disabled = false;
      }
    };
    queueMicrotask(() => { text.focus(); text.setSelectionRange(0, 0); text.scrollTop = 0; });
    return [
      h("div", { class: "bar" }, h("button", { type: "button", onclick: () => this.show({ what: "list" }) }, "‹ Discard"), h("span", { class: "address" }, `from ${this.customer.address}`)),
      h("form", { class: "mail-write", onsubmit: submit }, h("datalist", { id: listId }, this.addresses.map((one) => h("option", { value: one }))),
        field("To", to), field("Subject", subject), text, field("Files", files), error, h("div", { class: "bar end" }, send)),
    ];
  }

  async send(mail) {
    const sent = await post(`/mail/${this.key}`, mail);
    toast(`${this.customer.name.split(" ")[0]}'s mail is on its way.`);
    this.count = -1;
    this.show({ what: "list" });
    return sent;
  }
}

function name(header) {
  return header.replace(/\s*<[^>]*>/g, "").replaceAll('"', "") || header.replace(/[<>]/g, "");
}

const body = (mail) => mail.plain || htmlAsText(mail.html).textContent;

function plainOf(mail) {
  return mail.plain ? h("div", { class: "text" }, mail.plain) : htmlAsText(mail.html);
}

// HTML is read in a document that runs and loads nothing; only its words come over.
const BREAKS = new Set(["P", "DIV", "BR", "LI", "TR", "BLOCKQUOTE", "H1", "H2", "H3", "H4", "UL", "OL", "TABLE"]);

function htmlAsText(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  const out = [];
  const walk = (node) => {
    for (const child of node.childNodes) {
      if (child.nodeType === Node.TEXT_NODE) out.push(child.data.replace(/\s+/g, " "));
      else if (child.nodeType === Node.ELEMENT_NODE && !["SCRIPT", "STYLE", "HEAD", "TITLE"].includes(child.tagName)) {
        walk(child);
        if (BREAKS.has(child.tagName)) out.push("\n");
      }
    }
  };
  walk(page.body);
  return h("div", { class: "text" }, out.join("").replace(/[ \t]*\n[ \t]*/g, "\n").replace(/\n{3,}/g, "\n\n").trim());
}

function answer(mail) {
  const subject = /^re:/i.test(mail.subject) ? mail.subject : `Re: ${mail.subject}`;
  const quoted = body(mail).trimEnd().split("\n").map((line) => `> ${line}`).join("\n");
  return { to: mail.reply_to || mail.from, subject, in_reply_to: mail.message_id, references: `${mail.references} ${mail.message_id}`.trim(),
    text: `\n\nOn ${new Date(mail.at * 1000).toLocaleString()}, ${name(mail.from)} wrote:\n${quoted}\n` };
}

function packed(files) {
  return Promise.all([...files].map((file) => new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve({ name: file.name, type: file.type, data: String(reader.result).split(",", 2)[1] ?? "" });
    reader.onerror = () => reject(new Error(`${file.name} cannot be read.`));
    reader.readAsDataURL(file);
  })));
}
