// Figures in words. What is not known is a dash, and never 0.

export const unknown = "–";

export function bytes(n) {
  if (n === null || n === undefined) return unknown;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  while (Math.abs(n) >= 1024 && i < units.length - 1) { n /= 1024; i++; }
  return (i === 0 ? Math.round(n) : n.toFixed(Math.abs(n) < 100 ? 1 : 0)) + " " + units[i];
}

export function rate(n) {
  return n === null || n === undefined ? unknown : bytes(n) + "/s";
}

export function time(s) {
  if (s === null || s === undefined) return unknown;
  if (s < 9.95) return s.toFixed(1) + " s";
  if (s < 120) return Math.round(s) + " s";
  if (s < 7200) return Math.round(s / 60) + " min";
  if (s < 172800) return Math.round(s / 3600) + " h";
  return s < 1e9 ? Math.round(s / 86400) + " d" : "never";
}

// lag is true lag: a figure where samples tell it well, and otherwise the bound that they give.
export function lag(node) {
  const low = node.lag_seconds, high = node.lag_seconds_at_most;
  if (low === null) return unknown;
  if (high === null) return "≥ " + time(low);
  return high - low <= 3 || high <= low * 1.25 ? time(low) : "≤ " + time(high);
}

// late and behind are what is judged of a replica: beyond its declared delay; and one with a delay has what it holds back.
export function late(node) {
  return node.lag_seconds === null ? null : Math.max(node.lag_seconds - (node.delay_seconds ?? 0), 0);
}

export function behind(node) {
  return node.delay_seconds ? node.flush_lag_bytes : node.replay_lag_bytes;
}

export function clock(at) {
  return new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
}

export function count(n, what) {
  return n + " " + what + (n === 1 ? "" : "s");
}

export function subject(f) {
  if (f.slot) return "slot " + f.slot + " on " + f.node;
  return f.app ? "app " + f.app : f.node || "";
}

export function broken(f) {
  return f.limit ? f.text + " (limit " + f.limit + ")" : f.text;
}
