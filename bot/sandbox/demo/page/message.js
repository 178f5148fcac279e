// One Slack message: who, when, what, files, reactions, and what can be done with it.
import { bytes, h, openMenu } from "./dom.js";
import { renderBlocks } from "./blocks.js";
import { emoji, mrkdwn } from "./slacktext.js";

const PICTURES = ["image/png", "image/jpeg", "image/gif", "image/webp"];

export function author(message, workspace) {
  if (message.subtype === "bot_message" && message.username) return { name: message.username, app: true, sign: message.icons?.emoji };
  if (message.bot_id || message.user === workspace.bot.id) return { name: "Onethread", app: true, own: true };
  return { name: workspace.users.get(message.user)?.real_name ?? message.user ?? "Slack", app: false };
}

function face({ name, own, sign }) {
  if (own) return h("img", { class: "face", src: "/page/icon.svg", alt: "" });
  const letters = name.split(/\s+/).filter((word) => /^\p{L}/u.test(word)).slice(0, 2).map((word) => [...word][0]).join("");
  const hue = [...name].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 7, 3);
  return h("span", { class: sign ? "face sign" : `face hue${hue}`, "aria-hidden": "true" }, sign ? emoji(sign.replaceAll(":", "")) : letters.toUpperCase() || "?");
}

export function messageRow(message, view) {
  const { workspace } = view;
  if (message.subtype === "tombstone") return h("article", { class: "message gone" }, h("span", { class: "face" }), h("p", null, message.text));
  const from = author(message, workspace);
  const people = view.context(message).people;
  const at = new Date(Number(message.ts) * 1000);
  // A person's own words are shown from their text: Slack's client lets *this* be typed, the stand-in's blocks do not know it.
  const body = message.blocks?.length && from.app ? renderBlocks(message.blocks, view.context(message)) : h("div", { class: "words" }, mrkdwn(message.text ?? "", people));
  return h("article", { class: `message${message.is_ephemeral ? " private" : ""}`, "data-ts": message.ts },
    face(from),
    h("div", { class: "said" },
      h("div", { class: "by" }, h("b", null, from.name), from.app ? h("span", { class: "tag" }, "APP") : null,
        h("time", { dateTime: at.toISOString(), title: at.toLocaleString() }, at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })),
        message.edited ? h("small", null, "(edited)") : null),
      message.subtype === "thread_broadcast" ? h("p", { class: "quietline" }, "also sent to the channel") : null,
      message.is_ephemeral ? h("p", { class: "quietline" }, "Only visible to you") : null,
      h("div", { class: "body" }, body),
      filesOf(message, workspace), reactions(message, workspace), replies(message, view)),
    message.is_ephemeral ? dismiss(message, view) : more(message, view));
}

function filesOf(message, workspace) {
  if (!message.files?.length) return null;
  return h("div", { class: "files" }, message.files.map((file) => {
    if (file.mode === "tombstone") return h("span", { class: "file" }, "This file was deleted.");
    const url = workspace.api.download(file.url_private_download ?? file.url_private);
    const picture = PICTURES.includes(file.mimetype) ? h("img", { class: "picture small", src: url, alt: "" }) : h("span", { "aria-hidden": "true" }, "📄");
    return h("a", { class: "file", href: url, download: file.name }, picture, h("span", null, file.title || file.name, h("small", null, bytes(file.size))));
  }));
}

function reactions(message, workspace) {
  if (!message.reactions?.length) return null;
  return h("div", { class: "reactions" }, message.reactions.map((one) => {
    const who = one.users.map((id) => workspace.name(id)).join(", ");
    return h("span", { class: "reaction", title: `${who} :${one.name}:` }, `${emoji(one.name)} ${one.count}`);
  }));
}

function replies(message, view) {
  if (view.inThread) return null;
  const root = message.subtype === "thread_broadcast" ? message.thread_ts : message.ts;
  if (!message.reply_count && message.subtype !== "thread_broadcast") return null;
  const words = message.reply_count ? `${message.reply_count} ${message.reply_count === 1 ? "reply" : "replies"}` : "View thread";
  return h("button", { type: "button", class: "replies", onclick: () => view.openThread(root) }, words);
}

function dismiss(message, view) {
  return h("div", { class: "tools" }, h("button", { type: "button", class: "icon", "aria-label": "Dismiss", title: "Dismiss", onclick: () => view.dismiss(message) }, "×"));
}

function more(message, view) {
  const items = [];
  const root = message.thread_ts ?? message.ts;
  if (!view.inThread) items.push({ label: "Reply in thread", act: () => view.openThread(root, true) });
  for (const one of view.shortcuts) items.push({ label: one.name, under: one.description, act: () => view.shortcut(one, message) });
  if (message.user === view.workspace.me.id) {
    items.push({ label: "Edit", act: () => view.edit(message) }, { label: "Delete", danger: true, act: () => view.remove(message) });
  }
  if (!items.length) return null;
  const button = h("button", { type: "button", class: "icon", "aria-label": `Actions for the message of ${author(message, view.workspace).name}`, "aria-haspopup": "menu", title: "More" }, "⋯");
  button.addEventListener("click", () => openMenu(button, items));
  return h("div", { class: "tools" }, button);
}
