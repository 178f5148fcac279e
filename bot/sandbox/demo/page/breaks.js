// The panel that breaks things: each line says what happens, and what the bot should make of it.
import { fill, h, toast } from "./dom.js";
import { breakThings } from "./http.js";

const LINES = [
  { do: "slack_429", label: "Slack says “too fast”", expect: "Two calls get a 429 with Retry-After 4 s. Posts come later, none is lost.", armed: "limit" },
  { do: "slack_500", label: "Slack fails", expect: "Two calls get a 500. The bot tries again by itself.", armed: "error" },
  { do: "slack_drop", label: "Slack posts, then drops the line", expect: "The next post is made, but its answer never comes. The bot looks it up instead of posting twice.", armed: "drop" },
];

export class Breaks {
  constructor() {
    this.key = "breaks";
    this.label = "Break things";
    this.short = "Break";
    this.icon = "breaks";
    this.kind = "warn";
    this.unread = 0;
    this.element = h("div", { class: "breaks" });
    this.onchange = () => {};
  }

  async act(what) {
    try {
      this.hear(await breakThings(what));
    } catch (error) {
      toast(error.message, "bad");
    }
  }

  hear(state) {
    this.state = state;
    const armed = (effect) => state.slack.broken.filter((rule) => rule.effect === effect).reduce((sum, rule) => sum + rule.times, 0);
    const line = (label, expect, what, note) => h("li", null, h("div", null, h("b", null, label), h("p", null, expect), note ? h("p", { class: "note" }, note) : null),
      h("button", { type: "button", "data-do": what.do, onclick: () => this.act(what.do) }, what.word));
    const left = (count) => (count ? `Armed: ${count} more ${count === 1 ? "call" : "calls"}.` : "");
    const { bot, mail } = state;
    const focused = document.activeElement?.dataset?.do;
    fill(this.element,
      h("p", { class: "intro" }, "Break something, then write as a customer or as an agent, and watch. Only the stand-ins and the process are hurt; the bot is not told."),
      h("ul", null,
        LINES.map((one) => line(one.label, one.expect, { do: one.do, word: "Break" }, left(armed(one.armed)))),
        bot.running
          ? line("Kill the bot", "kill -9, in the middle of whatever it does. Start it again when you like.", { do: "bot_kill", word: "Kill" }, `It runs as process ${bot.pid}${bot.connected ? "" : ", not yet connected"}.`)
          : line("Start the bot", "It picks up where it was: nothing is lost, nothing comes twice.", { do: "bot_start", word: "Start" }, `It is not running (${bot.ending || "not started"}).`),
        mail.up
          ? line("Take the mail server away", "SMTP and IMAP go down. Replies wait, and the team is told.", { do: "mail_down", word: "Take away" })
          : line("Bring the mail server back", "Replies that waited go out; mails come in again.", { do: "mail_up", word: "Bring back" }, "It is away.")),
      h("p", null, h("button", { type: "button", "data-do": "repair", onclick: () => this.act("repair") }, "Repair everything")),
      bot.running || !bot.log.length ? null : h("details", null, h("summary", null, "The bot's last words"), h("pre", null, bot.log.join("\n"))));
    if (focused) this.element.querySelector(`[data-do="${focused}"]`)?.focus();
    const broken = !bot.running || !mail.up || state.slack.broken.length > 0;
    if (broken !== this.broken) {
      this.broken = broken;
      this.label = broken ? "Break things, something is broken" : "Break things";
      this.kind = broken ? "warn broken" : "warn";
      this.onchange();
    }
  }
}
