// A chart over time: lines, an axis in words, limits, and what stands under the pointer.

import { el, svg } from "./draw.js";
import { clock } from "./words.js";

const HIGH = 190, LEFT = 64, RIGHT = 10, TOP = 10, BOTTOM = 24, HUES = 8;

// pointer is over which chart, and where: a chart is drawn anew with every sample, and what is read off it stays.
const pointer = { over: "", x: 0 };

// chart returns a figure. It shows span seconds until end; what has a gap of more than a few widths is not joined.
export function chart({ title, note, at, series, span, end, width, room, words, limits, binary, least = 1 }) {
  const names = Object.keys(series).sort();
  const from = end - span, across = Math.max(room - LEFT - RIGHT, 60), down = HIGH - TOP - BOTTOM;
  let top = least;
  for (const name of names) for (const value of series[name]) if (value !== null && value > top) top = value;
  for (const limit of limits) if (top > limit.value * 0.4 && limit.value * 1.08 > top && limit.value < top * 3) top = limit.value * 1.08;
  const steps = ticks(top, binary);
  top = Math.max(top, steps.at(-1));
  const x = (t) => LEFT + ((t - from) / span) * across, y = (v) => TOP + down - (v / top) * down;

  const picture = svg("svg", { class: "chart", width: room, height: HIGH, viewBox: `0 0 ${room} ${HIGH}`, role: "img", "aria-label": title });
  for (const v of steps) {
    picture.append(svg("line", { class: "grid", x1: LEFT, x2: room - RIGHT, y1: y(v), y2: y(v) }), svg("text", { class: "tick", x: LEFT - 8, y: y(v) + 4, "text-anchor": "end" }, words(v)));
  }
  for (const t of moments(from, end, span, across)) {
    picture.append(svg("text", { class: "tick", x: x(t), y: HIGH - 6, "text-anchor": "middle" }, span > 3600 * 2 || span >= 900 ? clock(t * 1000).slice(0, 5) : clock(t * 1000)));
  }
  for (const limit of limits) {
    if (limit.value > top) continue;
    picture.append(svg("line", { class: "limit " + limit.level, x1: LEFT, x2: room - RIGHT, y1: y(limit.value), y2: y(limit.value) }));
  }
  names.forEach((name, i) => {
    for (const piece of pieces(at, series[name], width * 2.5, from)) {
      const points = piece.map(([t, v]) => `${x(t).toFixed(1)} ${y(v).toFixed(1)}`);
      if (points.length > 1 && names.length === 1) {
        picture.append(svg("path", { class: "area s" + (i % HUES), d: `M${x(piece[0][0]).toFixed(1)} ${TOP + down}L${points.join("L")}L${x(piece.at(-1)[0]).toFixed(1)} ${TOP + down}z` }));
      }
      picture.append(points.length > 1 ? svg("path", { class: "curve s" + (i % HUES), d: "M" + points.join("L") }) : svg("circle", { class: "spot s" + (i % HUES), cx: x(piece[0][0]), cy: y(piece[0][1]), r: 2 }));
    }
  });

  const legend = el("ul", { class: "legend" }, names.map((name, i) => el("li", {}, el("i", { class: "key s" + (i % HUES) }), name, el("b", {}, words(latest(series[name]))))));
  const hint = el("div", { class: "hint", hidden: true });
  const ruler = svg("line", { class: "ruler", y1: TOP, y2: TOP + down, visibility: "hidden" });
  picture.append(ruler);
  const hide = () => { hint.hidden = true; ruler.setAttribute("visibility", "hidden"); };
  const show = () => {
    const t = from + ((pointer.x - LEFT) / across) * span, i = nearest(at, t);
    if (i < 0 || Math.abs(at[i] - t) > Math.max(width * 2.5, span / 40)) return hide();
    ruler.setAttribute("x1", x(at[i]));
    ruler.setAttribute("x2", x(at[i]));
    ruler.setAttribute("visibility", "visible");
    hint.replaceChildren(el("strong", {}, clock(at[i] * 1000)), ...names.map((name, n) => el("span", {}, el("i", { class: "key s" + (n % HUES) }), name + " ", el("b", {}, words(series[name][i])))));
    hint.hidden = false;
    hint.classList.toggle("left", x(at[i]) > room / 2);
  };
  picture.addEventListener("pointermove", (event) => {
    pointer.over = title;
    pointer.x = event.clientX - picture.getBoundingClientRect().left;
    show();
  });
  picture.addEventListener("pointerleave", () => {
    if (!picture.isConnected) return; // it has made room for the next one
    pointer.over = "";
    hide();
  });
  if (pointer.over === title) show();
  return el("figure", { class: "card" }, el("figcaption", {}, el("h3", {}, title), el("span", { class: "aside" }, note)), el("div", { class: "plot" }, picture, hint), names.length ? legend : el("p", { class: "aside" }, "Nothing to show yet."));
}

// ticks are three to five round figures from 0 up.
function ticks(top, binary) {
  const base = binary ? 1024 : 10;
  let unit = 1;
  if (binary) while (top >= unit * base) unit *= base;
  const rough = top / unit / 4, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough) * unit;
  const out = [];
  for (let v = 0; v < top + step; v += step) out.push(v);
  return out;
}

function moments(from, end, span, across) {
  const step = [30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600].find((s) => (span / s) * 66 <= across) || 21600;
  const out = [], offset = new Date(end * 1000).getTimezoneOffset() * 60;
  for (let t = Math.ceil((from - offset) / step) * step + offset; t <= end - step / 4; t += step) if (t >= from + step / 6) out.push(t);
  return out;
}

// pieces are the runs of a line without a gap.
function pieces(at, values, gap, from) {
  const out = [];
  let run = [];
  values.forEach((v, i) => {
    if (v === null || at[i] < from || (run.length && at[i] - run.at(-1)[0] > gap)) {
      if (run.length) out.push(run);
      run = [];
    }
    if (v !== null && at[i] >= from) run.push([at[i], v]);
  });
  if (run.length) out.push(run);
  return out;
}

function nearest(at, t) {
  let best = -1;
  at.forEach((a, i) => { if (best < 0 || Math.abs(a - t) < Math.abs(at[best] - t)) best = i; });
  return best;
}

function latest(values) {
  return values.length ? values.at(-1) : null;
}
