// What the monitor tells, as it tells it. The token travels in a header, which EventSource could not send.

import { stored } from "./storage.js";

export const token = stored("sessionStorage", "pgrepl-token");

// sendable reports whether a text can go in a header: nothing else can be a token.
export const sendable = (text) => /^[\x21-\x7e]+$/.test(text);

export class Refused extends Error {}

export async function ask(path, more = {}) {
  const headers = token.get() ? { Authorization: "Bearer " + token.get() } : {};
  const answer = await fetch(path, { ...more, headers: { ...headers, ...more.headers }, cache: "no-store" });
  if (answer.status === 401) throw new Refused("the token is not right");
  if (!answer.ok && answer.status !== 503) throw new Error(path + ": " + answer.status);
  return answer;
}

// listen calls on(name, data) for every event, until the stream breaks.
export async function listen(path, signal, on) {
  const answer = await ask(path, { signal, headers: { Accept: "text/event-stream" } });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Error("the monitor has ended the stream");
    text += value;
    const whole = text.split("\n\n");
    text = whole.pop();
    for (const event of whole) {
      const field = (name) => event.split("\n").find((line) => line.startsWith(name + ": "))?.slice(name.length + 2);
      on(field("event"), JSON.parse(field("data")));
    }
  }
}
