// spindleTree draws threads between the nodes below box, from each to its children, anew
// when the box has become another one. What it gives:
//
//	hit(path, n)       n requests run down to the node of that path
//	tell(path, state)  how the node does now
//	count(path)        how many have run there
function spindleTree(box) {
  "use strict";
  const calm = matchMedia("(prefers-reduced-motion: reduce)"), phone = matchMedia("(max-width: 860px)");
  const sheet = box.querySelector(":scope > svg");
  const all = [...box.querySelectorAll(".node")];
  const nodes = new Map(all.map((node) => [node.dataset.path, node]));
  const edges = new Map(); // node -> path to it
  const counts = new Map();

  const parentOf = (node) => node.parentElement.parentElement.closest("li")?.querySelector(":scope > .node");

  function place(node) {
    const at = box.getBoundingClientRect(), area = node.getBoundingClientRect();
    const mark = node.querySelector(".knot, .spindle").getBoundingClientRect();
    return {
      left: mark.left - at.left,
      right: (node.classList.contains("root") ? mark.left + mark.width / 2 : area.right) - at.left,
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
    const places = new Map(all.map((node) => [node, place(node)])); // all are measured before any is drawn
    for (const node of all) {
      const parent = parentOf(node);
      if (!parent) continue;
      if (!edges.has(node)) edges.set(node, sheet.appendChild(document.createElementNS(sheet.namespaceURI, "path")));
      edges.get(node).setAttribute("d", thread(places.get(parent), places.get(node)));
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

  const short = (n) => n < 1e5 ? n.toLocaleString("en") : n < 999500 ? Math.round(n / 1e3) + "k" : (n / 1e6).toFixed(1) + "M";
  let running = 0;

  async function hit(path, n) {
    const node = nodes.get(path);
    if (!node) return;
    counts.set(path, (counts.get(path) || 0) + n);
    if (running < 8 && !document.hidden) { // under load the counts say it all
      running++;
      await run(node);
      running--;
      node.classList.remove("hit");
      void node.offsetWidth; // so that the animation begins anew
      node.classList.add("hit");
    }
    show(node, path);
  }

  function show(node, path) {
    const shown = node.querySelector(".hits");
    shown.hidden = false;
    shown.textContent = "×" + short(counts.get(path));
  }

  // had takes a count over from a tree that was drawn before.
  function had(path, n) {
    const node = nodes.get(path);
    if (!node) return;
    counts.set(path, n);
    show(node, path);
  }

  function tell(path, state) {
    const how = nodes.get(path)?.querySelector(".how");
    if (!how) return;
    how.hidden = !state;
    how.textContent = state;
  }

  const observer = new ResizeObserver(weave);
  observer.observe(box);
  document.fonts?.ready.then(weave);
  return { hit, had, tell, counts, count: (path) => counts.get(path) || 0, end: () => observer.disconnect() };
}
