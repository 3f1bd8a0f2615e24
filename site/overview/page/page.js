"use strict";
// The figures of the page, from the stream /events: "past" is the last minute,
// "now" the figures of each second, "hit" the nodes that requests came to, "state" how
// nodes do that can tell.

const el = (id) => document.getElementById(id);
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const phone = matchMedia("(max-width: 860px)");

// --- figures ---

function put(id, value, unit) {
  el(id).replaceChildren(value);
  if (unit) {
    const small = document.createElement("small");
    small.textContent = unit;
    el(id).append(small);
  }
}

function scaled(n, units) {
  let u = 0;
  while (n >= 999.5 && u < units.length - 1) { n /= 1000; u++; }
  return [u > 0 && n < 9.95 ? n.toFixed(1) : n.toFixed(0), units[u]];
}

function count(n) {
  return n < 100000 ? [n.toLocaleString("en")] : scaled(n, ["", "k", "M", "G"]);
}

function span(s) {
  if (s < 60) return [s.toFixed(0), "s"];
  if (s < 3600) return [Math.floor(s / 60) + ":" + String(Math.floor(s % 60)).padStart(2, "0"), "min"];
  if (s < 86400) return [Math.floor(s / 3600) + ":" + String(Math.floor(s % 3600 / 60)).padStart(2, "0"), "h"];
  return [(s / 86400).toFixed(1), "days"];
}

function show(now) {
  put("rate", ...count(now.rate));
  put("lag", now.lag < 10 ? now.lag.toFixed(2) : now.lag.toFixed(0), "ms");
  put("open", String(now.open), now.idle + " idle");
  put("memory", ...scaled(now.memory, ["B", "kB", "MB", "GB"]));
  put("answered", ...count(now.answered));
  put("uptime", ...span(now.uptime));
}

// --- the graph: the thread that leaves the word. Now is at its left end. ---

const seconds = 60;
let rates = new Array(seconds + 2).fill(0); // the newest first
let since = performance.now(), ceiling = 10, drawn = "";

function push(rate) {
  rates.unshift(rate);
  rates.length = seconds + 2;
  since = performance.now();
  const peak = Math.max(...rates);
  el("peak").textContent = peak ? "at most " + count(peak).join("") + (peak === 1 ? " request" : " requests") + " per second" : "";
  if (calm.matches) draw(1);
}

function draw(part) {
  const svg = document.querySelector("#graph svg");
  const { width, height } = svg.getBoundingClientRect();
  const base = phone.matches ? height - 3 : height * 90 / 170, room = base - 8, step = width / (seconds - 1);
  ceiling += (Math.max(10, ...rates) - ceiling) * .08;
  const points = [[0, base]];
  rates.forEach((rate, i) => {
    const x = (i + part) * step, out = Math.min(1, (i + part) / 2); // a new value grows as it leaves the word
    if (x > 0) points.push([x, base - room * Math.min(1, rate / ceiling) * out]);
  });
  let d = `M0,${base.toFixed(1)}`;
  for (let i = 1; i < points.length; i++) {
    const [x0, y0] = points[i - 1], [x1, y1] = points[i], m = ((x0 + x1) / 2).toFixed(1);
    d += `C${m},${y0.toFixed(1)} ${m},${y1.toFixed(1)} ${x1.toFixed(1)},${y1.toFixed(1)}`;
    if (x1 > width) break;
  }
  if (d === drawn) return;
  drawn = d;
  svg.querySelector(".line").setAttribute("d", d);
  svg.querySelector(".area").setAttribute("d", d + `V${base.toFixed(1)}H0Z`);
}

function frame() {
  if (!calm.matches && rates.some(Boolean)) draw(Math.min(1, (performance.now() - since) / 1000));
  requestAnimationFrame(frame);
}

// --- the tree: a thread from each node to its children ---

const tree = el("tree"), sheet = tree.querySelector(":scope > svg");
const nodes = [...tree.querySelectorAll(".node")];
const edges = new Map(); // node -> path to it
const counts = new Map();

const parentOf = (node) => node.parentElement.parentElement.closest("li")?.querySelector(":scope > .node");

function place(node) {
  const at = tree.getBoundingClientRect(), box = node.getBoundingClientRect();
  const mark = node.querySelector(".knot, .spindle").getBoundingClientRect();
  return {
    left: mark.left - at.left,
    right: (node.classList.contains("root") ? mark.left + mark.width / 2 : box.right) - at.left,
    x: mark.left + mark.width / 2 - at.left, y: mark.top + mark.height / 2 - at.top,
    bottom: mark.bottom - at.top,
  };
}

function thread(from, to) {
  if (phone.matches) {
    const r = 12;
    return `M${from.x},${from.bottom}V${to.y - r}Q${from.x},${to.y} ${from.x + r},${to.y}H${to.left}`;
  }
  const reach = (to.left - from.right) * .62;
  return `M${from.right},${from.y}C${from.right + reach},${from.y} ${to.left - reach},${to.y} ${to.left},${to.y}`;
}

function weave() {
  for (const node of nodes) {
    const parent = parentOf(node);
    if (!parent) continue;
    if (!edges.has(node)) edges.set(node, sheet.appendChild(document.createElementNS(sheet.namespaceURI, "path")));
    edges.get(node).setAttribute("d", thread(place(parent), place(node)));
    edges.get(node).classList.toggle("open", node.classList.contains("open"));
  }
}

// A request runs down the thread to its node.
async function run(node) {
  const parent = parentOf(node);
  if (parent) await run(parent);
  const edge = edges.get(node);
  if (!edge || calm.matches) return;
  const pulse = edge.cloneNode();
  pulse.setAttribute("class", "pulse");
  pulse.setAttribute("pathLength", "100");
  pulse.style.strokeDasharray = "16 200";
  sheet.append(pulse);
  await pulse.animate([{ strokeDashoffset: 16 }, { strokeDashoffset: -100 }], { duration: 420, easing: "ease-in" }).finished;
  pulse.remove();
}

let running = 0;

async function hit(path, n) {
  const node = nodes.find((node) => node.dataset.path === path);
  if (!node) return;
  counts.set(path, (counts.get(path) || 0) + n);
  if (running < 24 && !document.hidden) { // under load the counts say it all
    running++;
    await run(node);
    running--;
    node.classList.remove("hit");
    void node.offsetWidth; // so that the animation begins anew
    node.classList.add("hit");
  }
  const hits = node.querySelector(".hits");
  hits.hidden = false;
  hits.textContent = "×" + count(counts.get(path)).join("");
}

function tell(path, state) {
  const how = nodes.find((node) => node.dataset.path === path)?.querySelector(".how");
  if (!how) return;
  how.hidden = !state;
  how.textContent = state;
}

// --- the stream ---

function listen() {
  const stream = new EventSource("/events");
  stream.addEventListener("past", (e) => {
    rates = [...JSON.parse(e.data).reverse(), ...new Array(seconds + 2).fill(0)].slice(0, seconds + 2);
    ceiling = Math.max(10, ...rates);
  });
  stream.addEventListener("now", (e) => {
    const now = JSON.parse(e.data);
    show(now);
    push(now.rate);
    document.body.classList.remove("lost");
    el("state").textContent = "";
  });
  stream.addEventListener("hit", (e) => {
    for (const [path, n] of Object.entries(JSON.parse(e.data))) hit(path, n);
  });
  stream.addEventListener("state", (e) => {
    for (const [path, state] of Object.entries(JSON.parse(e.data))) tell(path, state);
  });
  stream.onerror = () => {
    document.body.classList.add("lost");
    el("state").textContent = "The server does not answer. The page goes on as soon as it is back.";
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  };
}

new ResizeObserver(weave).observe(tree);
new ResizeObserver(() => draw(1)).observe(el("graph"));
document.fonts?.ready.then(weave);
listen();
frame();
