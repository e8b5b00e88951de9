// Optional keyboard shortcuts: j and k walk through the matches, c confirms, d dismisses.
"use strict";

document.addEventListener("keydown", (event) => {
  const at = event.target;
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || at.closest("input, select, textarea")) return;
  const cards = [...document.querySelectorAll("article.card")];
  const here = cards.indexOf(document.activeElement.closest("article.card"));
  const go = (number) => cards[Math.max(0, Math.min(number, cards.length - 1))]?.focus();
  const press = (button) => cards[here]?.querySelector(`${button}:enabled`)?.click();
  const keys = {
    j: () => go(here + 1),
    k: () => go(here < 0 ? 0 : here - 1),
    c: () => press("button.yes"),
    d: () => press("button.no"),
  };
  keys[event.key]?.();
});

// After a verdict the address names the match that was judged: put the focus on its card.
document.querySelector("article.card:target, article.card :target")?.closest("article.card").focus();
