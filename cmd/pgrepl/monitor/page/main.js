// The page: listens to the monitor, and draws what it says.

import { chart } from "./chart.js";
import { byID, el, put } from "./draw.js";
import * as panels from "./panels.js";
import { Past, ranges } from "./past.js";
import { stored } from "./storage.js";
import { listen, Refused, sendable, token } from "./stream.js";
import * as topology from "./topology.js";
import { bytes, rate, time } from "./words.js";

const page = { status: null, heard: 0, broken: "", events: [], chosen: "", slot: "", past: new Past(), pressed: -1000, drawing: false, signedOut: false, listening: null };
const kept = stored("localStorage", "pgrepl-theme");

const pressMost = 1000; // ms that a button is waited for: whoever holds it longer means something else

// age is how old the sample is, by this machine's own clock: two machines' clocks may differ.
function age() {
  return page.status.age_seconds + (performance.now() - page.heard) / 1000;
}

function stale() {
  if (page.broken) return page.broken;
  if (page.status.stale) return page.status.error;
  return age() > Math.max(3 * page.status.every_seconds, 20) ? "nothing was heard from the monitor" : "";
}

function draw() {
  if (performance.now() - page.pressed < pressMost) return; // what is clicked on must still be there when the button is let go
  const { status } = page;
  byID("main").hidden = !status;
  if (status) document.body.classList.toggle("old", Boolean(stale()));
  pulse();
  if (!status) return;
  byID("cluster").textContent = status.cluster;
  document.title = (stale() ? "?" : status.level ?? "?") + " · " + status.cluster + " · pgrepl monitor";
  if (!status.nodes) return; // there was no sample yet
  if (!status.nodes.some((node) => node.name === page.chosen)) page.chosen = status.primary || status.nodes[0].name;
  put(byID("verdict"), panels.verdict(status, Boolean(stale())));
  byID("verdict").className = "card verdict " + status.level;
  put(byID("tiles"), panels.tiles(status));
  const room = byID("topology").clientWidth;
  put(byID("topology"), topology.draw(status.nodes, room, page.chosen, Boolean(stale()), (name) => { page.chosen = name; draw(); }));
  put(byID("detail"), panels.detail(status, page.chosen));
  put(byID("slots"), panels.slots(status, page.slot, (key) => { page.slot = page.slot === key ? "" : key; draw(); }));
  byID("apps-card").hidden = status.apps.length === 0;
  if (status.apps.length > 0) put(byID("apps"), panels.apps(status));
  put(byID("events"), panels.events(page.events));
  put(byID("limits"), panels.limits(status.limits));
  charts();
}

// pulse says how fresh what stands here is, every second.
function pulse() {
  const place = byID("pulse"), banner = byID("stale");
  if (!page.status) {
    place.textContent = page.signedOut ? "not signed in" : page.broken || "connecting";
    place.className = "pulse" + (page.broken && !page.signedOut ? " dead" : "");
    return;
  }
  const why = stale();
  place.className = "pulse" + (why ? " dead" : " live");
  place.textContent = why ? "not fresh" : "live, " + time(age()) + " ago";
  banner.hidden = !why;
  if (why) banner.replaceChildren(el("strong", {}, page.status.nodes ? `The figures are ${time(age())} old. ` : "There is no sample yet. "), why);
  if (Boolean(why) !== document.body.classList.contains("old")) draw();
}

function charts() {
  const { columns, range } = page.past, { limits } = page.status, span = ranges[range];
  const place = byID("charts"), room = Math.floor(Math.max(280, (place.clientWidth - (place.clientWidth > 760 ? 16 : 0)) / (place.clientWidth > 760 ? 2 : 1)) - 34);
  const common = { at: columns.at, span, end: Math.max(Date.parse(page.status.at) / 1000 + age(), 1), width: columns.width_seconds, room };
  const pair = (warning, critical) => [{ level: "WARNING", value: warning }, { level: "CRITICAL", value: critical }];
  put(place,
    chart({ ...common, title: "True lag, beyond delays", note: `limits ${time(limits.lag_time_warning_seconds)} and ${time(limits.lag_time_critical_seconds)}`, series: columns.late_seconds, words: time, limits: pair(limits.lag_time_warning_seconds, limits.lag_time_critical_seconds) }),
    chart({ ...common, title: "Bytes behind", note: `limits ${bytes(limits.lag_warning_bytes)} and ${bytes(limits.lag_critical_bytes)}`, series: columns.lag_bytes, words: bytes, binary: true, least: 1024, limits: pair(limits.lag_warning_bytes, limits.lag_critical_bytes) }),
    chart({ ...common, title: "WAL written", note: "by the primary", series: columns.wal_bytes_per_second, words: rate, binary: true, least: 1024, limits: [] }),
    chart({ ...common, title: "WAL held by slots", note: `limits ${bytes(limits.slot_warning_bytes)} and ${bytes(limits.slot_critical_bytes)}`, series: columns.retained_bytes, words: bytes, binary: true, least: 1024, limits: pair(limits.slot_warning_bytes, limits.slot_critical_bytes) }));
  put(byID("ranges"), Object.keys(ranges).map((name) => el("button", { type: "button", "data-key": "range " + name, "aria-pressed": String(name === range), onclick: () => choose(name) }, name)));
}

async function choose(range) {
  await page.past.load(range).catch(() => {}); // the stream says what is wrong
  draw();
}

async function hear(event, data) {
  page.broken = "";
  if (event === "finding") {
    if (!page.events.some((e) => e.number === data.number)) page.events = [...page.events, data].slice(-100);
  } else {
    page.status = data;
    page.heard = performance.now();
    if (data.nodes && !data.stale) await page.past.see(data).catch(() => {});
  }
  soon();
}

// soon draws once for all that comes together: whoever connects is told of many events at once.
function soon() {
  if (page.drawing) return;
  page.drawing = true;
  setTimeout(() => { page.drawing = false; draw(); });
}

// run listens for as long as the page is open, or until it is run anew.
async function run() {
  page.listening?.abort();
  const mine = page.listening = new AbortController();
  page.signedOut = false;
  for (let wait = 1; page.listening === mine; wait = Math.min(wait * 2, 15)) {
    try {
      await page.past.load();
      byID("login").hidden = true;
      byID("leave").hidden = !token.get();
      byID("open").hidden = Boolean(token.get()); // a link sends no token
      page.events = [];
      await listen("api/events", mine.signal, (event, data) => { wait = 1; hear(event, data); });
    } catch (error) {
      if (page.listening !== mine) return;
      if (error instanceof Refused) return signIn("That is not the token of this monitor.");
      page.broken = "the monitor does not answer (" + error.message + ")";
      draw();
    }
    await new Promise((done) => setTimeout(done, wait * 1000));
  }
}

function signIn(why) {
  byID("refused").textContent = token.get() ? why : "";
  token.forget();
  page.status = null;
  page.signedOut = true;
  byID("main").hidden = true;
  byID("leave").hidden = true;
  byID("login").hidden = false;
  pulse();
  byID("token").focus();
}

byID("login").addEventListener("submit", (event) => {
  event.preventDefault();
  const given = byID("token").value.trim();
  byID("token").value = "";
  token.set(given);
  if (!sendable(given)) return signIn("A token has no such characters.");
  byID("login").hidden = true;
  run();
});

byID("leave").addEventListener("click", () => {
  token.forget();
  location.reload();
});

addEventListener("pointerdown", (event) => { if (event.button === 0) page.pressed = performance.now(); }, true);
for (const end of ["pointerup", "pointercancel"]) addEventListener(end, release, true);
addEventListener("blur", (event) => event.target === window && release());

function release() {
  setTimeout(() => { page.pressed = -pressMost; draw(); }); // after the click that comes of it
}

const THEMES = ["auto", "light", "dark"];

function theme(name) {
  const root = document.documentElement;
  if (name === "auto") {
    delete root.dataset.theme;
    kept.forget();
  } else {
    root.dataset.theme = name;
    kept.set(name);
  }
  byID("theme-name").textContent = name;
}

byID("theme").addEventListener("click", () => theme(THEMES[(THEMES.indexOf(byID("theme-name").textContent) + 1) % THEMES.length]));
theme(document.documentElement.dataset.theme || "auto");
let wide = 0;
new ResizeObserver(([entry]) => {
  if (entry.contentRect.width === wide) return; // its height follows from what is drawn
  wide = entry.contentRect.width;
  if (page.status) draw();
}).observe(byID("main"));
setInterval(pulse, 1000);
run();
