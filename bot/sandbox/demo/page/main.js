// Puts the page together.
import { Breaks } from "./breaks.js";
import { Devices } from "./devices.js";
import { fill, h, toast } from "./dom.js";
import { get } from "./http.js";
import { MailProgram } from "./mail.js";
import { Phone } from "./phone.js";
import { ShopPage } from "./shop.js";
import { Slack } from "./slack.js";
import { makeSteps, Tour } from "./tour.js";
import { Workspace } from "./workspace.js";

const by = (id) => document.getElementById(id);

function show(side) {
  document.body.dataset.side = side;
  for (const button of document.querySelectorAll(".sides button")) button.setAttribute("aria-pressed", String(button.dataset.side === side));
}

// What is real and what is not, always in sight.
function truth({ bot, mail, phones }) {
  const [state, words] = !bot.running ? ["bad", `not running (${bot.ending})`] : bot.connected ? ["good", `process ${bot.pid}`] : ["soon", "connecting…"];
  const others = ["Slack", "mail server", ...Object.keys(phones).map((channel) => ({ telegram: "Telegram", x: "X" })[channel])];
  fill(by("truth"),
    h("span", { class: `fact real ${state}`, title: "The real Onethread, started with an ordinary app.yaml. The chat on the shop's page is real, too." }, h("b", null, "Bot, site chat: real"), h("span", null, words)),
    h("span", { class: `fact ${mail.up ? "" : "bad"}`, title: "Local imitations that speak the vendors' own protocols. Nothing leaves this machine; the mails are real mails." },
      h("b", null, `${others.join(", ")}: stand-ins`), mail.up ? null : h("span", null, "· mail server is away")));
}

async function follow(hear) {
  let known = "";
  for (;;) {
    try {
      const state = await get(`/demo/state?known=${known}`);
      known = state.version;
      hear(state);
    } catch (error) {
      known = "";
      fill(by("truth"), h("span", { class: "fact bad" }, h("b", null, error.message)));
      await new Promise((done) => setTimeout(done, 2000));
    }
  }
}

async function begin() {
  const start = await get("/demo/start");
  const people = Object.fromEntries(Object.entries(start.endpoints.slack.people).map(([key, person]) => [key, { ...person, name: start.people[key] }]));
  const workspace = new Workspace(people);
  const slack = new Slack(by("slack"), workspace, start);
  const programs = start.customers.map((customer) => new MailProgram(customer, start.addresses));
  const breaks = new Breaks();
  const phones = start.phones.map((phone) => new Phone(phone, start.customers.find((one) => one.key === phone.owner)));
  const devices = new Devices(by("devices"), [...programs, ...(start.shop ? [new ShopPage()] : []), ...phones, breaks]);
  const tour = new Tour(by("tour"), by("tour-toggle"), makeSteps({ workspace, slack, devices, show }), start.run);
  for (const button of document.querySelectorAll(".sides button")) button.addEventListener("click", () => show(button.dataset.side));
  const look = () => tour.look();
  workspace.addEventListener("messages", look);
  for (const device of devices.devices) {
    const drawTabs = device.onchange;
    device.onchange = () => { drawTabs(); look(); };
  }
  follow((state) => {
    if (state.run !== start.run) return location.reload();  // the demo was started anew under this page
    truth(state); devices.hear(state);
  });
  await workspace.be("agent1");
  document.body.dataset.ready = "yes";
}

begin().catch((error) => toast(error.message, "bad"));
