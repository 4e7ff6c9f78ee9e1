"use strict";
// What the page does beyond showing itself: it stays up to date, filters, compares, takes keys, and
// steers where it may. Parts of the page are changed in place, so that nothing flickers, and what
// has the focus, is marked or is open stays so.

const tip = document.getElementById("tip");
const live = document.getElementById("live");
const BACK_SECONDS = 5;

// ---- changing a part in place ---------------------------------------------------------------

const KEPT = { DETAILS: ["open"], INPUT: ["value", "checked"], TEXTAREA: ["value"] };

function alike(a, b) {
  return a.nodeType === b.nodeType && a.nodeName === b.nodeName && (a.id || "") === (b.id || "");
}

function morph(old, now) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== now.nodeValue) old.nodeValue = now.nodeValue;
    return;
  }
  const kept = KEPT[old.nodeName] ?? [];
  const own = ["current", "on"].filter((name) => old.classList.contains(name));
  for (const { name } of [...old.attributes]) {
    if (!now.hasAttribute(name) && !kept.includes(name) && name !== "data-shown") old.removeAttribute(name);
  }
  for (const { name, value } of now.attributes) {
    if (name === "hidden" && old.dataset.shown) continue;
    if (!kept.includes(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  if (own.length) old.classList.add(...own); // what the reader has chosen
  if (old.nodeName !== "TEXTAREA") morphChildren(old, now);
}

function morphChildren(old, now) {
  const named = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
  let place = old.firstChild;
  for (const next of [...now.childNodes]) {
    const own = next.id && named.get(next.id);
    if (own && alike(own, next)) {
      if (own !== place) old.insertBefore(own, place);
      else place = place.nextSibling;
      morph(own, next);
    } else if (place && alike(place, next)) {
      const after = place.nextSibling;
      morph(place, next);
      place = after;
    } else {
      old.insertBefore(next, place);
    }
  }
  while (place) {
    const after = place.nextSibling;
    place.remove();
    place = after;
  }
}

function change(parts) {
  for (const [name, { digest, html }] of Object.entries(parts)) {
    const part = document.getElementById(`part-${name}`);
    if (!part) continue;
    const made = document.createElement("template");
    made.innerHTML = html;
    morphChildren(part, made.content);
    part.dataset.digest = digest;
  }
  reveal();
}

function have() {
  return [...document.querySelectorAll(".part")]
    .map((part) => `${part.id.slice("part-".length)}.${part.dataset.digest}`).join(",");
}

function address(kind) {
  const query = new URLSearchParams(location.search);
  query.set("have", have());
  return `/${kind}${location.pathname}?${query}`;
}

// ---- staying up to date ---------------------------------------------------------------------

let source = null;

function say(state, words) {
  live.className = state;
  if (live.textContent !== words) live.textContent = words;
}

function listen() {
  source?.close();
  if (document.hidden) return; // a browser has few connections for all its windows
  source = new EventSource(address("events"));
  source.onopen = () => say("on", "live");
  source.onmessage = (event) => change(JSON.parse(event.data));
  source.onerror = () => {
    say("off", "not live");
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, BACK_SECONDS * 1000);
  };
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) { source?.close(); say("off", "not live"); } else listen();
});
addEventListener("pagehide", () => source?.close());

// ---- filter, order and pages of the list ----------------------------------------------------

let asked = 0;

async function ask(url) {
  const mine = ++asked;
  history.replaceState(null, "", url.pathname + url.search);
  const answer = await fetch(address("parts"));
  if (!answer.ok || mine !== asked) return;
  change(await answer.json());
  listen();
}

let typed = 0;

document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-live]");
  if (!form) return;
  clearTimeout(typed);
  typed = setTimeout(() => submit(form), 200);
});

function submit(form) {
  const url = new URL(location.href);
  url.search = new URLSearchParams([...new FormData(form)].filter(([, value]) => value)).toString();
  url.hash = "";
  ask(url);
}

document.addEventListener("submit", (event) => {
  if (event.target.matches("form[data-live]")) {
    event.preventDefault();
    submit(event.target);
  } else if (event.target.matches("form[data-enqueue]")) {
    event.preventDefault();
    const text = event.target.elements.architecture;
    request(event.target, { kind: "enqueue", architecture: text.value }).then((taken) => {
      if (taken) text.value = "";
    });
  }
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-live]");
  if (link && !event.metaKey && !event.ctrlKey && !event.shiftKey) {
    event.preventDefault();
    const url = new URL(link.href);
    url.hash = "";
    ask(url);
  }
  const copied = event.target.closest("[data-copy]");
  if (copied) copy(copied);
  const wish = event.target.closest("[data-ask]");
  if (wish && (!wish.dataset.sure || confirm(wish.dataset.sure))) {
    const trial = wish.dataset.trial === undefined ? {} : { trial: Number(wish.dataset.trial) };
    request(wish, { kind: wish.dataset.ask, ...trial });
  }
  if (event.target.closest("#keys-button")) document.getElementById("help").showModal();
});

async function copy(button) {
  const text = document.getElementById(button.dataset.copy).textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch { // without a secure connection there is no clipboard: mark it instead
    getSelection().selectAllChildren(document.getElementById(button.dataset.copy));
    button.textContent = "Marked; copy it with the keyboard";
    return;
  }
  button.textContent = "Copied";
}

// ---- steering -------------------------------------------------------------------------------

const TOKEN = "archbo-token";
const given = new URLSearchParams(location.hash.slice(1)).get("token");
if (given) {
  localStorage.setItem(TOKEN, given);
  history.replaceState(null, "", location.pathname + location.search);
}

function reveal() {
  if (!("control" in document.body.dataset) || !localStorage.getItem(TOKEN)) return;
  for (const controls of document.querySelectorAll(".controls")) {
    controls.dataset.shown = "yes";
    controls.hidden = false;
  }
}

async function request(element, wish) {
  const said = element.closest(".controls").querySelector(".said");
  const study = location.pathname.match(/^\/studies\/(\d+)/)?.[1] ?? "0";
  const answer = await fetch(`/studies/${study}/requests`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Archbo-Token": localStorage.getItem(TOKEN) },
    body: JSON.stringify(wish),
  }).catch(() => null);
  said.textContent = answer ? await answer.text() : "The dashboard does not answer.";
  return answer?.ok;
}

// ---- words about marks ----------------------------------------------------------------------

const lines = new Map();
let hovered = null;

function show(mark) {
  hovered = mark;
  tip.textContent = mark.dataset.tip;
  place(mark);
  const trial = mark.getAttribute("href")?.match(/^(\/studies\/\d+)\/trials\/(\d+)$/);
  if (!trial) return;
  const where = `${trial[1]}/tips/${trial[2]}`;
  if (!lines.has(where)) {
    lines.set(where, fetch(where).then((answer) => (answer.ok ? answer.text() : "")).catch(() => ""));
  }
  lines.get(where).then((text) => {
    if (hovered !== mark || !text) return;
    const line = document.createElement("span");
    line.className = "line-of";
    line.textContent = text;
    tip.replaceChildren(mark.dataset.tip, line);
    place(mark);
  });
}

function place(mark) {
  tip.hidden = false;
  const at = mark.getBoundingClientRect();
  const half = tip.offsetWidth / 2;
  const x = Math.min(Math.max(at.left + at.width / 2, half + 8), innerWidth - half - 8);
  const above = at.top - tip.offsetHeight - 8;
  tip.style.left = `${x - half + scrollX}px`;
  tip.style.top = `${(above > 0 ? above : at.bottom + 8) + scrollY}px`;
}

function hide() {
  hovered = null;
  tip.hidden = true;
}

document.addEventListener("pointerover", (event) => {
  const mark = event.target.closest?.(".chart [data-tip]");
  if (mark) show(mark);
  else hide();
});
document.addEventListener("focusout", (event) => {
  if (event.target.matches?.(".chart")) walk(event.target, null);
});

function walk(chart, mark) {
  chart.querySelector(".on")?.classList.remove("on");
  mark?.classList.add("on");
  if (mark) show(mark);
  else hide();
}

function along(chart, event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const marks = [...chart.querySelectorAll("[data-tip]")];
  const at = marks.findIndex((mark) => mark.classList.contains("on"));
  if (step && marks.length) {
    event.preventDefault();
    walk(chart, marks[at < 0 ? (step > 0 ? 0 : marks.length - 1) : (at + step + marks.length) % marks.length]);
  } else if (event.key === "Enter" && at >= 0) {
    location.assign(marks[at].getAttribute("href"));
  } else if (event.key === "Escape") {
    walk(chart, null);
  } else {
    return false;
  }
  return true;
}

// ---- keys -----------------------------------------------------------------------------------

function rows() {
  return [...document.querySelectorAll("table.trials tbody tr")];
}

function current() {
  return rows().find((row) => row.classList.contains("current"));
}

function go(step) {
  const all = rows();
  if (!all.length) return;
  const before = current();
  const at = all.indexOf(before);
  const next = all[Math.min(Math.max(at < 0 ? 0 : at + step, 0), all.length - 1)];
  before?.classList.remove("current");
  next.classList.add("current");
  next.scrollIntoView({ block: "nearest" });
  next.querySelector("a").focus({ preventScroll: true });
}

const KEYS = {
  "/": () => document.getElementById("filter")?.focus(),
  j: () => go(1),
  k: () => go(-1),
  x: () => current()?.querySelector("input[type=checkbox]").click(),
  n: () => document.querySelector("a[rel=next]")?.click(),
  p: () => document.querySelector("a[rel=prev]")?.click(),
  o: () => document.querySelector(".eyebrow a")?.click(),
  "?": () => document.getElementById("help").showModal(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches?.(".chart") && along(event.target, event)) return;
  if (event.target.matches?.("input[type=search]") && event.key === "Escape") {
    event.preventDefault(); // the browser would clear it
    event.target.blur();
  }
  if (event.target.matches?.("input:not([type=checkbox]), textarea, dialog *")) return;
  const act = KEYS[event.key];
  if (act) {
    event.preventDefault();
    act();
  }
});

reveal();
listen();
