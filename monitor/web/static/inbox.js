// The inbox by keys and without loading the page: verdicts are sent one after the other while the reader goes on.
// Without this script everything works by links and forms.
"use strict";

const list = document.querySelector("#list");
const lines = document.querySelector("#lines");
const pane = document.querySelector("#pane");
const reading = document.querySelector("#reading");
const did = document.querySelector("#did");
const bulk = document.querySelector("#bulk");
let token = list.elements.token.value;
const back = list.elements.back.value;
const filters = back.slice(1); // "" or "?topic=..."
const NARROW = matchMedia("(max-width: 63.99rem)");

const all = () => [...lines.querySelectorAll(".line")];
const current = () => lines.querySelector("[aria-current]")?.closest(".line") ?? null;
const picked = () => all().filter((line) => line.querySelector("input").checked);
const left = (line) => line.dataset.left.split(" ").filter(Boolean);
const link = (line) => line.querySelector("a");
const title = (line) => line.querySelector(".title").textContent;
const isReading = () => document.body.classList.contains("open");

// --- what is said ---

function say(words, range = "", seed = "") {
  did.hidden = false;
  did.querySelector("#says bdi").textContent = words;
  did.elements.did.value = range;
  did.elements.seed.value = seed;
  did.querySelector("button").hidden = !range;
}

const REFUSED = {
  401: "The monitor asks for its password again: load the page anew.",
  403: "The monitor was started anew since: load the page again.",
  503: "The store cannot be reached just now: try again in a moment.",
};

async function ask(path, fields) {
  let answer = await post(path, fields);
  if (answer.status === 403 && (await renewToken())) answer = await post(path, fields);
  if (answer.status === 409) throw new Error((await answer.json()).says);
  if (!answer.ok) throw new Error(REFUSED[answer.status] ?? `The monitor refused it (${answer.status}).`);
  return answer.json();
}

function post(path, fields) {
  return fetch(path, {
    method: "POST",
    headers: { Accept: "application/json", "Content-Type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({ token, back, ...fields }),
  }).catch(() => {
    throw new Error("The monitor does not answer just now: try again in a moment.");
  });
}

// A restart of the monitor makes the token of this page one that is refused; the page as it is now has the new one.
async function renewToken() {
  const now = await fetch(location.pathname + location.search).catch(() => null);
  if (!now?.ok) return false;
  const found = new DOMParser().parseFromString(await now.text(), "text/html").querySelector("input[name=token]");
  if (!found) return false;
  token = found.value;
  for (const each of document.querySelectorAll("input[name=token]")) each.value = token;
  return true;
}

// --- reading ---

const texts = new Map(); // story -> its reading pane, as it is or is on its way

function fetched(line) {
  const story = line.dataset.story;
  if (!texts.has(story)) {
    const text = fetch(`/stories/${story}/reading${filters}`).then((answer) => (answer.ok ? answer.text() : Promise.reject()));
    texts.set(story, text);
    text.catch(() => texts.delete(story));
  }
  return texts.get(story);
}

/** A fragment of our own page: the server escaped every word of strangers in it, and no script in it would run. */
const parsed = (text) => new DOMParser().parseFromString(text, "text/html").body;

const note = () => pane.querySelector("[name=note]");
const shown = () => pane.querySelector("[name=story]")?.value; // the story in the pane: it may lag behind the chosen one

// What is written and not saved yet, by story: it outlives walking on, and a verdict that could not be saved.
const drafts = new Map();

function restore(line) {
  const draft = drafts.get(line.dataset.story);
  if (draft && shown() === line.dataset.story && note() && !note().value) note().value = draft;
}

pane.addEventListener("input", (event) => {
  if (event.target === note()) drafts.set(shown(), note().value);
});

const soon = () => new Promise((resolve) => setTimeout(resolve, 40));

async function show(line) {
  if (!texts.has(line.dataset.story)) await soon(); // who walks on quickly needs no text of what is passed
  if (current() !== line) return;
  const text = await fetched(line).catch(() => "<p>This story could not be loaded. Choose it again.</p>");
  if (current() !== line) return; // the reader is further on
  const kept = shown() === line.dataset.story ? note() : null; // what is being written stays
  const isWriting = kept !== null && kept === document.activeElement;
  pane.replaceChildren(...parsed(text).childNodes);
  if (kept) note()?.replaceWith(kept);
  restore(line);
  if (isWriting) kept.focus();
  reading.scrollTop = 0;
  mark(line);
  if (line.nextElementSibling) fetched(line.nextElementSibling);
}

function mark(line) {
  const first = left(line)[0];
  for (const each of pane.querySelectorAll(".on")) each.classList.toggle("here", each.id === `match-${first}`);
}

function choose(line, { isFocused = true } = {}) {
  if (!line) return;
  for (const each of lines.querySelectorAll("[aria-current]")) each.removeAttribute("aria-current");
  link(line).setAttribute("aria-current", "true");
  if (isFocused && !(NARROW.matches && isReading())) link(line).focus({ preventScroll: true });
  if (isFocused && NARROW.matches && isReading()) reading.focus({ preventScroll: true });
  line.scrollIntoView({ block: "nearest" });
  const address = link(line).href;
  if (isReading() || !NARROW.matches) history.replaceState(null, "", address);
  show(line);
  if (all().length - all().indexOf(line) < AHEAD) more();
}

function open(line) {
  choose(line, { isFocused: false });
  if (NARROW.matches && !isReading()) history.pushState(null, "", link(line).href);
  document.body.classList.add("open");
  reading.focus({ preventScroll: true });
  if (NARROW.matches) scrollTo(0, 0);
}

function close() {
  document.body.classList.remove("open");
  const line = current();
  if (line) link(line).focus();
}

// --- more lines ---

const AHEAD = 60; // lines below the current one: with fewer, more are loaded
let loading = null;
let sending = 0;
let isWhole = all().length >= Number(lines.dataset.total) || Boolean(list.querySelector("[rel=prev]"));
const state = new URLSearchParams(filters).get("state") || "new";

function more() {
  if (!isWhole) loading ??= load().finally(() => (loading = null));
  return loading;
}

async function load() {
  // Lines that were judged here count on the server until it knows: asking from too early on brings known lines again, never none.
  const isSettled = sending === 0;
  const known = all().filter((line) => state === "all" || line.classList.contains(state)).length;
  const answer = await fetch(`/lines${filters}${filters ? "&" : "?"}offset=${Math.max(0, known - 5)}`);
  if (!answer.ok) return;
  const found = parsed(await answer.text());
  const fresh = [...found.querySelectorAll(".line")].filter((line) => !document.getElementById(line.id));
  isWhole = isSettled && fresh.length === 0;
  lines.append(...fresh);
  for (const each of list.querySelectorAll(".paging, .at")) each.remove();
}

// --- what came since ---

const EVERY = 15_000;
const fresh = document.querySelector("#fresh");
let lookedAt = Date.now();
let latest = ""; // the tag of the last answer: as long as it holds, nothing came

async function lookForNew() {
  if (document.hidden || Date.now() - lookedAt < EVERY / 2) return;
  lookedAt = Date.now();
  const address = `/fresh${filters}${filters ? "&" : "?"}after=${lines.dataset.seen}`;
  const answer = await fetch(address, { headers: latest ? { "If-None-Match": latest } : {} }).catch(() => null);
  latest = answer?.headers.get("ETag") ?? latest;
  if (answer?.status !== 200) return;
  const { stories } = await answer.json();
  fresh.hidden = stories === 0;
  fresh.firstElementChild.textContent = `${stories} new since you came: show ${stories === 1 ? "it" : "them"}`;
}

setInterval(lookForNew, EVERY);
document.addEventListener("visibilitychange", lookForNew);

// --- verdicts ---

let queue = Promise.resolve(); // of what is being sent: in the order of the keys
const done = []; // what can be undone, the last at the end: promises of ranges

function stand(line, known) {
  line.dataset.left = known.left.join(" ");
  line.dataset.others = known.others;
  line.dataset.article = known.article;
  look(line, known.state);
}

function look(line, name) {
  line.classList.remove("new", "confirmed", "dismissed", "waits");
  line.classList.add(name);
  const badge = line.querySelector(".state");
  badge.className = `state ${name}`;
  badge.textContent = name;
}

function take(answer) {
  for (const known of answer.stories) {
    texts.delete(String(known.id));
    const line = document.getElementById(`story-${known.id}`);
    if (!line) continue;
    if (String(known.article) !== line.dataset.article && line.dataset.left === "") known.left = [];
    stand(line, known);
    if (current() === line) show(line);
  }
  for (const each of document.querySelectorAll("[data-count]")) each.textContent = answer.counts[each.dataset.count];
}

function send(path, fields, touched) {
  for (const line of touched) line.classList.add("waits");
  sending += 1;
  const sent = queue.then(async () => {
    try {
      const values = typeof fields === "function" ? await fields() : fields;
      if (!values) return null;
      const answer = await ask(path, values);
      take(answer);
      say(answer.says, answer.did, answer.seed);
      return answer;
    } catch (error) {
      const written = touched.length === 1 && fields.note;
      say(`Not saved${touched.length === 1 ? `: ${title(touched[0])}` : ""}. ${error.message}${written ? " Your note is kept." : ""}`);
      for (const line of touched) stand(line, line.before);
      if (written && !drafts.get(touched[0].dataset.story)) drafts.set(touched[0].dataset.story, fields.note);
      if (written) restore(touched[0]);
      return null;
    } finally {
      sending -= 1;
      for (const line of touched) line.classList.remove("waits");
    }
  });
  queue = sent.catch(() => {});
  return sent;
}

function remember(line) {
  const name = ["new", "confirmed", "dismissed"].find((each) => line.classList.contains(each));
  line.before = { left: left(line), others: line.dataset.others, article: line.dataset.article, state: name };
}

const STATE = { seed: "confirmed", counter: "dismissed" };

function judge(verdict, line, { match = "", isWhole = false } = {}) {
  if (!line) return;
  remember(line);
  const on = match || left(line)[0];
  if (!on && !isWhole) return say("It has a verdict already. Use the buttons to change it.");
  const rest = isWhole ? [] : left(line).filter((each) => each !== on);
  const said = (shown() === line.dataset.story && note()?.value) || drafts.get(line.dataset.story) || "";
  if (shown() === line.dataset.story && note()) note().value = "";
  drafts.delete(line.dataset.story);
  const fields = isWhole ? { [`s${line.dataset.story}`]: line.querySelector("input").value } : { [`m${on}`]: "on" };
  const wasLeft = left(line).length;
  line.dataset.left = rest.join(" ");
  if (!rest.length) look(line, STATE[verdict] ?? verdict);
  done.push(send("/verdicts", { verdict, note: said, ...fields }, [line]));
  if (rest.length) return mark(line);
  if (wasLeft || isWhole) onward(line);
}

function sow(kind) {
  if ("seeds" in lines.dataset) judge(kind, current());
}

function onward(line) {
  const following = all().slice(all().indexOf(line) + 1);
  const next = following.find((each) => left(each).length || state !== "new") ?? following[0];
  if (next) return choose(next);
  if (!isWhole) return more().then(() => current() === line && onward(line));
  choose(all().find((each) => left(each).length) ?? line);
}

function judgePicked(verdict) {
  const chosen = picked();
  if (!chosen.length) return say("Select at least one story first.");
  const last = chosen[chosen.length - 1];
  const fields = { verdict };
  for (const line of chosen) {
    remember(line);
    fields[`s${line.dataset.story}`] = line.querySelector("input").value;
    line.dataset.left = "";
    look(line, verdict);
    line.querySelector("input").checked = false;
  }
  count();
  done.push(send("/verdicts", fields, chosen));
  onward(last);
}

function undo() {
  const last = done.pop();
  const given = { did: did.elements.did.value, seed: did.elements.seed.value };
  if (!last && !given.did) return say("There is nothing to undo.");
  const fields = async () => {
    const { did: range, seed } = (last ? await last : given) ?? {};
    return range ? { did: range, seed } : null;
  };
  send("/verdicts/undo", fields, []).then((answer) => {
    if (!answer) return;
    const line = answer.stories.map((each) => document.getElementById(`story-${each.id}`)).find(Boolean);
    if (line) choose(line);
  });
}

// --- selecting ---

function count() {
  const number = picked().length;
  bulk.hidden = number === 0;
  for (const button of bulk.querySelectorAll("button")) {
    button.textContent = button.textContent.replace(/selected.*/, `selected (${number})`);
  }
}

function pick(chosen, is) {
  for (const line of chosen) line.querySelector("input").checked = is;
  count();
}

const below = (line) => (line ? all().slice(all().indexOf(line)) : []);

// --- keys, clicks ---

let isBusy = false; // until there is a note to write in, no key means anything: it may be a letter of it

async function write() {
  isBusy = true;
  if (current()) await show(current());
  isBusy = false;
  note()?.focus();
}

const keys = {
  j: () => choose(current() && document.activeElement !== document.body ? current().nextElementSibling : current() ?? all()[0]),
  k: () => choose(current()?.previousElementSibling ?? current()),
  o: () => current() && open(current()),
  c: () => (picked().length ? judgePicked("confirmed") : judge("confirmed", current())),
  d: () => (picked().length ? judgePicked("dismissed") : judge("dismissed", current())),
  C: () => judge("confirmed", current(), { isWhole: true }),
  D: () => judge("dismissed", current(), { isWhole: true }),
  a: () => sow("seed"),
  A: () => sow("counter"),
  u: undo,
  x: () => current() && pick([current()], !current().querySelector("input").checked),
  X: () => pick(below(current()), true),
  n: write,
  "/": () => document.querySelector("[name=q]").select(),
  "?": () => {
    const help = document.querySelector("#keys");
    help.open = !help.open;
  },
  Escape: close,
};

document.addEventListener("keydown", (event) => {
  const at = event.target;
  const isTyping = at.closest("input:not([type=checkbox]), select, textarea");
  if (event.ctrlKey || event.metaKey || event.altKey || (event.repeat && !"jk".includes(event.key))) return;
  if (isTyping && event.key === "Escape") return close();
  const act = isTyping ? null : keys[event.key];
  if (isBusy) event.preventDefault();
  if (!act || isBusy) return;
  event.preventDefault();
  act();
});

lines.addEventListener("click", (event) => {
  const line = event.target.closest(".line");
  if (event.ctrlKey || event.metaKey || event.shiftKey || !line || !event.target.closest("a")) return;
  event.preventDefault();
  NARROW.matches ? open(line) : choose(line);
});
lines.addEventListener("change", count);
document.querySelector("#below")?.addEventListener("click", (event) => {
  event.preventDefault();
  pick(below(current()), true);
});
reading.querySelector(".back a").addEventListener("click", (event) => {
  event.preventDefault();
  history.back();
  close();
});
addEventListener("popstate", () => close());

document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (event.target === did) {
    event.preventDefault();
    undo();
  } else if (event.target === list && button?.name === "verdict") {
    event.preventDefault();
    judgePicked(button.value);
  } else if (event.target.matches(".judge") && button?.name === "verdict") {
    event.preventDefault();
    const [verdict, on] = button.value.split(":");
    judge(verdict, current(), on.startsWith("m") ? { match: on.slice(1) } : { isWhole: true });
  }
});

document.documentElement.classList.add("scripted");
if (bulk) count();
if (current()) {
  mark(current());
  if (!NARROW.matches && document.activeElement === document.body) link(current()).focus({ preventScroll: true });
  if (current().nextElementSibling) fetched(current().nextElementSibling);
  more();
}
