// Buttons, menus and inputs of Block Kit. A control in a form registers how its value is read with `context.values`.
import { h, openMenu, bytes } from "./dom.js";
import { textObject } from "./slacktext.js";

export function control(block, part, context) {
  const make = MAKERS[part.type];
  if (!make) return h("span", { class: "nopicture" }, `(${part.type})`);
  return make(block, part, context);
}

const plain = (object) => object?.text ?? "";

// -- pressing ---------------------------------------------------------------------------------------

async function press(button, work, confirm) {
  if (confirm && !(await asked(confirm))) return;
  button.setAttribute("aria-busy", "true");
  try {
    await work();
  } finally {
    button.removeAttribute("aria-busy");
  }
}

function asked(confirm) {
  return new Promise((resolve) => {
    const done = (answer) => { dialog.close(); dialog.remove(); resolve(answer); };
    const dialog = h("dialog", { class: "modal small", oncancel: () => done(false) },
      h("h2", null, plain(confirm.title)), h("p", null, plain(confirm.text)),
      h("footer", null,
        h("button", { type: "button", onclick: () => done(false) }, plain(confirm.deny)),
        h("button", { type: "button", class: confirm.style === "danger" ? "danger" : "primary", onclick: () => done(true) }, plain(confirm.confirm))));
    document.body.append(dialog);
    dialog.showModal();
  });
}

function pressable(block, part, context) {
  const button = h("button", { type: "button", class: part.style ?? "", "data-action": part.action_id }, textObject(part.text, context.people));
  button.addEventListener("click", () => {
    if (part.url) window.open(part.url, "_blank", "noopener");
    press(button, () => context.act(block, part, null), part.confirm);
  });
  return button;
}

function overflow(block, part, context) {
  const button = h("button", { type: "button", class: "dots", "aria-label": "More", "aria-haspopup": "menu", "data-action": part.action_id }, "⋯");
  button.addEventListener("click", () => openMenu(button, part.options.map((option) => ({
    label: plain(option.text),
    under: plain(option.description),
    act: () => press(button, () => context.act(block, part, option.value), part.confirm),
  }))));
  return button;
}

// -- choosing ---------------------------------------------------------------------------------------

function keep(block, part, context, read, restore) {
  context.values?.add(block.block_id, part.action_id, part.type, read, restore);
}

// Slack tells the app of a choice at once, except in a form's inputs that did not ask for it.
function changed(block, part, context, value) {
  if (block.type !== "input" || block.dispatch_action) context.act(block, part, value);
}

function allOptions(part) {
  return part.option_groups ? part.option_groups.flatMap((group) => group.options) : part.options ?? [];
}

function picker(block, part, context, choices, first, toValue) {
  const many = part.type.startsWith("multi_");
  const select = h("select", { id: context.id, multiple: many, "data-action": part.action_id, "aria-label": context.id ? null : plain(part.placeholder) || "Choose" });
  if (!many) select.append(h("option", { value: "" }, plain(part.placeholder) || "Choose…"));
  for (const choice of choices) select.append(h("option", { value: choice.value, selected: first.includes(choice.value) }, choice.label));
  const read = () => {
    const chosen = [...select.selectedOptions].map((option) => option.value).filter(Boolean);
    return many ? chosen.map(toValue) : chosen.length ? toValue(chosen[0]) : null;
  };
  keep(block, part, context, read, (given) => {
    const values = [given].flat().filter(Boolean).map((one) => one.value ?? one);
    for (const option of select.options) option.selected = values.includes(option.value);
  });
  select.addEventListener("change", () => changed(block, part, context, read()));
  return select;
}

function staticSelect(block, part, context) {
  const options = allOptions(part);
  const state = context.state?.(block, part);
  const first = [state?.selected_option ?? state?.selected_options ?? part.initial_option ?? part.initial_options ?? []].flat().map((one) => one.value);
  const choices = options.map((option) => ({ value: option.value, label: [plain(option.text), plain(option.description)].filter(Boolean).join(" · ") }));
  return picker(block, part, context, choices, first, (value) => options.find((option) => option.value === value) ?? null);
}

function peopleSelect(block, part, context) {
  const state = context.state?.(block, part);
  const first = [state?.selected_user ?? part.initial_user ?? part.initial_users ?? []].flat();
  return picker(block, part, context, context.people.list(), first, (value) => value);
}

function channelSelect(block, part, context) {
  const first = [part.initial_channel ?? part.initial_conversation ?? []].flat();
  return picker(block, part, context, context.people.channels(), first, (value) => value);
}

function boxes(block, part, context) {
  const many = part.type === "checkboxes";
  const state = context.state?.(block, part);
  const first = [state?.selected_options ?? state?.selected_option ?? part.initial_options ?? part.initial_option ?? []].flat().map((one) => one?.value);
  const name = `${context.scope}-${block.block_id}-${part.action_id}`;
  const inputs = part.options.map((option) => h("input", { type: many ? "checkbox" : "radio", name, value: option.value, checked: first.includes(option.value) }));
  const read = () => {
    const chosen = part.options.filter((_, at) => inputs[at].checked);
    return many ? chosen : chosen[0] ?? null;
  };
  keep(block, part, context, read, (given) => {
    const values = [given].flat().filter(Boolean).map((one) => one.value);
    for (const input of inputs) input.checked = values.includes(input.value);
  });
  const rows = part.options.map((option, at) => h("label", { class: "box" }, inputs[at], h("span", null, textObject(option.text, context.people),
    option.description ? h("small", null, textObject(option.description, context.people)) : null)));
  return h("div", { class: "boxes", onchange: () => changed(block, part, context, read()) }, rows);
}

// A select whose options the app searches: type, arrows, Enter.
function externalSelect(block, part, context) {
  const state = context.state?.(block, part);
  const least = part.min_query_length ?? 3;
  let chosen = state?.selected_option ?? part.initial_option ?? null;
  let options = [];
  let timer = 0;
  const listId = `${context.id ?? `${context.scope}-${part.action_id}`}-list`;
  const list = h("div", { class: "options", role: "listbox", id: listId, hidden: true });
  const input = h("input", { id: context.id, type: "text", role: "combobox", autocomplete: "off", "aria-expanded": "false", "aria-controls": listId,
    "data-action": part.action_id, placeholder: plain(part.placeholder) || "Search…", value: plain(chosen?.text) });
  let active = -1;
  const show = (open) => { list.hidden = !open; input.setAttribute("aria-expanded", String(open)); };
  const choose = (option) => {
    chosen = option;
    input.value = plain(option?.text);
    show(false);
    changed(block, part, context, option);
  };
  const mark = (to) => {
    active = to;
    [...list.children].forEach((row, at) => row.setAttribute("aria-selected", String(at === to)));
    if (list.children[to]?.id) input.setAttribute("aria-activedescendant", list.children[to].id);
    list.children[to]?.scrollIntoView({ block: "nearest" });
  };
  const draw = () => {
    list.replaceChildren(...options.map((option, at) => h("div", { role: "option", id: `${listId}-${at}`, onpointerdown: (event) => { event.preventDefault(); choose(option); } },
      plain(option.text), option.description ? h("small", null, plain(option.description)) : null)));
    if (!options.length) list.append(h("div", { class: "none" }, "Nothing found"));
    show(true);
    mark(options.length ? 0 : -1);
  };
  const search = async () => {
    if (input.value.length < least) return show(false);
    const reply = await context.suggest(block, part, input.value);
    if (!reply || document.activeElement !== input) return;
    options = reply.options ?? (reply.option_groups ?? []).flatMap((group) => group.options);
    draw();
  };
  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(search, 150); });
  const browse = async () => {  // everything that is offered before a word is typed
    if (least > 0 || !list.hidden) return;
    const typed = input.value;
    input.value = "";
    await search();
    input.value ||= typed;
    input.select();
  };
  input.addEventListener("click", browse);
  input.addEventListener("blur", () => { show(false); input.value = plain(chosen?.text); });
  input.addEventListener("keydown", (event) => {
    if (list.hidden) {
      if (event.key === "ArrowDown") browse();
      return;
    }
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move && options.length) mark((active + move + options.length) % options.length);
    else if (event.key === "Enter" && options[active]) choose(options[active]);
    else if (event.key === "Escape") show(false);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  keep(block, part, context, () => chosen, (given) => { chosen = given; input.value = plain(given?.text); });
  return h("div", { class: "combo" }, input, list);
}

// -- typing -----------------------------------------------------------------------------------------

const INPUT_TYPES = { email_text_input: "email", url_text_input: "url", number_input: "text", datepicker: "date", timepicker: "time", datetimepicker: "datetime-local" };

function typed(block, part, context) {
  const state = context.state?.(block, part);
  const first = state?.value ?? state?.selected_date ?? state?.selected_time ?? part.initial_value ?? part.initial_date ?? part.initial_time ?? "";
  const long = part.multiline || part.type === "rich_text_input";
  const input = h(long ? "textarea" : "input", { id: context.id, value: typeof first === "string" ? first : "", placeholder: plain(part.placeholder), "data-action": part.action_id });
  if (long) input.rows = 5;
  else input.type = INPUT_TYPES[part.type] ?? "text";
  if (part.max_length) input.maxLength = part.max_length;
  const read = () => (part.type === "datetimepicker" && input.value ? Math.floor(new Date(input.value).getTime() / 1000) : input.value || null);
  keep(block, part, context, read, (given) => { if (typeof given === "string") input.value = given; });
  const triggers = part.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"];
  if (triggers.includes("on_character_entered")) {
    let timer = 0;
    input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(() => changed(block, part, context, read()), 300); });
  } else input.addEventListener("change", () => changed(block, part, context, read()));
  return input;
}

function files(block, part, context) {
  const input = h("input", { id: context.id, type: "file", multiple: (part.max_files ?? 10) > 1, "data-action": part.action_id });
  const named = h("div", { class: "hint" });
  input.addEventListener("change", () => { named.textContent = [...input.files].map((file) => `${file.name} (${bytes(file.size)})`).join(", "); });
  keep(block, part, context, () => [...input.files], (given) => {
    const carried = new DataTransfer();
    for (const file of given ?? []) if (file instanceof File) carried.items.add(file);
    input.files = carried.files;
    input.dispatchEvent(new Event("change"));
  });
  return h("div", null, input, named);
}

const MAKERS = {
  button: pressable, workflow_button: pressable, overflow,
  static_select: staticSelect, multi_static_select: staticSelect,
  users_select: peopleSelect, multi_users_select: peopleSelect,
  conversations_select: channelSelect, multi_conversations_select: channelSelect,
  channels_select: channelSelect, multi_channels_select: channelSelect,
  external_select: externalSelect, multi_external_select: externalSelect,
  checkboxes: boxes, radio_buttons: boxes,
  plain_text_input: typed, rich_text_input: typed, email_text_input: typed, url_text_input: typed, number_input: typed,
  datepicker: typed, timepicker: typed, datetimepicker: typed,
  file_input: files,
};
