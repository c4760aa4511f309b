// What the charts show: the monitor's history, and what came since.

import { ask } from "./stream.js";
import { behind, late } from "./words.js";

export const ranges = { "5m": 300, "15m": 900, "1h": 3600, "6h": 21600, "24h": 86400 };

const COLUMNS = ["late_seconds", "lag_bytes", "retained_bytes", "wal_bytes_per_second"];

export class Past {
  range = "5m";
  columns = { at: [], width_seconds: 2, ...Object.fromEntries(COLUMNS.map((name) => [name, {}])) };
  fetched = 0;

  async load(range = this.range) {
    this.range = range;
    this.fetched = Date.now();
    const columns = await (await ask("api/history?range=" + range)).json();
    if (this.range === range) this.columns = columns; // otherwise another one was chosen meanwhile
  }

  // see adds the status to the finest points; coarser ones are asked for again, now and then.
  async see(status) {
    const { width_seconds: width, at } = this.columns;
    if (width >= 60) {
      if (Date.now() - this.fetched > width * 500) await this.load();
      return;
    }
    const now = Date.parse(status.at) / 1000;
    if (at.length && Math.floor(now / width) <= Math.floor(at.at(-1) / width)) return;
    at.push(now);
    for (const node of status.nodes) {
      if (node.part === "standby") {
        this.#set("late_seconds", node.name, late(node));
        this.#set("lag_bytes", node.name, behind(node));
      }
      if (node.name === status.primary) this.#set("wal_bytes_per_second", node.name, node.wal_bytes_per_second);
    }
    for (const slot of status.slots) this.#set("retained_bytes", slot.name + " on " + slot.node, slot.retained_bytes);
    const old = at.findIndex((t) => t >= now - 900);
    for (const column of COLUMNS) {
      for (const [name, values] of Object.entries(this.columns[column])) {
        while (values.length < at.length) values.push(null);
        values.splice(0, old);
        if (values.every((value) => value === null)) delete this.columns[column][name];
      }
    }
    at.splice(0, old);
  }

  #set(column, name, value) {
    if (value === null) return;
    const values = (this.columns[column][name] ??= []);
    while (values.length < this.columns.at.length - 1) values.push(null);
    values.push(value);
  }
}
