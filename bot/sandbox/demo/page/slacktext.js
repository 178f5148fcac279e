// Slack's text as nodes: mrkdwn with its control sequences, dates in the reader's own zone, emoji.
import { h } from "./dom.js";

const EMOJI = Object.fromEntries(`
email 📧 envelope ✉️ incoming_envelope 📨 speech_balloon 💬 hourglass_flowing_sand ⏳ hourglass ⌛ white_check_mark ✅ x ❌
heavy_check_mark ✔️ warning ⚠️ eyes 👀 +1 👍 thumbsup 👍 -1 👎 thumbsdown 👎 tada 🎉 heart ❤️ wave 👋 pray 🙏 fire 🔥 rocket 🚀
red_circle 🔴 large_yellow_circle 🟡 large_green_circle 🟢 white_circle ⚪ zzz 💤 alarm_clock ⏰ bell 🔔 lock 🔒 memo 📝 pencil2 ✏️
paperclip 📎 inbox_tray 📥 outbox_tray 📤 question ❓ exclamation ❗ no_entry ⛔ no_entry_sign 🚫 rotating_light 🚨 bulb 💡 mag 🔍
smile 😄 grinning 😀 blush 😊 slightly_smiling_face 🙂 joy 😂 wink 😉 thinking_face 🤔 cry 😢 sob 😭 clap 👏 ok_hand 👌 100 💯
star ⭐ sparkles ✨ zap ⚡ package 📦 truck 🚚 gift 🎁 robot_face 🤖 globe_with_meridians 🌐 iphone 📱 telephone_receiver 📞
leftwards_arrow_with_hook ↩️ arrows_counterclockwise 🔄 information_source ℹ️ page_facing_up 📄 bust_in_silhouette 👤 boom 💥
`.trim().split(/\s+/).reduce((pairs, word, at, all) => (at % 2 ? pairs : [...pairs, [word, all[at + 1]]]), []));

export function emoji(name) {
  return EMOJI[name.split("::")[0]] ?? `:${name}:`;
}

const decode = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

// -- dates ------------------------------------------------------------------------------------------

const at = (seconds, options) => new Date(seconds * 1000).toLocaleString([], options);

function pretty(seconds, options) {
  const days = (time) => Math.floor((time - new Date().getTimezoneOffset() * 60000) / 86400000);
  const off = days(seconds * 1000) - days(Date.now());
  const word = { 0: "today", 1: "tomorrow", [-1]: "yesterday" }[off];
  return word ?? at(seconds, options);
}

const LONG = { weekday: "long", year: "numeric", month: "long", day: "numeric" };
const MIDDLE = { year: "numeric", month: "long", day: "numeric" };
const SHORT = { year: "numeric", month: "short", day: "numeric" };
const DATES = {
  date_num: (s) => new Date(s * 1000).toISOString().slice(0, 10),
  date: (s) => at(s, MIDDLE),
  date_short: (s) => at(s, SHORT),
  date_long: (s) => at(s, LONG),
  date_pretty: (s) => pretty(s, MIDDLE),
  date_short_pretty: (s) => pretty(s, SHORT),
  date_long_pretty: (s) => pretty(s, LONG),
  time: (s) => at(s, { hour: "2-digit", minute: "2-digit" }),
  time_secs: (s) => at(s, { hour: "2-digit", minute: "2-digit", second: "2-digit" }),
  ago: (s) => `${Math.max(0, Math.round((Date.now() / 1000 - s) / 60))} min ago`,
};

export function slackDate(seconds, pattern, fallback = "") {
  const number = Number(seconds);
  if (!Number.isFinite(number)) return h("span", null, fallback);
  const words = pattern.replace(/\{(\w+)\}/g, (whole, name) => (DATES[name] ? DATES[name](number) : whole));
  return h("time", { dateTime: new Date(number * 1000).toISOString(), title: fallback }, words);
}

// -- links and mentions -----------------------------------------------------------------------------

export function link(url, label) {
  const safe = /^(https?:|mailto:|tel:)/i.test(url);
  if (!safe) return h("span", { class: "deadlink" }, label || url);
  return h("a", { href: url, target: "_blank", rel: "noopener noreferrer nofollow" }, label || url);
}

export function mention(id, people) {
  return h("span", { class: "mention" }, `@${people.name(id)}`);
}

function control(inner, people) {
  const [target, label] = inner.split(/\|(.*)/s, 2);
  if (target.startsWith("@")) return mention(target.slice(1), people);
  if (target.startsWith("#")) return h("span", { class: "mention" }, `#${label || people.channel(target.slice(1))}`);
  if (target.startsWith("!date^")) {
    const [, seconds, pattern] = target.split("^");
    return slackDate(seconds, decode(pattern ?? ""), decode(label ?? ""));
  }
  if (target.startsWith("!subteam^")) return h("span", { class: "mention" }, label || "@group");
  if (target.startsWith("!")) return h("span", { class: "mention loud" }, `@${target.slice(1)}`);
  return link(decode(target), label === undefined ? "" : decode(label));
}

// -- inline -----------------------------------------------------------------------------------------

const INLINE = /<([^<>]+)>|`([^`\n]+)`|\*([^*\n]+)\*|_([^_\n]+)_|~([^~\n]+)~|:([a-z0-9_+'-]+(?:::skin-tone-\d)?):/g;
const STYLES = ["b", "i", "s"];

function inline(text, people) {
  const nodes = [];
  let last = 0;
  const plain = (end) => { if (end > last) nodes.push(decode(text.slice(last, end))); };
  for (const found of text.matchAll(INLINE)) {
    if (found.index < last) continue;
    const [whole, token, code, ...rest] = found;
    const end = found.index + whole.length;
    const styled = rest.slice(0, 3).findIndex((inner) => inner !== undefined);
    const glued = /\w/.test(text[found.index - 1] ?? "") || /\w/.test(text[end] ?? "");
    if (styled >= 0 && (glued || /^\s|\s$/.test(rest[styled]))) continue;
    if (rest[3] !== undefined && emoji(rest[3]).startsWith(":")) continue;
    plain(found.index);
    last = end;
    if (token !== undefined) nodes.push(control(token, people));
    else if (code !== undefined) nodes.push(h("code", null, decode(code)));
    else if (styled >= 0) nodes.push(h(STYLES[styled], null, inline(rest[styled], people)));
    else nodes.push(emoji(rest[3]));
  }
  plain(text.length);
  return nodes;
}

// -- blocks of text ---------------------------------------------------------------------------------

function paragraphs(text, people) {
  const nodes = [];
  let quote = null;
  text.split("\n").forEach((line, number, lines) => {
    const quoted = line.startsWith("&gt;");
    if (quoted) {
      if (!quote) nodes.push((quote = h("blockquote")));
      else quote.append("\n");
      quote.append(...inline(line.replace(/^&gt;\s?/, ""), people));
      return;
    }
    quote = null;
    nodes.push(...inline(line, people));
    if (number < lines.length - 1 && !lines[number + 1].startsWith("&gt;")) nodes.push("\n");
  });
  return nodes;
}

export function mrkdwn(text, people) {
  return text.split(/```/).flatMap((piece, number) =>
    number % 2 ? [h("pre", null, decode(piece.replace(/^\n|\n$/g, "")))] : paragraphs(piece, people));
}

// A text object of Block Kit.
export function textObject(object, people) {
  if (!object) return [];
  if (object.type === "mrkdwn") return mrkdwn(object.text, people);
  if (object.emoji === false) return [object.text];
  return [object.text.replace(/:([a-z0-9_+-]+):/g, (whole, name) => emoji(name))];
}
