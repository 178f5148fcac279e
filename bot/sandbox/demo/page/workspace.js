// What one person sees in Slack: people, channels, messages, forms. Kept up to date by long polling.
import { SlackApi } from "./http.js";

const PAGE = 200;
const THREADS = 30; // whose replies are read at the start

export class Workspace extends EventTarget {
  constructor(people) {
    super();
    this.people = people; // key -> {id, token, name}
    this.key = "";
    this.users = new Map();
    this.channels = new Map();
    this.views = [];
    this.home = null;
    this.life = new AbortController();
  }

  say(type, detail = {}) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  // -- becoming somebody ----------------------------------------------------------------------------

  async be(key) {
    this.life.abort();
    this.life = new AbortController();
    const signal = this.life.signal;
    const api = new SlackApi(this.people[key].token);
    const boot = await api.call("client.boot", {}, signal);
    if (signal.aborted) return;
    Object.assign(this, { key, api, me: boot.self, team: boot.team, bot: boot.bot, cursor: boot.cursor, views: boot.views, home: null });
    this.users = new Map(boot.users.map((user) => [user.id, user]));
    this.channels = new Map(boot.channels.map((info) => [info.id, { info, messages: new Map(), unread: 0 }]));
    this.say("person");
    await Promise.all([...this.channels.keys()].map((id) => this.load(id, signal)));
    this.say("channels");
    this.say("views");
    this.follow(signal);
  }

  async load(id, signal) {
    const channel = this.channels.get(id);
    const take = (messages) => { for (const message of messages) channel.messages.set(message.ts, message); };
    try {
      const { messages } = await this.api.call("conversations.history", { channel: id, limit: PAGE }, signal);
      take(messages);
      const roots = messages.filter((message) => message.reply_count && message.thread_ts === message.ts).slice(0, THREADS);
      await Promise.all(roots.map(async (root) => take((await this.api.call("conversations.replies", { channel: id, ts: root.ts, limit: PAGE }, signal)).messages)));
      take((await this.api.call("client.ephemerals", { channel: id }, signal)).messages);
    } catch (error) {
      if (signal?.aborted) return;
      channel.problem = error.message;
    }
    channel.loaded = true;
    this.say("messages", { channel: id });
  }

  async follow(signal) {
    let wait = 500;
    while (!signal.aborted) {
      try {
        const reply = await this.api.call("client.updates", { since: this.cursor, wait: 20 }, signal);
        wait = 500;
        if (reply.reset) return this.be(this.key);
        this.cursor = reply.cursor;
        for (const update of reply.updates) await this.take(update, signal);
      } catch {
        if (signal.aborted) return;
        await new Promise((done) => setTimeout(done, wait));
        wait = Math.min(wait * 2, 5000);
      }
    }
  }

  // -- updates --------------------------------------------------------------------------------------

  async take(update, signal) {
    const { kind } = update;
    if (update.channel && !this.channels.has(update.channel.id ?? update.channel)) await this.meet(signal);
    const channel = this.channels.get(update.channel);
    if (kind === "message" || kind === "ephemeral") this.arrive(channel, update.message, kind);
    else if (["message_changed", "ephemeral_changed", "reaction_added", "reaction_removed"].includes(kind)) this.keep(channel, update.message);
    else if (kind === "message_deleted" || kind === "ephemeral_deleted") this.drop(channel, update);
    else if (kind === "view_opened") this.views.push(update.view);
    else if (kind === "view_updated") this.views = this.views.map((view) => (view.id === update.view.id ? update.view : view));
    else if (kind === "view_closed") this.views = this.views.filter((view) => view.id !== update.view_id);
    else if (kind === "view_errors") this.say("view_errors", update);
    else if (kind === "status" && channel) (channel.status ??= new Map()).set(update.thread_ts, update.status);
    else if (kind === "home") {
      this.home = update.view;
      this.say("home");
    }
    else if (kind === "channel") await this.meet(signal);
    if (kind.startsWith("view_")) this.say("views");
    else if (channel) this.say("messages", { channel: channel.info.id, update });
  }

  keep(channel, message) {
    if (channel && message) channel.messages.set(message.ts, message);
  }

  arrive(channel, message, kind) {
    if (!channel) return;
    const known = channel.messages.has(message.ts);
    channel.messages.set(message.ts, message);
    const parent = channel.messages.get(message.thread_ts);
    if (!known && kind === "message" && parent && parent.ts !== message.ts)
      channel.messages.set(parent.ts, { ...parent, thread_ts: parent.ts, reply_count: (parent.reply_count ?? 0) + 1, latest_reply: message.ts });
    if (!known && message.user !== this.me.id) channel.unread += 1;
    this.say("channels");
  }

  drop(channel, update) {
    if (!channel) return;
    channel.messages.delete(update.ts);
    const parent = channel.messages.get(update.thread_ts);
    if (parent?.reply_count) channel.messages.set(parent.ts, { ...parent, reply_count: parent.reply_count - 1 });
  }

  async meet(signal) {
    const boot = await this.api.call("client.boot", {}, signal);
    this.users = new Map(boot.users.map((user) => [user.id, user]));
    for (const info of boot.channels) {
      const known = this.channels.get(info.id);
      if (known) known.info = info;
      else {
        this.channels.set(info.id, { info, messages: new Map(), unread: 1 });
        await this.load(info.id, signal);
      }
    }
    this.say("channels");
  }

  seen(id) {
    const channel = this.channels.get(id);
    if (!channel?.unread) return;
    channel.unread = 0;
    this.say("channels");
  }

  // -- looking --------------------------------------------------------------------------------------

  roots(id) {
    const inChannel = (message) => !message.thread_ts || message.thread_ts === message.ts || message.subtype === "thread_broadcast";
    return [...this.channels.get(id).messages.values()].filter(inChannel).sort(byTime);
  }

  thread(id, root) {
    return [...this.channels.get(id).messages.values()].filter((message) => message.ts === root || message.thread_ts === root).sort(byTime);
  }

  name(id) {
    const user = this.users.get(id);
    return user ? user.profile.display_name || user.real_name : id === this.bot?.id ? "Onethread" : id;
  }

  channel(id) {
    const info = this.channels.get(id)?.info;
    return info?.is_im ? this.name(info.user) : info?.name ?? id;
  }

  list() {
    return [...this.users.values()].filter((user) => !user.is_bot && !user.deleted).map((user) => ({ value: user.id, label: user.real_name }));
  }

  named(name) {
    return [...this.channels.values()].find((channel) => channel.info.name === name)?.info.id;
  }

  // For conversation pickers.
  conversations() {
    return [...this.channels.values()].map(({ info }) => ({ value: info.id, label: `#${this.channel(info.id)}` }));
  }

  // What was sent, as it was typed.
  untyped(text) {
    return text.replace(/<@(\w+)[^>]*>/g, (whole, id) => `@${this.users.get(id)?.name ?? id}`).replace(/<(?:mailto:)?([^<>|]+)(?:\|[^<>]*)?>/g, "$1")
      .replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
  }

  // What a person types, as Slack's client sends it: the three characters escaped, names as ids.
  typed(text) {
    const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
    return escaped.replace(/(^|[\s(])@([\w.-]+)/g, (whole, before, name) => {
      const found = [...this.users.values()].find((user) => [user.name, user.profile.display_name, user.real_name].some((one) => one?.toLowerCase() === name.toLowerCase()));
      return found ? `${before}<@${found.id}>` : whole;
    });
  }
}

const byTime = (one, other) => (one.ts < other.ts ? -1 : one.ts > other.ts ? 1 : 0);
