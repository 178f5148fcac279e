// The app's Home tab, as its person sees it.
import { fill, h } from "./dom.js";
import { renderBlocks } from "./blocks.js";
import { adapt } from "./modal.js";

export class HomePane {
  // `act(method, args)` does what the person does, and shows what goes wrong.
  constructor(workspace, act) {
    this.workspace = workspace;
    this.act = act;
    this.body = h("div", { class: "messages home", role: "region", "aria-label": "Home of Onethread", tabIndex: 0 });
    this.element = h("section", { class: "pane home-pane", "aria-label": "Home", hidden: true },
      h("header", null, h("div", { class: "pane-title" }, h("h2", null, "Onethread"), h("span", { class: "of" }, "Home"))), this.body);
    workspace.addEventListener("home", () => this.draw());
  }

  get shown() { return !this.element.hidden; }

  async open() {
    this.element.hidden = false;
    this.draw();
    const reply = await this.act("client.home", { tab: "home" });
    if (reply?.view && !this.workspace.home) this.workspace.home = reply.view;
    this.draw();
  }

  close() { this.element.hidden = true; }

  draw() {
    const view = this.workspace.home;
    if (!this.shown) return;
    if (!view) return fill(this.body, h("p", { class: "empty" }, "One moment…"));
    const focused = document.activeElement?.closest?.(".block")?.dataset.block;
    const context = { scope: view.id, people: adapt(this.workspace), suggest: () => null,
      act: (block, part, value) => this.act("blocks.actions", { view_id: view.id, block_id: block.block_id, action_id: part.action_id, ...(value === null ? {} : { value }) }) };
    const top = this.body.scrollTop;
    fill(this.body, renderBlocks(view.blocks, context));
    this.body.scrollTop = top;
    if (focused) this.body.querySelector(`[data-block="${CSS.escape(focused)}"] button`)?.focus();
  }
}
