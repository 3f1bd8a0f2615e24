// The view of the tree: what the program consists of, drawn anew when there is another
// program, and the requests as they run down to their resources.
(() => {
  'use strict';
  const { base, el, number } = window.spindle;
  const main = document.getElementById('tree');
  const box = el('div', 'tree-box'), note = el('span', 'count'), why = el('p', 'empty');
  main.append(el('section', 'card', el('div', 'bar', el('h2', '', 'Tree of resources'), note), why, box));
  let drawn = [], form = '', generation = 0, drawnFor = 0, asking = false, timer = 0;

  const here = () => window.spindle.view() === 'tree';

  async function look() {
    clearTimeout(timer);
    if (!here() || asking) return;
    asking = true;
    const answer = await fetch(base + 'dash/tree', { cache: 'no-store' }).catch(() => null);
    asking = false;
    if (answer && answer.ok) draw(await answer.json());
    if (here()) timer = setTimeout(look, document.hidden ? 5000 : 2500); // how nodes do may change
  }

  function draw(all) {
    why.hidden = all.trees.length > 0 && !all.why;
    why.textContent = all.why || 'There is nothing to draw.';
    const fresh = generation + '|' + all.trees.map(t => t.html.replace(/<span class="how"[^>]*>[^<]*<\/span>/g, '')).join('|');
    if (fresh !== form) {
      form = fresh;
      const counts = drawnFor === 0 || drawnFor === generation ? drawn.map(d => d.counts) : []; // of the same program
      drawnFor = generation;
      drawn.forEach(d => d.end());
      box.innerHTML = all.trees.map(t => t.html).join(''); // escaped by the server
      box.querySelectorAll('a.node').forEach(a => { a.target = '_blank'; a.rel = 'noopener'; });
      drawn = [...box.querySelectorAll('.tree')].map(spindleTree);
      drawn.forEach((d, i) => counts[i]?.forEach((n, path) => d.had(path, n)));
      note.textContent = all.nodes ? number(all.nodes) + (all.nodes === 1 ? ' resource' : ' resources') : '';
      return;
    }
    all.trees.forEach((t, i) => {
      for (const node of drawn[i] ? box.querySelectorAll('.tree')[i].querySelectorAll('.node') : []) drawn[i].tell(node.dataset.path, t.states[node.dataset.path] || '');
    });
  }

  addEventListener('spindle-news', e => {
    const news = e.detail, s = window.spindle.state();
    if (s && s.gen !== generation) { generation = s.gen; look(); }
    if (!news.hits || !drawn.length) return;
    for (const [path, n] of Object.entries(news.hits)) drawn[0].hit(path, n);
  });
  addEventListener('spindle-view', look);
  document.addEventListener('visibilitychange', () => { if (!document.hidden) look(); });
  look();
})();
