// Talking to the demo's own server. Slack's stand-in is reached under /slack/, with the token of the person who acts.

export class Problem extends Error {}

async function read(response) {
  let body = null;
  try {
    body = await response.json();
  } catch {
    throw new Problem("The demo does not answer as it should.");
  }
  if (!response.ok) throw new Problem(body.error ?? `The demo answers ${response.status}.`);
  return body;
}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("The demo cannot be reached. Is it still running?");
  }
  return read(response);
}

export const get = (path, signal) => ask(path, { signal });

export const post = (path, body) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

export const breakThings = (what) => post("/demo/break", { do: what });

// What Slack's errors mean for a person.
const WORDS = {
  dispatch_failed: "Nobody heard that: the bot is not connected to Slack.",
  operation_timeout: "The bot did not answer within 3 seconds.",
  not_supported_in_threads: "Slack takes no slash commands in threads. There, start with ! instead.",
  unknown_command: "There is no such command. Type / to see what there is.",
  built_in_command: "That is a command of Slack's own.",
  action_not_found: "That button is no longer there.",
  message_not_found: "That message is no longer there.",
  view_not_found: "That form is no longer open.",
  is_archived: "This channel is archived.",
};

export class SlackError extends Error {
  constructor(reply) {
    super(WORDS[reply.error] ?? `Slack says: ${reply.error}`);
    this.code = reply.error;
    this.reply = reply;
  }
}

export class SlackApi {
  constructor(token) {
    this.token = token;
  }

  async call(method, args = {}, signal = undefined) {
    const reply = await ask(`/slack/api/${method}`, {
      method: "POST",
      headers: { "Content-Type": "application/json; charset=utf-8", Authorization: `Bearer ${this.token}` },
      body: JSON.stringify(args),
      signal,
    });
    if (!reply.ok) throw new SlackError(reply);
    return reply;
  }

  // The page's own address of a file or upload of the stand-in.
  local(url) {
    const at = new URL(url, location.href);
    return `/slack${at.pathname}${at.search}`;
  }

  download(url) {
    return `${this.local(url)}?token=${encodeURIComponent(this.token)}`;
  }

  // The first two steps of an upload; the third shares it (a message) or does not (a form).
  async upload(file) {
    const { file_id, upload_url } = await this.call("files.getUploadURLExternal", { filename: file.name, length: file.size });
    const response = await fetch(this.local(upload_url), { method: "POST", body: file });
    if (!response.ok) throw new Problem(`${file.name} could not be uploaded.`);
    return { id: file_id, title: file.name };
  }

  async share(files, where) {
    const done = [];
    for (const file of files) done.push(await this.upload(file));
    return this.call("files.completeUploadExternal", { files: done, ...where });
  }
}
