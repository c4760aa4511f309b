// The look, before anything is drawn.
"use strict";
(() => {
  const kept = localStorage.getItem("pgrepl-theme");
  if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
})();
