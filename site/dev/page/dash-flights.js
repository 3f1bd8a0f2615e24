// The view of slow and failed requests: what the program did in its last seconds, read from a
// trace of its execution.
(() => {
  'use strict';
  const { base, source, post, el, bytes, clock, time } = window.spindle;
  const main = document.getElementById('flights');
  const count = el('span', 'count'), rows = el('ul', 'picks'), sheet = el('section', 'card sheet');
  main.append(el('div', 'two', el('section', 'card', el('div', 'bar', el('h2', '', 'Slow and failed'), count), el('div', 'scroll', rows)), sheet));
  let all = null, at = 0, shown = 0;

  const ns = n => time(n / 1000 < 10 ? Math.round(n / 10) / 100 : Math.round(n / 1000));
  const get = async path => {
    const answer = await fetch(base + path, { cache: 'no-store' }).catch(() => null);
    return answer && answer.ok ? answer.json() : null;
  };
  // place is a line of the source, which the editor opens.
  function place(f) {
    const a = el('a', 'place', f.file.split('/').slice(-2).join('/') + ':' + f.line);
    a.href = '#';
    a.title = f.file + ':' + f.line;
    a.addEventListener('click', e => { e.preventDefault(); post('open?' + new URLSearchParams({ file: f.file, line: f.line, column: 1 })); });
    return a;
  }
  window.spindle.place = place;
  window.spindle.ns = ns;

  const here = () => window.spindle.view() === 'flights';
  source.addEventListener('flights', e => { all = JSON.parse(e.data); if (here()) draw(); });
  source.addEventListener('open', look);
  source.addEventListener('news', e => { if (here() && (!all || all.off) && e.data.includes('"state"')) look(); });
  addEventListener('spindle-view', () => { if (here()) look(); });
  addEventListener('hashchange', pick);
  function pick() {
    const m = /^#flights-(\d+)$/.exec(location.hash);
    if (m && Number(m[1]) !== at) { at = Number(m[1]); if (all) draw(); }
  }
  async function look() {
    if (!here()) return;
    all = await get('flights') || all;
    if (all) draw();
  }

  function draw() {
    const list = all.flights;
    count.textContent = list.length ? 'last ' + list.length + (all.missed ? ', ' + all.missed + ' came too soon' : '') : '';
    if (!list.some(f => f.id === at)) at = list.length ? list[list.length - 1].id : 0;
    rows.replaceChildren(...list.slice().reverse().map(f => {
      const b = el('button', '', el('span', 'where', f.method + ' ' + f.target), el('small', /^answered 5|no answer/.test(f.why) ? 'bad' : '', f.why), el('small', '', clock(f.at) + ' · generation ' + f.gen + ' · ' + bytes(f.size)));
      b.type = 'button';
      if (f.id === at) b.setAttribute('aria-current', 'true');
      b.addEventListener('click', () => { location.hash = 'flights-' + f.id; });
      return el('li', '', b);
    }));
    if (!at) { shown = 0; nothing(); } else if (at !== shown) show(at);
  }
  function nothing() {
    const words = all.off ? [el('b', '', 'The last seconds are not recorded'), el('p', '', all.off)] :
      [el('b', '', 'Nothing was slow, and nothing has failed'), el('p', '', 'The program records what it does all the time. When an answer takes longer than ' + all.slow + ' ms to begin, or is an error of the 500s, the last seconds are kept here: who waited for what, pauses, and a file for go tool trace.')];
    sheet.replaceChildren(el('div', 'nothing', ...words));
  }

  async function show(id) {
    shown = id;
    sheet.replaceChildren(el('p', 'working', el('span', 'dot'), 'Reading the trace …'));
    const v = await get('flights/' + id);
    if (id !== shown) return;
    if (!v) { sheet.replaceChildren(el('p', '', 'This trace is not kept any more.')); return; }
    const load = el('a', 'button', 'Download');
    load.href = base + 'flights/' + id + '/trace.out';
    load.download = 'trace-' + id + '.out';
    const acts = el('div', 'sheet-acts', load);
    if (v.request) {
      const a = el('a', 'button plain', 'The request');
      a.href = '#request-' + v.request;
      acts.append(a);
    }
    const head = el('div', '', el('h2', '', v.method + ' ' + v.target), el('p', '', v.why + ' · ' + clock(v.at) + ' · generation ' + v.gen));
    const how = el('p', '', 'The whole trace: ', el('code', '', 'go tool trace ' + v.path));
    const parts = v.summary ? summary(v.summary, v) : [el('p', '', v.failed)];
    sheet.replaceChildren(head, acts, ...parts, how);
    sheet.dataset.ready = id;
  }

  const section = (title, ...more) => el('section', '', el('h3', '', title), ...more);
  function fact(value, label) { return el('p', '', el('b', '', value), el('span', '', label)); }
  function summary(s, v) {
    const span = s.span, paused = s.pauses ? s.pauses.reduce((n, p) => n + p.took, 0) : 0;
    const longest = (s.pauses || []).reduce((n, p) => Math.max(n, p.took), 0);
    const out = [el('div', 'facts', fact(ns(span), 'recorded'), fact(String(s.goroutines), 'goroutines'), fact((s.running / span).toFixed(s.running < span * 10 ? 2 : 0), 'processors busy'),
      fact(String((s.gc || []).length), 'collections'), fact(ns(longest), 'longest pause'), fact(ns(paused), 'paused in all'))];
    const requests = s.requests || [], mine = which(requests, v);
    if (mine) out.push(...request(mine, s));
    if (requests.length) out.push(section('Requests in these seconds', timeline(requests, mine, s)));
    else out.push(el('p', '', 'No request is in the trace: a program of net/http notes them if it is built with --witness, or its handler wrapped by report.Handler.'));
    if (s.longest) out.push(section('What goroutines waited for longest', waits(s.longest)));
    if (s.busiest) out.push(section('Busiest goroutines', bars(s.busiest.filter(g => g.running), g => [(g.name || 'goroutine') + ' #' + g.id, g.running])));
    return out;
  }
  // which is the request that this is about: by its number, else the longest of its name.
  function which(list, v) {
    const name = v.method + ' ' + v.target.split('?')[0];
    return list.find(r => v.number && r.number === v.number) || list.filter(r => r.what === name).sort((a, b) => b.took - a.took)[0];
  }
  function request(r, s) {
    const waited = (r.waits || []).reduce((n, w) => n + (w.why === 'in a system call' ? 0 : w.took), 0);
    const known = [['run', 'ran', r.running], ['ready', 'could have run', r.ready], ['sys', 'in system calls', r.system], ['wait', 'waited', waited]];
    const sum = known.reduce((n, k) => n + k[2], 0), rest = Math.max(0, r.took - sum);
    const split = el('div', 'split'), legend = el('div', 'legend');
    for (const [kind, label, n] of known) {
      const i = el('i', 'k-' + kind);
      i.style.flexGrow = String(n);
      i.title = label + ' ' + ns(n);
      if (n) split.append(i);
      legend.append(el('span', '', el('i', 'k-' + kind), label + ' ' + ns(n)));
    }
    const other = el('i');
    other.style.flexGrow = String(rest);
    split.append(other);
    if (rest > r.took / 100) legend.append(el('span', '', 'elsewhere, or later ' + ns(rest)));
    const parts = [section('This request: ' + ns(r.took) + (r.open ? ', and more outside of the trace' : ''), split, legend)];
    if (r.waits && r.waits.length) parts.push(section('What it waited for', waits(r.waits)));
    return parts;
  }
  function waits(list) {
    return el('ul', 'waits', ...list.map(w => {
      const stack = w.stack || [], top = stack.find(f => f.own) || stack[0];
      const d = el('details', '', el('summary', '', el('b', '', ns(w.took)), el('span', '', w.why), el('span', 'at', top ? top.function.split('/').pop() : 'goroutine ' + w.goroutine)),
        el('ol', 'stack', ...calls(stack)));
      return el('li', '', d);
    }));
  }
  // calls is a stack: what is developed, and what that has called; the rest is folded.
  function calls(stack) {
    const row = f => el('li', f.own ? 'own' : '', f.function.split('/').pop(), el('small', '', place(f)));
    const last = stack.findLastIndex(f => f.own) + 1 || 6, rest = stack.slice(last);
    const list = stack.slice(0, last).map(row);
    if (rest.length < 3) return list.concat(rest.map(row));
    const more = el('button', 'fold', '⋯ ' + rest.length + ' calls of libraries');
    more.type = 'button';
    const li = el('li', '', more);
    more.addEventListener('click', () => li.replaceWith(...rest.map(row)));
    return list.concat(li);
  }
  function bars(list, of) {
    const most = Math.max(1, ...list.map(x => of(x)[1]));
    return el('div', 'bars', ...list.map(x => {
      const [name, n] = of(x), i = el('i');
      i.style.width = n / most * 100 + '%';
      const label = el('span', '', name.split('/').pop());
      label.title = name;
      return el('div', 'bar-row', label, el('span', 'track', i), el('span', '', ns(n)));
    }));
  }
  // timeline draws when each request was, and its parts; the collector's cycles lie behind.
  function timeline(list, mine, s) {
    const shown = list.slice(-30);
    if (mine && !shown.includes(mine)) shown.unshift(mine);
    return el('div', 'bars', ...shown.map(r => {
      const track = el('span', 'track');
      const bar = (from, took, kind, title) => {
        const i = el('i', kind);
        i.style.left = from / s.span * 100 + '%';
        i.style.width = took / s.span * 100 + '%';
        i.title = title;
        track.append(i);
      };
      bar(r.at, r.took, '', ns(r.took));
      for (const p of r.parts) bar(p.at, p.took, 'part', (p.what || 'a part') + ' ' + ns(p.took));
      const label = el('span', '', r.what);
      label.title = r.what;
      return el('div', 'bar-row' + (r === mine ? ' this' : ''), label, track, el('span', '', ns(r.took)));
    }));
  }

  pick();
  look();
})();
