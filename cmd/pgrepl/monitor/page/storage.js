// What the browser keeps for this page: one text under one name. A browser may forbid it; then it is kept as long as the page is.

export function stored(where, name) {
  let here = "";
  const attempt = (what) => {
    try { return what(window[where]); } catch { return undefined; }
  };
  return {
    get: () => attempt((storage) => storage.getItem(name)) ?? here,
    set: (text) => { here = text; attempt((storage) => storage.setItem(name, text)); },
    forget: () => { here = ""; attempt((storage) => storage.removeItem(name)); },
  };
}
