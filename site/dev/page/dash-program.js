// The view of the program: its loops, goroutines and memory over the last minutes, the
// connections by protocol, the processes, and what has held a loop.
(() => {
  'use strict';
  const { base, post, el, number, bytes, clock } = window.spindle;
  const main = document.getElementById('program');
  const span = 300; // seconds that the lines show
  const here = () => window.spindle.view() === 'program';
  const dash = '–';

  // --- lines over time ---

  const svgs = 'http://www.w3.org/2000/svg';
  const percent = x => (x * 100).toFixed(x < .0995 ? 1 : 0) + ' %';
  const lag = ns => ns < 1e6 ? (ns / 1e6).toFixed(2) + ' ms' : (ns / 1e6).toFixed(ns < 1e7 ? 1 : 0) + ' ms';
  const gauges = [
    gauge('lag', 'Loop lag', lag, 2e6, 'The worst of each second: how late the loop comes to what is due'),
    gauge('cpu', 'CPU of the program', percent, .1, 'Of one core'),
    gauge('goroutines', 'Goroutines', number, 20, 'In the program'),
    gauge('heap', 'Heap', bytes, 4e6, 'Objects on the heap, live or not yet swept'),
    gauge('rss', 'Memory', bytes, 2e7, 'What the program has resident (RSS)'),
    gauge('gc', 'Collections', n => number(n), 4, 'Cycles of the garbage collector, each second'),
  ];
  function gauge(id, title, show, least, hint) {
    const value = el('b', '', dash), foot = el('small'), svg = document.createElementNS(svgs, 'svg');
    const area = document.createElementNS(svgs, 'path'), line = document.createElementNS(svgs, 'path');
    area.setAttribute('class', 'area');
    line.setAttribute('class', 'line');
    svg.append(area, line);
    svg.setAttribute('preserveAspectRatio', 'none');
    svg.setAttribute('aria-hidden', 'true');
    const box = el('section', 'card gauge', el('h3', '', title), value, foot, svg);
    box.title = hint;
    box.id = 'g-' + id;
    return { show, least, value, foot, svg, area, line, box, past: [] };
  }
  function push(g, v, foot) {
    g.past.push(v === undefined ? null : v);
    if (g.past.length > span) g.past.shift();
    g.foot.dataset.text = foot || '';
  }
  function drawGauge(g) {
    const known = g.past.filter(v => v !== null), now = g.past[g.past.length - 1];
    g.box.hidden = !known.length;
    if (!known.length) return;
    g.value.textContent = now === null ? dash : g.show(now);
    const top = Math.max(...known);
    g.foot.textContent = g.foot.dataset.text || 'at most ' + g.show(top);
    const ceiling = Math.max(top * 1.12, g.least), wide = Math.max(60, g.past.length), from = wide - g.past.length; // a minute at least
    g.svg.setAttribute('viewBox', '0 0 ' + (wide - 1) + ' 100');
    let d = '', open = false;
    g.past.forEach((v, i) => {
      if (v === null) { open = false; return; }
      d += (open ? 'L' : 'M') + (from + i) + ',' + (96 - v / ceiling * 92).toFixed(1);
      open = true;
    });
    g.line.setAttribute('d', d);
    g.area.setAttribute('d', g.past.includes(null) ? '' : d + 'L' + (wide - 1) + ',100L' + from + ',100Z');
  }

  // --- the frame of the view ---

  const kind = el('p', 'program-kind');
  const level = el('select'), levelLabel = el('label', 'level', 'Log level ', level);
  level.id = 'level';
  for (const l of ['DEBUG', 'INFO', 'WARN', 'ERROR']) level.append(new Option(l.toLowerCase(), l));
  const gc = button('Collect garbage', collect);
  gc.id = 'gc';
  const tools = el('div', 'program-tools', kind, levelLabel, gc);
  const connections = el('tbody'), processes = el('tbody'), slow = el('ol', 'slow-list'), slowNote = el('span', 'count');
  const groups = el('ol', 'goroutine-list'), dumpNote = el('span', 'count'), find = el('input');
  const take = button('Take a dump', dump);
  take.id = 'dump';
  find.type = 'search';
  find.id = 'dump-find';
  find.placeholder = 'Filter: function, file, state';
  find.setAttribute('aria-label', 'Filter goroutines');
  find.spellcheck = false;
  find.hidden = true;
  find.addEventListener('input', drawGroups);
  const table = (heads, body) => el('table', 'plain-table', el('thead', '', el('tr', '', ...heads.map(h => el('th', h[1] || '', h[0])))), body);
  const dumpCard = el('section', 'card', el('div', 'bar', el('h2', '', 'Goroutines'), take, find, dumpNote), groups);
  const slowCard = el('section', 'card', el('div', 'bar', el('h2', '', 'Callbacks that held the loop'), slowNote), slow);
  main.append(tools, el('div', 'gauges', ...gauges.map(g => g.box)),
    el('div', 'halves',
      el('section', 'card', el('div', 'bar', el('h2', '', 'Connections')), el('div', 'scroll', table([['Protocol'], ['Open', 'num'], ['Idle', 'num'], ['TLS', 'num'], ['Under way', 'num']], connections))),
      el('section', 'card', el('div', 'bar', el('h2', '', 'Processes')), el('div', 'scroll', table([['Process'], ['Memory', 'num'], ['CPU', 'num'], ['Threads', 'num'], ['Files', 'num']], processes)))),
    slowCard, dumpCard);
  connections.id = 'connections';
  processes.id = 'process-rows';
  slow.id = 'slow';
  groups.id = 'goroutines';

  function button(label, f) {
    const b = el('button', 'plain', label);
    b.type = 'button';
    b.addEventListener('click', () => f(b));
    return b;
  }

  // --- what comes ---

  let now = null, was = null, slows = new Map(), generation = -1;
  addEventListener('spindle-news', e => {
    const news = e.detail;
    if (news.cleared) { slows.clear(); drawSlow(); }
    if (news.slow) { news.slow.forEach(s => slows.set(s.id, s)); drawSlow(); }
    if (news.insight) takeInsight(news.insight);
    const s = window.spindle.state();
    if (s && s.gen !== generation) { generation = s.gen; was = null; groups.replaceChildren(); dumped = null; drawGroups(); if (here()) askLevel(); }
  });
  addEventListener('spindle-view', () => { if (here()) { draw(); askLevel(); } });

  function takeInsight(x) {
    was = now;
    now = x;
    const p = x.process, loops = x.loops, own = x.processes || [];
    const program = own.filter(o => o.name !== 'Development server' && o.name !== 'Reader of variables');
    const sum = f => program.length ? program.reduce((n, o) => n + f(o), 0) : undefined;
    const held = loops && loops.some(l => l.held);
    push(gauges[0], loops ? Math.max(...loops.map(l => l.held ? 1e9 : l.lag)) : undefined, held ? 'held now: it does not come back' : '');
    gauges[0].box.classList.toggle('bad', !!held);
    push(gauges[1], sum(o => o.cpu));
    push(gauges[2], p ? p.goroutines : undefined);
    push(gauges[3], p ? p.heap : undefined, p ? 'next collection at ' + bytes(p.heap_goal) : '');
    push(gauges[4], sum(o => o.rss));
    push(gauges[5], p ? (was && was.process ? Math.max(0, p.gc - was.process.gc) : 0) : undefined, p ? number(p.gc) + ' in all, ' + p.gc_cpu.toFixed(2) + ' s of CPU' : '');
    if (here()) draw();
  }

  function draw() {
    if (!now) return;
    gauges.forEach(drawGauge);
    drawKind();
    drawConnections();
    drawProcesses();
    const tells = !!now.kind;
    gc.hidden = dumpCard.hidden = !tells;
    slowCard.hidden = now.kind !== 'spindle' && !slows.size;
  }

  const kinds = { spindle: 'A program of Spindle', 'net/http': 'A program of net/http' };
  function drawKind() {
    const s = window.spindle.state() || {};
    const words = now.kind ? [kinds[now.kind] || now.kind, now.go, now.procs + (now.procs === 1 ? ' processor' : ' processors')]
      : [s.pid ? 'The program tells nothing of itself: what is here is what the system knows. A net/http program does when it is built with --witness.' : 'It is hosted by the development server.'];
    if (now.loops && now.loops.length > 1) words.push(now.loops.length + ' loops');
    const text = words.filter(Boolean).join(' · ');
    if (kind.textContent !== text) kind.textContent = text;
  }

  function rowOf(cells) {
    return el('tr', '', ...cells.map((c, i) => el('td', i ? 'num' : '', c === 0 || c === '0' ? el('span', 'zero', '0') : c instanceof Node ? c : String(c))));
  }
  const heading = words => { const td = el('td', '', words); td.colSpan = 5; return el('tr', 'heading', td); };
  function tally(list, streams, outgoing) {
    const rows = list.map(t => {
      const word = t.exchanges < 0 ? '' : t.protocol === 'HTTP/2' ? number(t.exchanges) + (t.exchanges === 1 ? ' stream' : ' streams') : number(t.exchanges);
      return rowOf([t.protocol, number(t.open), t.exchanges < 0 ? '' : number(t.idle), number(t.secure), word]);
    });
    if (streams) rows.push(rowOf(['Event streams (SSE)', number(streams), '', '', '']));
    if (outgoing) rows.push(rowOf(['Outgoing', number(outgoing), '', '', '']));
    if (!rows.length) rows.push(rowOf(['None', 0, '', '', '']));
    return rows;
  }
  function drawConnections() {
    const rows = [heading('To the development server'), ...tally(now.front || [], now.streams, now.outgoing)];
    if (now.loops && now.loops.length) {
      const all = new Map();
      let streams = 0, outgoing = 0, timers = 0;
      for (const l of now.loops) {
        streams += l.streams || 0; outgoing += l.outgoing || 0; timers += l.timers || 0;
        for (const t of l.connections || []) {
          const sum = all.get(t.protocol) || { protocol: t.protocol, open: 0, idle: 0, secure: 0, exchanges: 0 };
          for (const k of ['open', 'idle', 'secure']) sum[k] += t[k];
          sum.exchanges = t.exchanges < 0 ? -1 : sum.exchanges + t.exchanges;
          all.set(t.protocol, sum);
        }
      }
      rows.push(heading('To the program'), ...tally([...all.values()], streams, outgoing), rowOf(['Timers', number(timers), '', '', '']));
    }
    connections.replaceChildren(...rows);
  }

  function drawProcesses() {
    processes.replaceChildren(...(now.processes || []).slice().reverse().map(p => {
      const name = el('span', '', p.name, el('small', '', 'pid ' + p.pid + (p.state ? ' · ' + p.state : '')));
      return rowOf([name, p.rss ? bytes(p.rss) : dash, percent(p.cpu), p.threads || dash, p.open || dash]);
    }));
  }

  // --- what has held a loop ---

  function place(f) {
    const a = el('a', f.own ? 'own' : '', f.shown + ':' + f.line);
    a.href = '#program';
    a.title = f.file + ':' + f.line;
    a.addEventListener('click', async e => {
      e.preventDefault();
      e.stopPropagation();
      const answer = await post('open?' + new URLSearchParams({ file: f.file, line: f.line, column: 1 })).catch(() => null);
      window.spindle.failed(answer);
    });
    return el('li', f.own ? 'own' : '', el('code', '', f.function), a);
  }
  const stackOf = list => el('ol', 'stack', ...list.map(place));
  const stackTop = list => (list.find(f => f.own) || list.find(f => !/^(runtime|syscall|internal|time|sync)[./]/.test(f.function)) || list[0] || { function: '?' }).function;

  function drawSlow() {
    const open = new Set([...slow.querySelectorAll('details[open]')].map(d => d.dataset.id));
    const list = [...slows.values()].sort((a, b) => b.id - a.id).slice(0, 30);
    slowNote.textContent = list.length ? 'the last ' + list.length : '';
    slow.replaceChildren(...list.map(s => {
      const d = el('details', s.over ? '' : 'held', el('summary', '', el('time', '', clock(s.at)), el('b', '', s.over ? '≈ ' + number(s.held) + ' ms' : 'for ' + number(s.held) + ' ms, and still'), el('code', '', stackTop(s.stack)), el('small', '', 'generation ' + s.gen)), stackOf(s.stack));
      d.dataset.id = s.id;
      d.open = open.has(String(s.id));
      return el('li', '', d);
    }));
    if (!list.length) slow.append(el('li', 'none', 'None. One that holds a loop longer than 100 ms is named here, with its stack.'));
    slowCard.hidden = !!now && now.kind !== 'spindle' && !slows.size;
  }

  // --- goroutines ---

  let dumped = null;
  async function dump(b) {
    b.disabled = true;
    const answer = await post('dash/goroutines').catch(() => null);
    b.disabled = false;
    if (await window.spindle.failed(answer)) return;
    dumped = await answer.json();
    dumpNote.textContent = number(dumped.goroutines) + ' in ' + number(dumped.groups.length + dumped.left_out) + (dumped.groups.length === 1 ? ' group, at ' : ' groups, at ') + clock(Date.now());
    drawGroups();
  }
  function drawGroups() {
    find.hidden = !dumped;
    if (!dumped) {
      dumpNote.textContent = '';
      groups.replaceChildren(el('li', 'none', 'What each goroutine does, those of the same stack together. The program stands still while the dump is taken: some milliseconds if there are thousands.'));
      return;
    }
    const words = find.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const text = g => (g.states.join(' ') + ' ' + g.stack.concat(g.made || []).map(f => f.function + ' ' + f.file).join(' ')).toLowerCase();
    const list = dumped.groups.filter(g => words.every(w => text(g).includes(w)));
    groups.replaceChildren(...list.map((g, i) => {
      const d = el('details', g.own ? 'own' : '', el('summary', '', el('b', '', number(g.count) + ' ×'), el('code', '', stackTop(g.stack)),
        el('small', '', g.states.slice(0, 3).join(', ') + (g.minutes ? ', up to ' + number(g.minutes) + ' min' : ''))));
      d.append(stackOf(g.stack));
      if (g.made) d.append(el('p', 'made', 'started by'), stackOf([g.made]));
      d.append(el('p', 'made', (g.ids.length < g.count ? 'goroutines ' + g.ids.join(', ') + ' …' : 'goroutine ' + g.ids.join(', '))));
      return el('li', '', d);
    }));
    if (!list.length) groups.append(el('li', 'none', 'No goroutine matches the filter.'));
  }

  // --- what is asked for ---

  async function askLevel() {
    const answer = await fetch(base + 'dash/level', { cache: 'no-store' }).catch(() => null);
    levelLabel.hidden = !answer || !answer.ok;
    if (!levelLabel.hidden) showLevel(await answer.json());
  }
  function showLevel(v) {
    levelLabel.firstChild.textContent = v.of === 'program' ? 'Log level ' : 'Log level of the development server ';
    levelLabel.title = v.why || 'Of the program: slog.SetLogLoggerLevel, and site.LogLevel';
    if (![...level.options].some(o => o.value === v.level)) level.append(new Option(v.level.toLowerCase(), v.level));
    level.value = v.level;
  }
  level.addEventListener('change', async () => {
    const answer = await post('dash/level?to=' + level.value).catch(() => null);
    if (!await window.spindle.failed(answer)) showLevel(await answer.json());
  });
  async function collect(b) {
    b.disabled = true;
    const before = now && now.process ? now.process.heap : 0;
    const answer = await post('dash/gc').catch(() => null);
    b.disabled = false;
    if (await window.spindle.failed(answer)) return;
    const after = (await answer.json()).heap;
    window.spindle.toast('The heap has ' + bytes(after) + (before > after ? ', ' + bytes(before - after) + ' less' : ''));
  }

  drawSlow();
  drawGroups();
})();
