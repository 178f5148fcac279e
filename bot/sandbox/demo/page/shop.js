// The shop's page in a frame, with the real chat. Out of sight it is closed, as a visitor closes a tab: what is answered
// meanwhile waits, and is there when they come back.
import { fill, h } from "./dom.js";

export class ShopPage {
  constructor() {
    Object.assign(this, { key: "shop", label: "Shop page", short: "Shop", icon: "shop", unread: 0 });
    this.onchange = () => {};
    this.place = h("div", { class: "frame" });
    this.element = h("div", { class: "shop" },
      h("div", { class: "bar" }, h("span", { class: "address" }, `${location.host}/shop/`), h("span", { class: "fact real good" }, "real chat"),
        h("button", { type: "button", onclick: () => this.load() }, "Reload"),
        h("a", { href: "/shop/", target: "_blank", rel: "noopener" }, "Own tab")),
      this.place);
    new IntersectionObserver(([entry]) => (entry.isIntersecting ? this.frame ?? this.load() : this.close())).observe(this.place);
  }

  load() {
    this.close();
    this.frame = h("iframe", { src: "/shop/", title: "The shop's page" });
    fill(this.place, this.frame);
  }

  close() {
    this.frame = null;
    fill(this.place);
  }

  get chat() {
    const inside = this.frame?.contentWindow;
    return inside?.customElements?.get("support-chat") ? inside.document.querySelector("support-chat") : null;
  }

  // The chat's script comes from the bot: a shop that was opened while the bot was away has none, until it is loaded again.
  hear({ bot }) {
    const came = bot.connected && !this.connected;
    this.connected = bot.connected;
    if (came && this.frame?.contentDocument?.readyState === "complete" && !this.chat) this.load();
  }

  async openChat() {
    for (let round = 0; round < 40 && !this.chat; round++) await new Promise((done) => setTimeout(done, 100));
    this.frame?.focus();
    this.chat?.open();
    return Boolean(this.chat);
  }
}
