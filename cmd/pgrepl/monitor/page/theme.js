// The look, before anything is drawn.
"use strict";
(() => {
  let kept = "";
  try { kept = localStorage.getItem("pgrepl-theme"); } catch { /* the browser keeps nothing */ }
  if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
})();
