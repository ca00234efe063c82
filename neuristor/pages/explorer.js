// The explorer: sliders ask the program for the parts of the page that follow from them.
"use strict";

const token = document.querySelector("meta[name=neuristor-token]").content;
const form = document.getElementById("knobs");
const device = form.dataset.device;
const knobs = [...form.querySelectorAll(".knob[data-key]")].map((element) => ({
  element, key: element.dataset.key, scale: element.dataset.scale,
  first: Number(element.dataset.value), low: Number(element.dataset.low), high: Number(element.dataset.high),
  slider: element.querySelector("input[type=range]"), field: element.querySelector("input[type=text]"),
  value: Number(element.dataset.value),
}));
const changed = new Map();

function place(knob, value) {
  const steps = Number(knob.slider.max);
  if (knob.scale === "log") return Math.round(steps * Math.log(value / knob.low) / Math.log(knob.high / knob.low));
  return Math.round(steps * (value - knob.low) / (knob.high - knob.low));
}

function at(knob, position) {
  const part = position / Number(knob.slider.max);
  if (knob.scale === "log") return Number((knob.low * (knob.high / knob.low) ** part).toPrecision(4));
  const value = knob.low + part * (knob.high - knob.low);
  return knob.scale === "whole" ? Math.round(value) : Number(value.toPrecision(4));
}

async function ask(question, body) {
  const answer = await fetch(`ask/${question}`, {
    method: "POST", headers: {"Content-Type": "application/json", "X-Neuristor": token},
    body: JSON.stringify({device, values: Object.fromEntries(changed), ...body}),
  });
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.error);
  return found;
}

function say(element, text) { if (element.textContent !== text) element.textContent = text; }

function table(home, found) {
  home.replaceChildren();
  if (!found) return;
  home.tabIndex = 0;
  home.setAttribute("role", "region");
  home.setAttribute("aria-label", found.columns.join(", "));
  const made = home.appendChild(document.createElement("table"));
  const row = (kind, cells, parent) => {
    const line = parent.appendChild(document.createElement("tr"));
    for (const cell of cells) line.appendChild(document.createElement(kind)).textContent = cell;
  };
  row("th", found.columns, made.createTHead());
  for (const cells of found.rows) row("td", cells, made.createTBody());
}

function panels(home, found) {
  while (home.children.length > found.length) { Plotly.purge(home.lastChild); home.lastChild.remove(); }
  // All places first: the width of each depends on how many there are.
  while (home.children.length < found.length) home.appendChild(document.createElement("div"));
  found.forEach((panel, n) => {
    const div = home.children[n];
    div.className = panel.wide ? "plot wide" : "plot";
    div.setAttribute("role", "group");
    div.setAttribute("aria-label", panel.label || panel.title);
  });
  found.forEach((panel, n) => draw(home.children[n], panel.figure));
}

const LEVELS = {good: "good", fair: "look at it", bad: "bad", open: ""};

function show(section, found) {
  const said = section.querySelector(".said");
  said.replaceChildren(...found.sentences.map(([level, text]) => {
    const line = document.createElement("li"), span = document.createElement("span");
    line.className = level === "open" ? "neutral" : level;
    span.textContent = (LEVELS[level] ? LEVELS[level] + ": " : "") + text;
    line.append(span);
    return line;
  }));
  panels(section.querySelector(".panels"), found.panels);
  table(section.querySelector(".table"), found.table);
}

const parts = [...document.querySelectorAll(".part[data-part]")];
let wanted = 0, running = false;

function texts(found) {
  for (const knob of knobs) {
    const text = found?.[knob.key] ?? (changed.has(knob.key) ? null : knob.element.dataset.text);
    if (text === null) continue;
    if (document.activeElement !== knob.field) knob.field.value = text;
    knob.slider.setAttribute("aria-valuetext", text);
  }
}

async function compute(section) {
  section.classList.add("busy");
  const begun = performance.now();
  try {
    const found = await ask("part", {part: section.dataset.part});
    texts(found.texts);
    show(section, found);
    section.classList.remove("old");
    section.dataset.seconds = ((performance.now() - begun) / 1000).toFixed(3);
    return true;
  } catch (error) {
    section.classList.add("old");
    say(document.getElementById("problem"), error.message);
    return false;
  } finally {
    section.classList.remove("busy");
  }
}

async function follow() {
  wanted += 1;
  document.body.dataset.state = "following";
  for (const section of parts) section.classList.add("old");
  if (running) return;
  running = true;
  let done;
  do {
    done = wanted;
    let good = true;
    for (const section of parts) {
      if (section.dataset.auto !== "yes" || done !== wanted) continue;
      good = await compute(section) && good;
    }
    if (good && done === wanted) say(document.getElementById("problem"), "");
  } while (done !== wanted);
  running = false;
  const first = parts[0]?.querySelector(".said");
  say(document.getElementById("status"), first ? first.textContent : "");
  document.body.dataset.state = "followed";
}

function set(knob, value, fromField) {
  knob.value = value;
  changed.set(knob.key, value);
  if (!fromField) knob.slider.setAttribute("aria-valuetext", String(value));
  follow();
}

for (const knob of knobs) {
  knob.slider.value = place(knob, knob.value);
  knob.slider.addEventListener("input", () => set(knob, at(knob, Number(knob.slider.value)), false));
  knob.field.addEventListener("change", async () => {
    const before = changed.get(knob.key);
    changed.set(knob.key, knob.field.value);
    try {
      const found = await ask("check", {});
      const value = found.values[knob.key];
      knob.slider.value = place(knob, value);
      knob.field.value = found.texts[knob.key];
      set(knob, value, true);
    } catch (error) {
      if (before === undefined) changed.delete(knob.key); else changed.set(knob.key, before);
      say(document.getElementById("problem"), error.message);
    }
  });
}
if (window.matchMedia("(max-width: 760px)").matches) {
  for (const group of [...form.querySelectorAll("details.group")].slice(2)) group.open = false;
}
form.addEventListener("submit", (event) => event.preventDefault());
document.getElementById("reset").addEventListener("click", () => {
  changed.clear();
  for (const knob of knobs) {
    knob.value = knob.first;
    knob.slider.value = place(knob, knob.first);
    knob.field.value = knob.element.dataset.text;
  }
  say(document.getElementById("problem"), "");
  follow();
});
for (const section of parts) section.querySelector(".compute")?.addEventListener("click", () => compute(section));
document.getElementById("device")?.addEventListener("change", (event) => {
  location.search = `?device=${encodeURIComponent(event.target.value)}`;
});
document.getElementById("write")?.addEventListener("click", async () => {
  const said = document.getElementById("written");
  try {
    const found = await ask("write", {
      name: document.getElementById("name").value, replace: document.getElementById("replace").checked});
    say(said, `Written: ${found.written}. Next: neuristor build ${found.written} --out build/${found.written.split("/").pop().replace(".toml", "")}`);
    said.className = "good";
  } catch (error) {
    say(said, error.message);
    said.className = "bad";
  }
});

// A run on a board.
const live = document.getElementById("live"), start = document.getElementById("start"), stop = document.getElementById("stop");
let source = null;

function ended(level, text) {
  source?.close();
  source = null;
  start.disabled = false;
  stop.disabled = true;
  const step = document.getElementById("step");
  step.className = level === "open" ? "" : level;
  say(step, text);
  live.dataset.end = level;
}

start.addEventListener("click", async () => {
  start.disabled = true;
  stop.disabled = false;
  delete live.dataset.end;
  const step = document.getElementById("step"), done = document.getElementById("done");
  step.className = "";
  say(step, "starting");
  try { await ask("live", {}); } catch (error) { ended("bad", error.message); return; }
  done.hidden = false;
  done.value = 0;
  source = new EventSource(`events?token=${encodeURIComponent(token)}`);
  source.onmessage = ({data}) => {
    const event = JSON.parse(data);
    if (event.done !== undefined) done.value = event.done;
    if (event.panels) panels(live.querySelector(".panels"), event.panels);
    if (event.counters) {
      const rows = Object.entries(event.counters).map(([name, value]) => [name.replaceAll("_", " "), value.toLocaleString("en")]);
      table(live.querySelector(".table"), {columns: ["counter", "value"], rows});
    }
    if (event.end) ended(event.end, event.title); else say(step, event.title);
  };
  source.onerror = () => { if (source) ended("bad", "the program has ended, or the run was replaced"); };
});
stop.addEventListener("click", () => { ask("stop", {}).catch(() => {}); });

follow();
