// The guided tour. A step is a sentence, a button, and a look at the world that tells whether it has happened.
// Another step is another entry of `steps`.
import { fill, h, toast } from "./dom.js";
import { breakThings, get } from "./http.js";

const FIRST = { to: "support@shop.example", subject: "Where is my parcel?", text: "Hello,\n\nmy order 1042 should have come on Monday, and the tracking page has not moved since.\n\nDana\n" };
const SECOND = { to: "support@shop.example", subject: "A second cup?", text: "Hi,\n\ncould I add a second cup to my order before it ships?\n\nLuis\n" };

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

export function makeSteps({ workspace, slack, devices, show }) {
  const dana = devices.get("customer1");
  const luis = devices.get("customer2");
  const all = (name) => {
    const id = workspace.named(name);
    return id ? [...workspace.channels.get(id).messages.values()] : [];
  };
  const from = (name, after = 0) => all("support").filter((message) => message.username?.startsWith(name) && Number(message.ts) > after);
  const root = (message) => message?.thread_ts ?? message?.ts;
  const handleOf = (message) => {
    const card = all("support").find((one) => one.ts === root(message));
    return JSON.stringify(card?.blocks ?? "").match(/\bC\d+\b/)?.[0] ?? "C1";
  };
  const support = () => { show("slack"); slack.openChannel(workspace.named("support")); };
  return [
    {
      key: "mail", title: "A mail becomes a thread",
      words: "Dana writes to support@shop.example. In #support she gets a thread of her own, for every later word too.",
      button: "Send Dana's mail", busy: "On its way…",
      async act() {
        await dana.send(FIRST);
        support();
        for (let round = 0; round < 60 && !from(dana.customer.name).length; round++) await pause(250);
        const said = from(dana.customer.name).at(-1);
        if (said) slack.openThread(root(said));
      },
      done: () => from(dana.customer.name).length > 0,
    },
    {
      key: "reply", title: "Answer with /reply",
      words: "Agents answer from Slack: /reply, the customer's handle, and the words. For five seconds it can be taken back.",
      button: "Write it for me",
      async act() {
        support();
        const said = from(dana.customer.name).at(-1);
        slack.write(`/reply ${handleOf(said)} Sorry, Dana. The parcel left our house today; it is with you on Thursday.`);
        toast("Press Enter to send it.");
      },
      done: () => all("support").some((message) => message.username?.includes("→")
        || (message.text?.startsWith("!") && message.reactions?.some((one) => one.name === "white_check_mark"))),
    },
    {
      key: "mailbox", title: "The customer gets a mail",
      words: "The words are a real mail in Dana's mailbox now, an answer to her own. What she replies comes into the same thread.",
      button: "Open Dana's mailbox",
      async act() {
        show("devices");
        devices.show(dana.key);
        await dana.hear({ mails: { [dana.key]: -2 } });
        const mail = dana.mails.find((one) => one.folder === "inbox");
        dana.show(mail ? { what: "mail", mail } : { what: "list" });
        if (!mail) toast("No answer yet: it leaves when the five seconds for undo are over.");
      },
      done: () => dana.mails.some((mail) => mail.folder === "inbox" && dana.read.has(mail.id)),
    },
    devices.get("shop") && {
      key: "chat", title: "A chat on the shop's page",
      words: "The shop's page has the real chat. Ask something there: it becomes a thread like Dana's mail. Answer in that thread with ! and your words.",
      button: "Open the shop and its chat", busy: "Opening…",
      async act() {
        show("devices");
        devices.show("shop");
        if (!await devices.get("shop").openChat()) toast("The chat comes from the bot, and it does not run: start it under Break.", "bad");
      },
      done: () => all("support").some((message) => message.username?.endsWith("(site)")),
    },
    {
      key: "heal", title: "Break it, watch it heal",
      words: "The bot is killed (kill -9), Luis writes while it is dead, and it is started again. His mail arrives, once.",
      button: "Kill, write, start again", busy: "Healing…",
      async act(memory) {
        memory.since = Date.now() / 1000 - 1;
        support();
        await breakThings("bot_kill");
        await luis.send(SECOND);
        await pause(2500);
        await breakThings("bot_start");
        for (let round = 0; round < 120 && !from(luis.customer.name, memory.since).length; round++) await pause(250);
        const said = from(luis.customer.name, memory.since);
        if (said.length) slack.openThread(root(said.at(-1)));
      },
      done: (memory) => memory.since !== undefined && from(luis.customer.name, memory.since).length > 0,
    },
  ].filter(Boolean);
}

export class Tour {
  constructor(element, toggle, steps, run) {
    this.element = element;
    this.toggle = toggle;
    this.steps = steps;
    this.store = `tour-${run}`;
    this.memory = { done: [], open: true, ...JSON.parse(sessionStorage.getItem(this.store) ?? "{}") };
    this.at = null;
    toggle.addEventListener("click", () => { this.memory.open = !this.memory.open; this.draw(); });
    this.draw();
  }

  // Looks whether something has happened; called whenever anything did.
  look() {
    const fresh = this.steps.filter((step) => !this.memory.done.includes(step.key) && step.done(this.memory));
    if (!fresh.length) return;
    this.memory.done.push(...fresh.map((step) => step.key));
    this.at = null;
    this.draw();
  }

  async act(step) {
    if (this.busy) return;
    this.busy = step.key;
    this.draw();
    try {
      await step.act(this.memory);
    } catch (error) {
      toast(error.message, "bad");
    }
    this.busy = null;
    this.look();
    this.draw();
  }

  draw() {
    sessionStorage.setItem(this.store, JSON.stringify(this.memory));
    const { done, open } = this.memory;
    this.element.hidden = !open;
    this.toggle.setAttribute("aria-expanded", String(open));
    this.toggle.textContent = `Tour ${done.length}/${this.steps.length}`;
    const next = this.steps.find((step) => !done.includes(step.key));
    const current = this.steps.find((step) => step.key === (this.busy ?? this.at)) ?? next ?? this.steps.at(-1);
    const finished = !next && !this.busy && !this.at;
    fill(this.element,
      h("ol", null, this.steps.map((step, number) => {
        const ticked = done.includes(step.key);
        return h("li", { class: ticked ? "ticked" : "" },
          h("button", { type: "button", "aria-current": step === current && !finished ? "step" : null, onclick: () => { this.at = step.key; this.draw(); } },
            h("span", { class: "tick", "aria-hidden": "true" }, ticked ? "✓" : String(number + 1)), step.title, ticked ? h("span", { class: "unseen" }, " (seen)") : null));
      })),
      finished
        ? h("p", { class: "words" }, "That is all of it: one thread a customer, answers from Slack, and nothing lost on the way. Now try what you like.")
        : h("div", { class: "step" }, h("p", { class: "words" }, current.words),
          h("button", { type: "button", class: "primary", disabled: Boolean(this.busy), onclick: () => this.act(current) }, this.busy ? current.busy ?? "…" : current.button)),
      h("button", { type: "button", class: "icon close", "aria-label": "Close the tour", onclick: () => { this.memory.open = false; this.draw(); this.toggle.focus(); } }, "×"));
  }
}
