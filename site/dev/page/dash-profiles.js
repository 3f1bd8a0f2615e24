// The view of profiles: a request is sent again and again while the program notes what its
// CPU does and what it allocates; shown as a flame and as a table.
(() => {
  'use strict';
  const { base, source, post, el, bytes, number, clock, say, ns, place } = window.spindle;
  const main = document.getElementById('profiles');
  const count = el('span', 'count'), rows = el('ul', 'picks'), sheet = el('section', 'card sheet');
  main.append(el('div', 'two', el('section', 'card', el('div', 'bar', el('h2', '', 'Profiles'), count), el('div', 'scroll', rows)), sheet));
  let list = [], at = 0, shown = '', kind = 'cpu';

  const here = () => window.spindle.view() === 'profiles';
  const get = async path => {
    const answer = await fetch(base + path, { cache: 'no-store' }).catch(() => null);
    return answer && answer.ok ? answer.json() : null;
  };
  source.addEventListener('profiles', e => { list = JSON.parse(e.data); if (here()) draw(); });
  source.addEventListener('open', look);
  addEventListener('spindle-view', () => { if (here()) look(); });
  addEventListener('hashchange', pick);
  function pick() {
    const m = /^#profiles-(\d+)$/.exec(location.hash);
    if (m && Number(m[1]) !== at) { at = Number(m[1]); draw(); }
  }
  async function look() {
    if (!here()) return;
    list = await get('profiles') || list;
    draw();
  }

  // The button of the page of a request.
  addEventListener('spindle-request', e => {
    const v = e.detail;
    if (!v.whole) return;
    const b = el('button', 'plain', 'Profile');
    b.type = 'button';
    b.id = 'd-profile';
    b.title = 'Send it again and again for three seconds, and see what it costs';
    b.addEventListener('click', async () => {
      b.disabled = true;
      const answer = await post('profiles?request=' + v.id).catch(() => null);
      b.disabled = false;
      const made = answer && answer.ok ? await answer.json() : { error: 'It could not be begun.' };
      if (made.error) { say(made.error, true); return; }
      location.hash = 'profiles-' + made.id;
    });
    document.getElementById('d-acts').append(b);
  });

  const states = { starting: 'begins …', sending: 'is sent again and again …', reading: 'is being read …', done: '', failed: 'failed' };
  function draw() {
    count.textContent = list.length ? 'last ' + list.length : '';
    if (!list.some(p => p.id === at)) at = list.length ? list[list.length - 1].id : 0;
    rows.replaceChildren(...list.slice().reverse().map(p => {
      const b = el('button', '', el('span', 'where', p.method + ' ' + p.target), el('small', p.state === 'failed' ? 'bad' : '', clock(p.at) + ' · ' + (states[p.state] || number(p.times) + ' times')));
      b.type = 'button';
      if (p.id === at) b.setAttribute('aria-current', 'true');
      b.addEventListener('click', () => { location.hash = 'profiles-' + p.id; });
      return el('li', '', b);
    }));
    const p = list.find(p => p.id === at);
    if (!p) {
      shown = '';
      sheet.replaceChildren(el('div', 'nothing', el('b', '', 'No profile was made yet'), el('p', '', 'Open a request of the overview and press Profile: it is sent again and again for three seconds while the program notes where its time and its memory go.')));
      return;
    }
    const key = p.id + p.state;
    if (key === shown) return;
    shown = key;
    if (p.state === 'done') show(p.id, key);
    else if (p.state === 'failed') sheet.replaceChildren(el('h2', '', p.method + ' ' + p.target), el('p', '', p.why));
    else sheet.replaceChildren(el('h2', '', p.method + ' ' + p.target), el('p', 'working', el('span', 'dot'), 'It ' + states[p.state]));
  }

  async function show(id, key) {
    const v = await get('profiles/' + id);
    if (key !== shown) return;
    if (!v) { sheet.replaceChildren(el('p', '', 'This profile is not kept any more.')); return; }
    const link = (name, label) => {
      const a = el('a', 'button plain', label);
      a.href = base + 'profiles/' + id + '/' + name;
      a.download = 'profile-' + id + '-' + name;
      return a;
    };
    const parts = [el('div', '', el('h2', '', v.method + ' ' + v.target), el('p', '', 'Sent ' + number(v.times) + ' times in ' + window.spindle.time(v.took) + (v.failed ? ', ' + number(v.failed) + ' of them failed' : '') + ', one after the other.'))];
    if (!v.summary) { sheet.replaceChildren(...parts, el('p', '', v.why)); return; }
    const s = v.summary, n = v.times || 1;
    const fact = (value, label) => el('p', '', el('b', '', value), el('span', '', label));
    parts.push(el('div', 'facts', fact(ns(s.cpu.total / n), 'CPU for each'), fact(bytes(Math.round(s.bytes.total / n)), 'allocated for each'), fact(number(Math.round(s.objects.total / n)), 'objects for each'), fact(number(Math.round(v.times / v.took * 1e6)), 'requests/s')));
    parts.push(el('div', 'sheet-acts', link('cpu.pprof', 'CPU profile'), link('allocs.pprof', 'Allocations')));
    const choice = el('span', 'choice'), body = el('div', 'sheet-body');
    for (const [name, label] of [['cpu', 'CPU'], ['bytes', 'Bytes'], ['objects', 'Objects']]) {
      const b = el('button', '', label);
      b.type = 'button';
      b.addEventListener('click', () => { kind = name; turn(); });
      b.dataset.kind = name;
      choice.append(b);
    }
    const turn = () => {
      for (const b of choice.children) b.setAttribute('aria-pressed', b.dataset.kind === kind);
      body.replaceChildren(...views(s[kind], n));
    };
    parts.push(el('div', '', choice), body);
    parts.push(el('p', '', 'All that the program did in this time counts. What is developed is built without optimisation so that panics show variables; spindle dev --locals=false builds it as for production. ', el('code', '', 'go tool pprof -http=: ' + v.base + '.cpu')));
    sheet.replaceChildren(...parts);
    turn();
    sheet.dataset.ready = id;
  }

  const units = { cpu: ns, bytes: n => bytes(Math.round(n)), objects: n => number(Math.round(n)) };
  function views(view, times) {
    if (!view.total) return [el('p', '', kind === 'cpu' ? 'Too little to be noted: the CPU is looked at 100 times a second.' : 'Nothing was noted.')];
    return [flame(view), el('h3', '', 'Functions'), table(view, times)];
  }
  const short = name => name.split('/').pop();

  // flame draws calls as bars below those that have made them; a click turns to one.
  function flame(view) {
    const box = el('div', 'flame'), high = 18, unit = units[kind];
    let top = view.flame;
    const path = new Map(); // to the one above
    (function up(node) { for (const c of node.children || []) { path.set(c, node); up(c); } })(view.flame);
    function bar(node, left, wide, row, className) {
      const name = node.function ? short(node.function) : 'all';
      const b = el('div', className, wide > 2 ? name : '');
      b.tabIndex = 0;
      b.style.left = left + '%';
      b.style.width = wide + '%';
      b.style.top = row * high + 'px';
      b.title = (node.function || 'all') + '\n' + unit(node.value) + ', ' + (node.value / view.total * 100).toFixed(1) + ' %' + (node.file ? '\n' + node.file + ':' + node.line : '');
      const go = () => { top = node; paint(); };
      b.addEventListener('click', go);
      b.addEventListener('keydown', e => { if (e.key === 'Enter') go(); });
      box.append(b);
    }
    const classOf = n => !n.function ? 'root' : n.own ? 'own' : /^(runtime|syscall|internal)[./]/.test(n.function) ? '' : 'lib';
    function paint() {
      box.replaceChildren();
      const above = [];
      for (let n = path.get(top); n; n = path.get(n)) above.unshift(n);
      above.forEach((n, i) => bar(n, 0, 100, i, 'faint ' + classOf(n)));
      let deepest = 0;
      (function down(node, left, row) {
        deepest = Math.max(deepest, row);
        bar(node, left, node.value / top.value * 100, row, classOf(node));
        let at = left;
        for (const c of node.children || []) {
          const wide = c.value / top.value * 100;
          if (wide > .15) down(c, at, row + 1);
          at += wide;
        }
      })(top, 0, above.length);
      box.style.height = (deepest + 1) * high + 'px';
    }
    paint();
    return box;
  }

  function table(view, times) {
    const unit = units[kind], cell = n => {
      const td = el('td', 'num', unit(n / times));
      td.style.setProperty('--part', (n / view.total * 100).toFixed(1) + '%');
      td.title = (n / view.total * 100).toFixed(1) + ' % of all';
      return td;
    };
    const rows = view.rows.map(r => {
      const td = el('td', r.own ? 'own' : '', short(r.function));
      td.title = r.function;
      if (r.file && r.line) td.append(el('small', '', place(r)));
      return el('tr', '', cell(r.flat), cell(r.cum), td);
    });
    return el('table', 'costs', el('thead', '', el('tr', '', el('th', 'num', 'Itself'), el('th', 'num', 'With calls'), el('th', '', 'Function'))), el('tbody', '', ...rows));
  }

  pick();
  look();
})();
