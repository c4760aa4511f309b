// The panels of the page, each made anew from the status.

import { chip, command, el, svg } from "./draw.js";
import { behind, broken, bytes, clock, count, lag, late, rate, subject, time, unknown } from "./words.js";

export function verdict(status, stale) {
  const primary = status.nodes.find((node) => node.name === status.primary);
  const { declared, healthy } = status.replicas;
  const about = [primary ? `Primary ${primary.name} (PostgreSQL ${primary.version}, timeline ${primary.timeline})` : "No node takes writes", declared ? `${healthy} of ${count(declared, "replica")} healthy` : "no replica declared"];
  return [
    el("h2", {}, chip(status.level), el("span", {}, (stale ? "When last seen: " : "") + (status.level === "OK" ? "healthy" : count(status.findings.length, "finding")))),
    el("p", { class: "aside" }, about.join(" · ")),
    status.findings.length ? el("ul", { class: "findings" }, status.findings.map((f) => finding(f, true))) : null,
  ];
}

function finding(f, named) {
  return el("li", { class: f.level },
    chip(f.level),
    el("div", {}, named && subject(f) ? el("strong", {}, subject(f) + " ") : null, broken(f), el("span", { class: "aside" }, " since " + clock(f.since)), command(f.next)));
}

export function tiles(status) {
  const primary = status.nodes.find((node) => node.name === status.primary);
  const replicas = status.nodes.filter((node) => node.part === "standby");
  const worst = replicas.filter((node) => late(node) !== null).sort((a, b) => late(b) - late(a) || (behind(b) ?? 0) - (behind(a) ?? 0))[0];
  const holds = status.slots.filter((slot) => slot.retained_bytes !== null).sort((a, b) => b.retained_bytes - a.retained_bytes)[0];
  const drift = status.drift;
  const changes = drift && !drift.unsaid ? drift.changes.length : null;
  return [
    tile("Primary writes", rate(primary?.wal_bytes_per_second), primary ? "WAL at " + primary.lsn : "nobody does"),
    tile("Replicas streaming", status.replicas.declared ? `${status.replicas.streaming} of ${status.replicas.declared}` : "none", status.replicas.declared ? `${status.replicas.healthy} healthy` : "declared"),
    tile("Worst true lag", worst ? lag(worst) : unknown, worst ? `${worst.name}, ${worst.delay_seconds ? `of which ${time(worst.delay_seconds)} are declared` : bytes(worst.replay_lag_bytes)}` : "not known"),
    tile("Most held by a slot", holds ? bytes(holds.retained_bytes) : unknown, holds ? holds.name + (holds.growth_bytes_per_second > 0 ? ", grows " + rate(holds.growth_bytes_per_second) : "") : "no slot holds WAL"),
    tile("Drift from the file", changes === null ? unknown : changes === 0 ? "none" : count(changes, "object"), changes === null ? "not looked at" : changes ? drift.changes.slice(0, 2).join(", ") : "as of " + time(drift.age_seconds) + " ago"),
  ];
}

function tile(title, figure, note) {
  return el("div", { class: "card tile" }, el("h3", {}, title), el("p", { class: "figure" }, figure), el("p", { class: "aside", title: note }, note));
}

function terms(rows) {
  return el("dl", { class: "terms" }, rows.filter(Boolean).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

export function detail(status, name) {
  const node = status.nodes.find((n) => n.name === name);
  if (!node) return [];
  const standby = node.part === "standby";
  const slots = status.slots.filter((slot) => slot.reader === node.name);
  const found = status.findings.filter((f) => (f.node === node.name && !f.slot) || slots.some((slot) => f.slot === slot.name && f.node === slot.node));
  return [
    el("p", { class: "who" }, el("strong", { class: "mono" }, node.name), chip(node.level), el("span", { class: "aside mono" }, node.address)),
    found.length ? el("ul", { class: "findings" }, found.map((f) => finding(f, Boolean(f.slot)))) : null,
    terms([
      ["State", node.state],
      standby && ["Follows", node.upstream + (node.sync ? ", " + node.sync : "")],
      standby && ["True lag", lag(node) + (node.delay_seconds ? `, of which ${time(node.delay_seconds)} are declared` : "")],
      standby && ["Not sent · not on disk · not readable", [node.send_lag_bytes, node.flush_lag_bytes, node.replay_lag_bytes].map(bytes).join(" · ").replace("– · – · –", unknown)],
      standby && ["Level in", node.replay_lag_bytes === 0 ? "now" : time(node.catch_up_seconds)],
      standby && ["Last reply", node.heard_seconds === null ? unknown : time(node.heard_seconds) + " ago"],
      standby && node.slot && ["Slot", `${node.slot}, holds ${bytes(node.slot_retained_bytes)}`],
      [standby ? "Replays" : "Writes", rate(node.wal_bytes_per_second)],
      ["Position", node.lsn ? `${node.lsn}, timeline ${node.timeline}` : unknown],
      ["Disk left", bytes(node.disk_free_bytes)],
      ["Container", node.container],
      node.pending_restart.length > 0 && ["Waits for a restart", node.pending_restart.join(", ")],
    ]),
  ];
}

export function slots(status, open, toggle) {
  if (status.slots.length === 0) return [el("p", { class: "aside" }, "No replication slot.")];
  const rows = status.slots.flatMap((slot) => {
    const key = slot.node + " " + slot.name, isOpen = open === key;
    const most = status.limits.slot_critical_bytes, share = slot.retained_bytes === null ? 0 : Math.min(slot.retained_bytes / most, 1);
    const row = el("tr", { class: slot.level + (isOpen ? " open" : ""), onclick: () => toggle(key) },
      el("th", { scope: "row" }, el("button", { type: "button", class: "plain mono", "data-key": "slot " + key, "aria-expanded": String(isOpen) }, slot.name)),
      el("td", { class: "mono" }, slot.node),
      el("td", {}, slot.active ? slot.reader || "yes" : "nothing"),
      el("td", { class: "held" }, meter(share, slot.level), bytes(slot.retained_bytes)),
      el("td", {}, rate(slot.growth_bytes_per_second)),
      el("td", {}, slot.seconds_to_full !== null ? time(slot.seconds_to_full) : unknown),
      el("td", {}, slot.seconds_to_lost !== null ? time(slot.seconds_to_lost) : unknown),
      el("td", {}, chip(slot.level)));
    return isOpen ? [row, el("tr", { class: "more" }, el("td", { colspan: 8 }, slotDetail(status, slot)))] : [row];
  });
  const head = ["Slot", "On", "Read by", "Holds", "Grows", "Disk full in", "Lost in", "Health"];
  return [el("table", {}, el("thead", {}, el("tr", {}, head.map((name) => el("th", { scope: "col" }, name)))), el("tbody", {}, rows))];
}

// meter is how much of what is critical it holds.
function meter(share, level) {
  return svg("svg", { class: "meter " + level, width: 72, height: 8, "aria-hidden": "true" }, svg("rect", { class: "whole", width: 72, height: 8, rx: 4 }), share > 0 ? svg("rect", { class: "part", width: Math.max(72 * share, 4).toFixed(1), height: 8, rx: 4 }) : null);
}

function slotDetail(status, slot) {
  const found = status.findings.filter((f) => f.slot === slot.name && f.node === slot.node);
  return el("div", {},
    found.length ? el("ul", { class: "findings" }, found.map((f) => finding(f, false))) : null,
    terms([
      ["Type", slot.type + (slot.declared ? ", declared" : slot.reader ? ", of a replica" : ", not declared here")],
      ["Its WAL is", slot.wal_status || unknown],
      ["May still be written before it is lost", slot.safe_bytes === null ? "no limit" : bytes(slot.safe_bytes)],
    ]));
}

export function apps(status) {
  const rows = status.apps.map((app) => {
    const found = status.findings.filter((f) => f.app === app.name);
    return el("tr", { class: app.level },
      el("th", { scope: "row", class: "mono" }, app.name),
      el("td", {}, app.container),
      el("td", {}, found.length ? el("ul", { class: "findings" }, found.map((f) => finding(f, false))) : chip(app.level)));
  });
  return [el("table", {}, el("thead", {}, el("tr", {}, ["App", "Container", "Health"].map((name) => el("th", { scope: "col" }, name)))), el("tbody", {}, rows))];
}

const WORDS = { came: "came", level: "is now", went: "over" };

export function events(list) {
  if (list.length === 0) return [el("p", { class: "aside" }, "Nothing since the monitor was started, or since this page was opened.")];
  return [el("ol", { class: "events" }, list.slice().reverse().map((e) => el("li", { class: e.what },
    el("time", { datetime: e.at }, clock(e.at)),
    e.what === "went" ? el("span", { class: "chip OK" }, WORDS.went) : chip(e.level),
    el("span", {}, subject(e) ? el("strong", {}, subject(e) + " ") : null, broken(e), e.what === "went" ? el("span", { class: "aside" }, `, after ${time(e.lasted_seconds ?? 0)}`) : null))))];
}

export function limits(l) {
  const rows = [
    ["True lag, on top of a declared delay", time(l.lag_time_warning_seconds), time(l.lag_time_critical_seconds)],
    ["Bytes behind", bytes(l.lag_warning_bytes), bytes(l.lag_critical_bytes)],
    ["Held by a slot", bytes(l.slot_warning_bytes), bytes(l.slot_critical_bytes)],
    ["Until the disk is full, or a slot lost", "24 h", "60 min"],
  ];
  return [el("table", {}, el("thead", {}, el("tr", {}, ["", "Warning", "Critical"].map((name) => el("th", { scope: "col" }, name)))), el("tbody", {}, rows.map(([name, ...figures]) => el("tr", {}, el("th", { scope: "row" }, name), figures.map((f) => el("td", {}, f)))))),
    el("p", { class: "aside" }, "By the block monitor of the file, or as they are without it.")];
}
