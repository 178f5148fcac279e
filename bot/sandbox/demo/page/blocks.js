// Slack's blocks as elements. Interactive elements come from controls.js; `context.act(block, element, value)` uses one.
import { h } from "./dom.js";
import { control } from "./controls.js";
import { emoji, link, mention, slackDate, textObject } from "./slacktext.js";

const MAKERS = {
  section(block, context) {
    const words = block.text ? h("div", { class: "words" }, textObject(block.text, context.people)) : null;
    const fields = block.fields ? h("div", { class: "fields" }, block.fields.map((field) => h("div", null, textObject(field, context.people)))) : null;
    const side = block.accessory ? h("div", { class: "accessory" }, element(block, block.accessory, context)) : null;
    return h("div", { class: "section" }, h("div", { class: "main" }, words, fields), side);
  },
  header: (block, context) => h("h3", { class: "header" }, textObject(block.text, context.people)),
  divider: () => h("hr"),
  context: (block, context) =>
    h("div", { class: "context" }, block.elements.map((part) =>
      part.type === "image" ? picture(part, context, "tiny") : h("span", null, textObject(part, context.people)))),
  actions: (block, context) => h("div", { class: "actions" }, block.elements.map((part) => element(block, part, context))),
  image: (block, context) =>
    h("figure", null, block.title ? h("figcaption", null, textObject(block.title, context.people)) : null, picture(block, context, "large")),
  rich_text: (block, context) => h("div", { class: "rich" }, block.elements.map((part) => richPart(part, context))),
  markdown: (block) => h("div", { class: "words" }, block.text),
  input: (block, context) => inputBlock(block, context),
};

export function renderBlocks(blocks, context) {
  return blocks.map((block) => {
    const made = MAKERS[block.type];
    const shown = made ? made(block, context) : h("div", { class: "context" }, `(a block of type ${block.type})`);
    shown.classList.add("block");
    shown.dataset.block = block.block_id ?? "";
    return shown;
  });
}

function element(block, part, context) {
  return part.type === "image" ? picture(part, context, "small") : control(block, part, context);
}

// Pictures of the stand-in are shown; anything else would be a request to a stranger, so it is named only.
function picture(part, context, size) {
  const url = part.slack_file?.url ?? part.image_url ?? "";
  const own = url && context.picture?.(url);
  if (own) return h("img", { class: `picture ${size}`, src: own, alt: part.alt_text ?? "" });
  return h("span", { class: "nopicture" }, part.alt_text || "picture");
}

function inputBlock(block, context) {
  const id = `in-${context.scope}-${block.block_id}`;
  const made = control(block, block.element, { ...context, id });
  const label = textObject(block.label, context.people);
  const optional = block.optional ? h("small", null, " (optional)") : null;
  const hint = block.hint ? h("p", { class: "hint" }, textObject(block.hint, context.people)) : null;
  const error = h("p", { class: "error", id: `${id}-error`, role: "alert" });
  const grouped = ["checkboxes", "radio_buttons"].includes(block.element.type);
  if (!grouped) (made.matches("input,select,textarea") ? made : made.querySelector("input,select,textarea"))?.setAttribute("aria-describedby", error.id);
  return grouped
    ? h("fieldset", { class: "input" }, h("legend", null, label, optional), made, hint, error)
    : h("div", { class: "input" }, h("label", { htmlFor: id }, label, optional), made, hint, error);
}

// -- rich text --------------------------------------------------------------------------------------

const RICH = {
  rich_text_section: (part, context) => h("div", { class: "line" }, part.elements.map((one) => richInline(one, context))),
  rich_text_quote: (part, context) => h("blockquote", null, part.elements.map((one) => richInline(one, context))),
  rich_text_preformatted: (part, context) => h("pre", null, part.elements.map((one) => richInline(one, context))),
  rich_text_list(part, context) {
    const list = h(part.style === "ordered" ? "ol" : "ul", { class: `indent${part.indent ?? 0}` },
      part.elements.map((one) => h("li", null, richPart(one, context))));
    if (part.style === "ordered" && part.offset) list.start = part.offset + 1;
    return list;
  },
};

function richPart(part, context) {
  return RICH[part.type] ? RICH[part.type](part, context) : h("div", null, `(${part.type})`);
}

const TAGS = { bold: "b", italic: "i", strike: "s", code: "code" };

function richInline(part, context) {
  let node = richLeaf(part, context);
  for (const [style, tag] of Object.entries(TAGS)) if (part.style?.[style]) node = h(tag, null, node);
  return node;
}

function richLeaf(part, context) {
  switch (part.type) {
    case "text": return document.createTextNode(part.text);
    case "link": return link(part.url, part.text);
    case "user": return mention(part.user_id, context.people);
    case "channel": return h("span", { class: "mention" }, `#${context.people.channel(part.channel_id)}`);
    case "usergroup": return h("span", { class: "mention" }, "@group");
    case "broadcast": return h("span", { class: "mention loud" }, `@${part.range}`);
    case "date": return slackDate(part.timestamp, part.format, part.fallback);
    case "emoji": return document.createTextNode(part.unicode ? String.fromCodePoint(...part.unicode.split("-").map((code) => parseInt(code, 16))) : emoji(part.name));
    default: return document.createTextNode(part.text ?? "");
  }
}
