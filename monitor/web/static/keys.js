// Optional: j and k walk through the hits, c confirms, d dismisses. Everything works without it.
"use strict";

document.addEventListener("keydown", (event) => {
  const at = event.target;
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || at.closest("input, select, textarea")) return;
  const hits = [...document.querySelectorAll("article.hit")];
  const here = hits.indexOf(document.activeElement.closest("article.hit"));
  const go = (number) => hits[Math.max(0, Math.min(number, hits.length - 1))]?.focus();
  const press = (button) => hits[here]?.querySelector(`${button}:enabled`)?.click();
  const keys = {
    j: () => go(here + 1),
    k: () => go(here < 0 ? 0 : here - 1),
    c: () => press("button.yes"),
    d: () => press("button.no"),
  };
  keys[event.key]?.();
});

// After a verdict the address names the hit: carry on from there.
document.querySelector("article.hit:target")?.focus();
