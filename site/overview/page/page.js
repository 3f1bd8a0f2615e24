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

const tree = spindleTree(document.querySelector(".tree"));

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
    for (const [path, n] of Object.entries(JSON.parse(e.data))) tree.hit(path, n);
  });
  stream.addEventListener("state", (e) => {
    for (const [path, state] of Object.entries(JSON.parse(e.data))) tree.tell(path, state);
  });
  stream.onerror = () => {
    document.body.classList.add("lost");
    el("state").textContent = "The server does not answer. The page goes on as soon as it is back.";
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  };
}

new ResizeObserver(() => draw(1)).observe(el("graph"));
listen();
frame();
