// The topology: who follows whom, and how each of them is.

import { svg } from "./draw.js";
import { bytes, lag, time, unknown } from "./words.js";

const WIDE = 190, HIGH = 78, GAP = 22, PITCH = HIGH + 60, STEP = 34, ROW = HIGH + 34;

// forest hangs every node on the one that it follows; whoever follows nobody that is here stands at the top.
function forest(nodes) {
  const places = new Map(nodes.map((node) => [node.name, { node, below: [] }]));
  const tops = [];
  for (const place of places.values()) {
    const up = place.node.part === "standby" ? places.get(place.node.upstream) : undefined;
    if (up && !under(place, up)) up.below.push(place);
    else tops.push(place);
  }
  return { tops, all: [...places.values()] };
}

function under(place, other) {
  return place === other || place.below.some((next) => under(next, other));
}

// sideBySide is a tree that grows downwards, each node in the middle above those that follow it.
function sideBySide(tops) {
  let right = 0;
  const lay = (place, depth) => {
    place.y = depth * PITCH;
    for (const next of place.below) lay(next, depth + 1);
    if (place.below.length === 0) {
      place.x = right;
      right += WIDE + GAP;
    } else place.x = (place.below[0].x + place.below.at(-1).x) / 2;
  };
  tops.forEach((place) => lay(place, 0));
}

// indented is one below the other, as folders are shown: for narrow windows, and for many.
function indented(tops) {
  let row = 0;
  const lay = (place, depth) => {
    place.x = depth * STEP;
    place.y = row++ * ROW;
    for (const next of place.below) lay(next, depth + 1);
  };
  tops.forEach((place) => lay(place, 0));
}

// draw returns the picture; choose is called with the name of a node that is clicked.
export function draw(nodes, room, chosen, stale, choose) {
  const { tops, all } = forest(nodes);
  const ends = all.filter((place) => place.below.length === 0).length;
  const narrow = ends * (WIDE + GAP) > Math.max(room, WIDE + GAP);
  if (narrow) indented(tops);
  else sideBySide(tops);
  const width = Math.max(...all.map((place) => place.x + WIDE)) + 8, height = Math.max(...all.map((place) => place.y + HIGH)) + 8;
  const lines = [], boxes = [];
  for (const place of all) {
    for (const next of place.below) lines.push(line(place, next, narrow, stale));
    boxes.push(box(place, chosen, choose));
  }
  return svg("svg", { class: "drawing" + (stale ? " old" : ""), width, height, viewBox: `-4 -4 ${width} ${height}`, role: "group", "aria-label": "Topology" }, ...lines, ...boxes);
}

function line(from, to, narrow, stale) {
  const node = to.node;
  const state = stale ? "unknown" : node.state === "streaming" ? "streaming" : node.state === "catchup" ? "catchup" : "broken";
  const sync = node.sync === "sync" || node.sync === "quorum" ? " sync" : "";
  let way, mark, label;
  if (narrow) {
    const x = from.x + STEP / 2, y = to.y + HIGH / 2;
    way = `M${x} ${from.y + HIGH}V${y - 8}q0 8 8 8H${to.x}`;
    mark = [x, y - 22];
    label = { x: to.x + 10, y: to.y - 7, "text-anchor": "start" };
  } else {
    const x = from.x + WIDE / 2, y = from.y + HIGH, end = to.x + WIDE / 2;
    way = `M${x} ${y}C${x} ${y + 30} ${end} ${to.y - 38} ${end} ${to.y}`;
    mark = [(x + end) / 2, (y + to.y) / 2 - 4];
    label = end < x ? { x: end - 8, y: to.y - 9, "text-anchor": "end" } : { x: end + 8, y: to.y - 9, "text-anchor": "start" };
  }
  const words = [node.slot, sync ? "sync" : "", node.slot_retained_bytes > 0 ? bytes(node.slot_retained_bytes) : ""].filter(Boolean).join(" · ");
  return svg("g", { class: "link " + state + sync },
    svg("path", { class: "way", d: way }),
    state === "broken" ? svg("g", { class: "cut", transform: `translate(${mark[0]} ${mark[1]})` }, svg("circle", { r: 9 }), svg("path", { d: "M-3.5 -3.5l7 7M3.5 -3.5l-7 7" })) : null,
    svg("text", { class: "carries", ...label }, short(words, 26)));
}

function box(place, chosen, choose) {
  const { node } = place;
  const pick = (event) => {
    if (event.type === "keydown" && event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    choose(node.name);
  };
  const known = node.lag_seconds !== null || node.replay_lag_bytes !== null;
  const figures = node.part !== "standby" ? (node.version ? "PG " + node.version : unknown) : known ? lag(node) + (node.delay_seconds ? "" : " · " + bytes(node.replay_lag_bytes)) : unknown; // beside a delay there is no room for both
  const state = node.state === "accepting connections" ? "up" : node.state;
  return svg("g", { class: `node ${node.level}${node.name === chosen ? " chosen" : ""}`, transform: `translate(${place.x} ${place.y})`, role: "button", tabindex: 0, "data-key": "node " + node.name,
    "aria-pressed": String(node.name === chosen), "aria-label": `${node.name}, ${node.part}, ${node.state}, ${node.level}`, onclick: pick, onkeydown: pick },
    svg("rect", { class: "box", width: WIDE, height: HIGH, rx: 10 }),
    svg("rect", { class: "edge", x: 0, y: 12, width: 4, height: HIGH - 24, rx: 2 }),
    svg("text", { class: "name", x: 16, y: 24 }, short(node.name, 19)),
    svg("text", { class: "about", x: 16, y: 43 }, short((node.part === "standby" ? "replica" : "master") + ", " + state, 27)),
    svg("text", { class: "figures", x: 16, y: 63 }, figures),
    node.delay_seconds ? svg("text", { class: "about", x: WIDE - 12, y: 63, "text-anchor": "end" }, "delay " + time(node.delay_seconds)) : null,
    node.level === "OK" ? null : svg("g", { class: "flag", transform: `translate(${WIDE - 12} 0)` }, svg("circle", { r: 9 }), svg("text", { y: 4, "text-anchor": "middle" }, node.level === "UNKNOWN" ? "?" : "!")));
}

function short(text, n) {
  return text.length <= n ? text : text.slice(0, n / 2) + "…" + text.slice(-(n / 2 - 1));
}
