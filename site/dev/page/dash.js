// The dashboard: it takes all that is kept when it begins, and then what is new. However
// much comes, it draws once a frame, and no more rows than the lists have.
(() => {
  'use strict';
  const base = '/__spindle__/', token = document.querySelector('meta[name=spindle-token]').content;
  const $ = id => document.getElementById(id);
  const mostRequests = 200, mostLines = 500, mostBuilds = 50, span = 300;
  let state = null, requests = [], lines = [], builds = [], seconds = [], lastSecond = 0, ahead = 0, gone = true;
  let lastRequest = 0, lastLine = 0, lastBuild = 0, freshLines = [], dirty = new Set(), drawing = 0;

  // --- what comes ---

  const source = new EventSource(base + 'dash/events');
  let early = null; // news that come before all that is kept
  source.onopen = () => { early = []; begin(); };
  source.onerror = () => { gone = true; draw('state'); };
  source.addEventListener('news', e => {
    const news = JSON.parse(e.data);
    if (early) early.push(news); else take(news);
  });
  addEventListener('pagehide', () => source.close());
  addEventListener('pageshow', e => { if (e.persisted) location.reload(); });

  async function begin() {
    const answer = await fetch(base + 'dash/state', { cache: 'no-store' }).catch(() => null);
    if (!answer || !answer.ok) { setTimeout(begin, 1000); return; }
    const all = await answer.json();
    forget();
    gone = false;
    take(all);
    const waiting = early || [];
    early = null;
    waiting.forEach(take);
  }

  function forget() {
    requests = []; lines = []; builds = []; seconds = [];
    lastRequest = lastLine = lastBuild = lastSecond = 0;
    freshLines = [];
    $('log').replaceChildren();
    draw('requests', 'log', 'builds', 'graph');
  }

  function take(news) {
    ahead = news.now - Date.now();
    if (news.cleared) {
      requests = []; lines = []; builds = []; freshLines = [];
      $('log').replaceChildren();
      draw('requests', 'log', 'builds');
    }
    if (news.state) state = news.state;
    const fresh = (news.requests || []).filter(r => r.id > lastRequest);
    if (fresh.length) {
      lastRequest = fresh[fresh.length - 1].id;
      requests = requests.concat(fresh).slice(-mostRequests);
      draw('requests');
    }
    const said = (news.lines || []).filter(l => l.id > lastLine);
    if (said.length) {
      lastLine = said[said.length - 1].id;
      lines = lines.concat(said).slice(-mostLines);
      freshLines = freshLines.concat(said).slice(-mostLines);
      draw('log');
    }
    const built = (news.builds || []).filter(b => b.id > lastBuild);
    if (built.length) {
      lastBuild = built[built.length - 1].id;
      builds = builds.concat(built).slice(-mostBuilds);
      draw('builds');
    }
    if (news.seconds) takeSeconds(Math.floor(news.now / 1000), news.seconds);
    draw('state', 'graph');
    dispatchEvent(new CustomEvent('spindle-news', { detail: news })); // for the files of the views
  }

  // takeSeconds puts the last seconds, up to now, in their places.
  function takeSeconds(now, list) {
    const gap = lastSecond ? now - lastSecond : span;
    for (let i = 0; i < Math.min(gap, span); i++) seconds.push([0, 0]);
    seconds = seconds.slice(-span);
    lastSecond = now;
    for (let i = 0; i < list.length; i++) {
      const at = seconds.length - list.length + i;
      if (at >= 0) seconds[at] = list[i];
    }
  }

  // --- drawing ---

  function draw(...what) {
    what.forEach(w => dirty.add(w));
    drawing = drawing || requestAnimationFrame(() => {
      drawing = 0;
      const now = dirty;
      dirty = new Set();
      if (now.has('state')) drawState();
      if (now.has('requests')) drawRequests();
      if (now.has('builds')) drawBuilds();
      if (now.has('log')) drawLog();
      if (now.has('graph')) drawGraph();
    });
  }

  function el(name, className, ...children) {
    const e = document.createElement(name);
    if (className) e.className = className;
    e.append(...children);
    return e;
  }

  const number = n => n.toLocaleString('en');
  function bytes(n) {
    if (n < 1000) return n + ' B';
    for (const unit of ['kB', 'MB', 'GB']) { n /= 1000; if (n < 999.5) return (n < 10 ? n.toFixed(1) : Math.round(n)) + ' ' + unit; }
    return Math.round(n) + ' TB';
  }
  function time(us) {
    if (us < 1000) return us + ' µs';
    if (us < 1e6) return (us / 1000).toFixed(us < 1e4 ? 1 : 0) + ' ms';
    return (us / 1e6).toFixed(us < 1e7 ? 2 : 1) + ' s';
  }
  function ago(ms) {
    const s = Math.max(0, Math.round((Date.now() + ahead - ms) / 1000));
    if (s < 60) return s + ' s';
    if (s < 3600) return Math.floor(s / 60) + ' min ' + s % 60 + ' s';
    return Math.floor(s / 3600) + ' h ' + Math.floor(s % 3600 / 60) + ' min';
  }
  const clock = ms => new Date(ms).toTimeString().slice(0, 8);
  const text = (id, s) => { const e = $(id); if (e.textContent !== s) e.textContent = s; };
  const label = (id, s) => { const e = $(id).firstElementChild; if (e.textContent !== s) e.textContent = s; }; // of a button

  const phases = { running: 'Running', building: 'Building …', starting: 'Starting …', failed: 'Failed', nothing: 'Nothing runs yet', stopped: 'Stopped' };

  function drawState() {
    const p = $('phase');
    if (gone || !state) {
      p.dataset.phase = 'gone';
      text('phase-text', state ? 'The development server is gone' : 'Connecting …');
      return;
    }
    const s = state;
    p.dataset.phase = s.phase;
    const words = [el('b', '', s.paused ? 'Paused' : phases[s.phase] || s.phase)];
    if (s.gen) words.push(' · generation ' + s.gen);
    if (s.up) words.push(' · up ' + ago(s.up));
    if (s.old) words.push(' · ' + s.old + ' old ' + (s.old > 1 ? 'end' : 'ends'));
    const line = el('span', '', ...words);
    if ($('phase-text').textContent !== line.textContent) $('phase-text').replaceChildren(...line.childNodes);
    const name = s.what.split(/[\\/ ]/).filter(Boolean).pop() || 'Spindle';
    text('what', s.what);
    $('what').title = s.what;
    document.title = (s.phase === 'failed' ? '✗ ' : s.paused ? '‖ ' : '') + name + ' · Spindle';
    $('pause').firstChild.textContent = s.paused ? 'Resume ' : 'Pause ';
    label('stop', s.stopped ? 'Start' : 'Stop');
    $('stop').title = s.stopped ? 'Start the program (s)' : 'Stop the program: none is started until you say so (s)';
    drawFailure(s);
    text('total', number(s.total));
    text('errors', number(s.errors));
    $('errors').className = s.errors ? 'bad' : '';
    text('inhand', number(s.in_hand));
    text('open', s.open < 0 ? '–' : number(s.open));
    const last = seconds.length > 1 ? seconds[seconds.length - 2][0] : 0;
    text('rate', number(last));
    text('peak', number(seconds.reduce((m, x) => Math.max(m, x[0]), 0)));
    const rows = [];
    const process = (title, memory, more) => rows.push(el('div', '', el('dt', '', title), el('dd', 'mem', memory ? bytes(memory) : ''), el('dd', '', more)));
    if (s.pid) process('Program, generation ' + s.gen, s.memory, 'pid ' + s.pid + ' · up ' + ago(s.up));
    else if (s.gen) process('Program, generation ' + s.gen, 0, 'in this process · up ' + ago(s.up));
    process('Development server', s.own_memory, 'pid ' + s.own_pid + ' · up ' + ago(s.own_up));
    $('processes').replaceChildren(...rows);
  }

  let shownFailure = '';
  function drawFailure(s) {
    $('failed').hidden = !s.failed;
    if (s.failed === shownFailure) return;
    shownFailure = s.failed || '';
    text('failed-title', shownFailure);
    text('failed-more', s.gen ? 'Generation ' + s.gen + ' answers until the next save works.' : 'Nothing answers until the next save works.');
    draw('builds');
    if (!$('failed-page').hidden) showFailure(true);
  }
  async function showFailure(open) {
    $('failed-page').hidden = !open;
    $('failed-show').textContent = open ? 'Hide' : 'Show';
    $('failed-show').setAttribute('aria-expanded', open);
    if (!open) return;
    const answer = await fetch(base + 'failure', { headers: { Accept: 'text/html' } }).catch(() => null);
    if (!answer || answer.status !== 200) return;
    const doc = new DOMParser().parseFromString(await answer.text(), 'text/html'); // escaped by the server, and no script of it runs
    $('failed-page').replaceChildren(...doc.body.childNodes);
  }
  $('failed-show').addEventListener('click', () => showFailure($('failed-page').hidden));
  $('failed-page').addEventListener('click', e => {
    const place = e.target.closest('[data-file]');
    if (place) {
      e.preventDefault();
      const d = place.dataset;
      post('open?' + new URLSearchParams({ file: d.file, line: d.line, column: d.column }));
    } else if (e.target.closest('[data-restart]')) act('restart');
  });

  const rows = new Map(); // of requests, by number
  let filter = '';
  function matches(r) {
    return filter.split(/\s+/).every(word => {
      if (!word) return true;
      const not = word[0] === '-' && word.length > 1;
      const w = not ? word.slice(1) : word;
      let is;
      if (/^[1-5]xx$/.test(w)) is = String(r.status)[0] === w[0];
      else if (/^\d{3}$/.test(w)) is = String(r.status) === w || r.target.includes(w);
      else if (w === 'hints') is = r.hint_count > 0;
      else if (w.startsWith('gen:')) is = String(r.gen) === w.slice(4);
      else is = r.target.toLowerCase().includes(w) || r.method.toLowerCase() === w;
      return is !== not;
    });
  }

  function requestRow(r) {
    const tr = el('tr', 's' + (r.lost ? 0 : Math.floor(r.status / 100)));
    tr.tabIndex = 0;
    tr.dataset.id = r.id;
    const target = el('td', 'target');
    if (r.again) target.append(el('span', 'again', '↻'));
    if (r.hint_count) target.append(el('span', 'hints-count', String(r.hint_count))); // dash-hints.js
    target.append(r.target);
    target.title = r.target;
    tr.append(el('td', 'status', r.lost ? 'cut' : String(r.status)), el('td', '', r.method), target,
      el('td', 'num' + (r.took > 5e5 ? ' slow' : ''), time(r.took)), el('td', 'num', bytes(r.bytes)), el('td', 'num', String(r.gen || '–')), el('td', 'num', clock(r.at)));
    if (r.lost) tr.title = r.lost;
    return tr;
  }

  function drawRequests() {
    const shown = filter ? requests.filter(matches) : requests;
    const body = $('requests'), want = new Set(shown.map(r => r.id));
    for (const [id, row] of rows) if (!want.has(id)) { row.remove(); rows.delete(id); }
    let before = null;
    for (const r of shown) { // oldest first: each goes on top of the one before
      let row = rows.get(r.id);
      if (!row) {
        row = requestRow(r);
        rows.set(r.id, row);
        body.insertBefore(row, before);
      }
      before = row;
    }
    $('no-requests').hidden = shown.length > 0;
    if (requests.length && !shown.length) $('no-requests').textContent = 'No request matches the filter.';
    text('count', filter ? shown.length + ' of ' + requests.length : shown.length ? 'last ' + shown.length : '');
  }

  const steps = { change: 'Change', built: 'Built', ready: 'Ready', failed: 'Failed', exit: 'Ended', stopped: 'Old one stopped', command: 'Check', notice: 'Notice' };
  function drawBuilds() {
    $('builds').replaceChildren(...builds.slice().reverse().map(b => {
      const what = el('div', '', el('b', '', steps[b.kind] || b.kind));
      if (b.kind === 'failed' && state && state.failed && b === builds.findLast(x => x.kind === 'failed')) {
        const go = el('button', '', 'Failed'); // it is what is shown above
        go.type = 'button';
        go.addEventListener('click', () => { showFailure(true); scrollTo({ top: 0, behavior: 'smooth' }); });
        what.replaceChildren(go);
      }
      if (b.bad) {
        const go = el('a', '', 'Fault');
        go.href = base + 'checked';
        go.target = '_blank';
        what.replaceChildren(go);
      }
      const more = [];
      if (b.kind === 'ready' || b.kind === 'stopped' || b.kind === 'exit') more.push('generation ' + b.gen);
      if (b.kind === 'built' && b.cached) more.push('cached');
      if (b.took) more.push(time(b.took * 1000));
      if (b.text) more.push(b.text);
      what.append(el('span', '', ' ' + more.join(' · ')));
      if (b.place) what.append(el('small', '', b.place));
      return el('li', b.kind === 'failed' || b.kind === 'exit' || b.bad ? 'failed-step' : b.kind, el('time', '', clock(b.at)), what);
    }));
    if (!builds.length) $('builds').append(el('li', '', el('span', ''), el('span', '', 'Nothing since the lists were cleared.')));
  }

  function drawLog() {
    const log = $('log');
    if (!freshLines.length && !lines.length) { log.replaceChildren(); }
    const add = document.createDocumentFragment();
    for (const l of freshLines) {
      const row = el('div', l.err ? 'err' : '', el('span', 'when', clock(l.at) + (l.gen ? '  ' + l.gen : '')));
      if (l.name) row.append(el('span', 'name', l.name));
      const said = el('span', '');
      said.innerHTML = l.html; // escaped by the server: colours are all the markup it has
      row.append(said);
      add.append(row);
    }
    freshLines = [];
    log.append(add);
    while (log.childElementCount > mostLines) log.firstElementChild.remove();
    if ($('follow').checked) log.scrollTop = log.scrollHeight;
    text('log-count', lines.length ? 'last ' + lines.length + (lines.length === 1 ? ' line' : ' lines') : 'nothing was printed yet');
  }
  $('log').addEventListener('wheel', e => { if (e.deltaY < 0) $('follow').checked = false; }, { passive: true });
  $('follow').addEventListener('change', () => draw('log'));

  // drawGraph draws a bar for each second; the part of errors is at its foot.
  const canvas = $('graph');
  function drawGraph() {
    const box = canvas.getBoundingClientRect(), scale = devicePixelRatio || 1;
    const w = box.width, h = box.height, foot = 16, side = 34;
    if (!w) return;
    if (canvas.width !== Math.round(w * scale) || canvas.height !== Math.round(h * scale)) { canvas.width = Math.round(w * scale); canvas.height = Math.round(h * scale); }
    const g = canvas.getContext('2d'), css = getComputedStyle(document.documentElement), colour = name => css.getPropertyValue(name).trim();
    g.setTransform(scale, 0, 0, scale, 0, 0);
    g.clearRect(0, 0, w, h);
    const top = niceTop(seconds.reduce((m, x) => Math.max(m, x[0]), 0));
    g.font = '11px ' + getComputedStyle(document.body).fontFamily;
    g.fillStyle = colour('--soft');
    g.strokeStyle = colour('--line');
    g.lineWidth = 1;
    g.textAlign = 'right';
    g.textBaseline = 'middle';
    for (const part of [0, .5, 1]) {
      const y = Math.round(6 + (h - foot - 6) * (1 - part)) + .5;
      g.beginPath(); g.moveTo(side, y); g.lineTo(w, y); g.stroke();
      g.fillText(short(top * part), side - 7, y);
    }
    g.textBaseline = 'alphabetic';
    const step = (w - side) / span;
    for (let m = 1; m < 5; m++) { if (w < 520 && m % 2) continue; g.textAlign = 'center'; g.fillText('−' + (5 - m) + ' min', side + m * 60 * step, h - 2); }
    g.textAlign = 'left'; g.fillText('−5 min', side, h - 2);
    g.textAlign = 'right'; g.fillText('now', w, h - 2);
    const all = colour('--bars'), bad = colour('--bad');
    for (let i = 0; i < seconds.length; i++) {
      const [n, failed] = seconds[i];
      if (!n) continue;
      const x = side + (span - seconds.length + i) * step, wide = Math.max(step - (step > 3 ? 1 : 0), 1);
      const tall = Math.max(n / top * (h - foot - 6), 1.5), worse = failed ? Math.max(failed / top * (h - foot - 6), 2.5) : 0;
      g.fillStyle = all;
      g.fillRect(x, h - foot - tall, wide, tall);
      if (worse) { g.fillStyle = bad; g.fillRect(x, h - foot - worse, wide, worse); }
    }
  }
  function niceTop(n) {
    if (n <= 4) return 4;
    const unit = 10 ** Math.floor(Math.log10(n));
    return [1, 2, 4, 5, 10].map(k => k * unit).find(k => k >= n);
  }
  const short = n => n >= 1000 ? n / 1000 + 'k' : String(n);
  canvas.addEventListener('pointermove', e => {
    const box = canvas.getBoundingClientRect(), side = 34;
    const i = Math.floor((e.clientX - box.left - side) / ((box.width - side) / span)) - (span - seconds.length);
    const tip = $('tip'), s = seconds[i];
    tip.hidden = !s;
    if (!s) return;
    tip.textContent = clock((lastSecond - (seconds.length - 1 - i)) * 1000) + '  ' + number(s[0]) + '/s' + (s[1] ? ', ' + number(s[1]) + ' failed' : '');
    tip.style.left = Math.min(Math.max(e.clientX - box.left + 18, 70), box.width - 60) + 'px';
  });
  canvas.addEventListener('pointerleave', () => { $('tip').hidden = true; });
  new ResizeObserver(() => draw('graph')).observe(canvas);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => draw('graph'));

  // --- what is asked for ---

  const post = (path, body) => fetch(base + path, { method: 'POST', headers: { 'X-Spindle-Token': token }, body });
  async function act(name) {
    const b = $(name);
    b.disabled = true;
    const other = { pause: state && state.paused && 'resume', stop: state && state.stopped && 'start' }[name];
    await failed(await post(name === 'restart' ? name : 'dash/' + (other || name)).catch(() => null));
    b.disabled = false;
  }

  // failed tells whether what was asked for was not done, and says why not.
  async function failed(answer) {
    if (answer && answer.ok) return false;
    toast(answer ? await wordsOf(answer) : 'The development server is gone.', true);
    return true;
  }
  // wordsOf is the text of an answer that is an error.
  async function wordsOf(answer) {
    const doc = new DOMParser().parseFromString(await answer.text(), 'text/html'); // no script of it runs
    doc.querySelectorAll('style, title, script').forEach(x => x.remove());
    return doc.body.textContent.replace(/\s+/g, ' ').trim().slice(0, 300);
  }
  let toasting = 0;
  function toast(words, bad) {
    const t = $('toast');
    t.textContent = words;
    t.className = 'toast' + (bad ? ' bad' : '');
    t.hidden = false;
    clearTimeout(toasting);
    toasting = setTimeout(() => { t.hidden = true; }, bad ? 8000 : 4000);
  }
  for (const name of ['restart', 'stop', 'pause', 'clear', 'editor']) $(name).addEventListener('click', () => act(name));
  $('filter').addEventListener('input', e => { filter = e.target.value.trim().toLowerCase(); draw('requests'); });
  addEventListener('keydown', e => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const typing = e.target.closest('input:not([type=checkbox]), textarea, select');
    if (e.key === 'Escape' && e.target === $('filter')) {
      if (filter) { $('filter').value = filter = ''; draw('requests'); } else $('filter').blur();
      e.preventDefault();
      return;
    }
    if (typing || $('detail').open) return;
    const tab = /^[1-9]$/.test(e.key) && document.querySelectorAll('#views a[data-view]')[e.key - 1];
    const key = { r: () => act('restart'), s: () => act('stop'), p: () => act('pause'), c: () => act('clear'), e: () => act('editor'), '/': () => { turnTo('overview'); $('filter').focus(); } }[e.key] || tab && (() => { location.hash = tab.hash; });
    if (key) { key(); e.preventDefault(); }
    const row = e.target.closest('#requests tr');
    if (!row) return;
    const to = { ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling }[e.key];
    if (to) { to.focus(); e.preventDefault(); }
    if (e.key === 'Enter') open(row.dataset.id);
  });
  $('requests').addEventListener('click', e => {
    const row = e.target.closest('tr');
    if (row && !String(getSelection())) open(row.dataset.id);
  });

  // --- one request ---

  const detail = $('detail');
  let shown = null;
  const open = id => { location.hash = 'request-' + id; };
  function route() {
    const m = /^#request-(\d+)$/.exec(location.hash);
    if (m) { show(m[1]); return; }
    const name = /^#([a-z]+)/.exec(location.hash);
    const to = name && document.querySelector('main[data-view="' + name[1] + '"]') ? name[1] : 'overview';
    if (to !== view) turnTo(to);
    if (detail.open) detail.close();
  }
  addEventListener('hashchange', route);

  // A view is a part of the page that has a link of its own (nav.views) and a main of the
  // same name; what is in it is the affair of a file of its own, which hears of it.
  let view = 'overview';
  function turnTo(name) {
    view = name;
    for (const m of document.querySelectorAll('main[data-view]')) m.hidden = m.dataset.view !== name;
    for (const a of document.querySelectorAll('#views a[data-view]')) a.toggleAttribute('aria-current', a.dataset.view === name);
    dispatchEvent(new CustomEvent('spindle-view', { detail: name }));
  }
  detail.addEventListener('close', () => {
    if (location.hash.startsWith('#request-')) history.replaceState(null, '', view === 'overview' ? location.pathname : '#' + view);
    const row = shown && rows.get(shown.id);
    if (row) row.focus({ preventScroll: true });
  });
  detail.addEventListener('click', e => { if (e.target === detail) detail.close(); });
  $('d-close').addEventListener('click', () => detail.close());

  async function show(id) {
    const answer = await fetch(base + 'requests/' + id, { cache: 'no-store' }).catch(() => null);
    if (!answer || !answer.ok) { say('This request is not kept any more.', true); if (!detail.open) { history.replaceState(null, '', location.pathname); } return; }
    shown = await answer.json();
    drawDetail(shown);
    if (!detail.open) detail.showModal();
    detail.scrollTop = 0;
    $('d-close').focus({ preventScroll: true });
    detail.dataset.ready = id;
  }

  function say(words, bad) {
    $('d-said').textContent = words;
    $('d-said').className = 'd-said' + (bad ? ' bad' : '');
  }

  function drawDetail(v) {
    say('');
    $('d-status').textContent = v.lost ? 'Cut: ' + v.lost : v.status + ' ' + v.reason;
    $('d-status').className = 'd-status ' + (v.lost || v.status >= 500 ? 'bad' : v.status >= 400 ? 'warn' : 'ok');
    $('d-title').textContent = v.method + ' ' + v.target;
    const sub = [time(v.took), bytes(v.bytes), v.version, 'generation ' + (v.gen || '–'), 'from ' + v.client, clock(v.at)];
    $('d-sub').textContent = sub.join(' · ');
    const acts = [];
    const button = (label, f, plain) => { const b = el('button', plain ? 'plain' : '', label); b.type = 'button'; b.addEventListener('click', () => f(b)); acts.push(b); return b; };
    if (v.whole) {
      button('Send again', b => send(b)).id = 'd-send';
      if (v.can_edit) button('Edit and send', () => edit(v), true).id = 'd-edit';
      button('Copy as curl', () => copy(v.curl, 'The command is on the clipboard.'), true).id = 'd-curl';
      button('Send after each save', () => window.spindle.repeat(v), true).id = 'd-each'; // dash-repeat.js
      button('Copy as Go test', () => copy(v.test, 'The test is on the clipboard.'), true).id = 'd-test';
    }
    const ticket = (v.answer || []).find(f => f.Name.toLowerCase() === 'x-spindle-ticket');
    if (ticket) {
      const a = el('a', 'button plain', 'What went wrong');
      a.href = base + 'tickets/' + encodeURIComponent(ticket.Value);
      a.target = '_blank';
      acts.push(a);
    }
    if (v.again) button('The one before', () => open(v.again), true);
    $('d-acts').replaceChildren(...acts);
    const parts = [];
    if (v.diff || v.diff_note) parts.push(diffPart(v));
    if (v.again && !v.diff && !v.diff_note) parts.push(part('Compared', '', el('p', 'none', 'The request that this one repeats is not kept any more.'), 'wide'));
    parts.push(part('Request', v.body.size ? bytes(v.body.size) : '', [fields(v.fields), content(v.body)]));
    parts.push(part('Answer', bytes(v.content.size), [fields(v.answer), content(v.content)]));
    if (!v.whole) parts.splice(0, parts.length, part('Request', '', el('p', 'none', 'Fields and content are kept of the last 100 requests only.'), 'wide'));
    $('d-body').replaceChildren(...parts);
    dispatchEvent(new CustomEvent('spindle-request', { detail: v }));
  }

  function part(title, note, children, className) {
    return el('section', 'part ' + (className || ''), el('h3', '', title, el('span', '', note)), ...[].concat(children).filter(Boolean));
  }
  function fields(list) {
    if (!list || !list.length) return el('p', 'none', 'No fields.');
    return el('table', '', el('tbody', '', ...list.map(f => {
      const value = el('td', f.Value.includes('[masked]') ? 'masked' : '', f.Value);
      return el('tr', '', el('td', '', f.Name), value);
    })));
  }
  function content(c) {
    if (c.text) return el('pre', '', c.text);
    if (c.note) return el('p', 'none', 'The content (' + bytes(c.size) + ') is not here: ' + c.note + '.');
    return null;
  }

  // diffPart shows what differs, with three lines around it.
  function diffPart(v) {
    if (v.diff_note) return part('Compared', '', el('p', 'none', v.diff_note), 'wide');
    const d = v.diff, near = d.map((_, i) => d.slice(Math.max(0, i - 3), i + 4).some(x => x.op !== '='));
    const changed = d.filter(x => x.op !== '=').length;
    const note = time(v.again_took) + ' before, ' + time(v.took) + ' now';
    if (!changed) return part('Compared with #' + v.again, note, el('p', 'none', 'The same answer, but for its date.'), 'wide');
    const pre = el('pre', 'diff');
    for (let i = 0; i < d.length; i++) {
      if (!near[i]) {
        let j = i;
        while (j < d.length && !near[j]) j++;
        pre.append(el('div', 'fold', '⋯ ' + (j - i) + (j - i === 1 ? ' line' : ' lines') + ' the same'));
        i = j - 1;
        continue;
      }
      pre.append(el('div', { '+': 'add', '-': 'del' }[d[i].op] || '', ({ '+': '+ ', '-': '− ' }[d[i].op] || '  ') + d[i].text));
    }
    return part('Compared with #' + v.again, note, pre, 'wide');
  }

  async function send(b, draft) {
    const id = shown.id;
    b.disabled = true;
    say('Sending …');
    const answer = await post('requests/' + id + '/send', draft ? JSON.stringify(draft) : undefined).catch(() => null);
    b.disabled = false;
    if (!answer || !answer.ok) {
      const words = answer ? (await answer.text()).replace(/<style[\s\S]*?<\/style>|<[^>]*>/g, ' ').replace(/\s+/g, ' ').trim() : 'The development server is gone.';
      say('It could not be sent: ' + words.slice(0, 300), true);
      return;
    }
    open((await answer.json()).id);
  }

  function edit(v) {
    const method = el('input'), target = el('input'), list = el('textarea'), body = el('textarea');
    method.value = v.method; target.value = v.full; body.value = v.raw;
    method.id = 'e-method'; target.id = 'e-target'; list.id = 'e-fields'; body.id = 'e-body';
    list.value = v.fields.filter(f => !/^(content-length|transfer-encoding|connection)$/i.test(f.Name)).map(f => f.Name + ': ' + f.Value).join('\n');
    list.rows = Math.min(12, list.value.split('\n').length + 1);
    body.rows = Math.min(18, Math.max(4, body.value.split('\n').length + 1));
    for (const x of [method, target, list, body]) x.spellcheck = false;
    const go = el('button', '', 'Send');
    go.type = 'button';
    go.id = 'e-send';
    go.addEventListener('click', () => send(go, { method: method.value, target: target.value, fields: list.value, body: body.value }));
    const form = el('div', 'edit', el('div', 'line', el('label', '', 'Method', method), el('label', '', 'Target', target)),
      el('label', '', 'Fields (what is masked is sent as it was)', list), el('label', '', 'Content', body), el('div', '', go));
    $('d-body').querySelectorAll('.editing').forEach(x => x.remove());
    $('d-body').prepend(part('Edit and send', '', form, 'wide editing'));
    target.focus();
  }

  async function copy(words, done) {
    try {
      await navigator.clipboard.writeText(words);
      say(done);
    } catch { // not a secure place: shown, to be copied by hand
      $('d-body').querySelectorAll('.copied').forEach(x => x.remove());
      const pre = el('pre', '', words);
      $('d-body').prepend(part('To copy', '', pre, 'wide copied'));
      getSelection().selectAllChildren(pre);
      say('Copy what is selected.');
    }
  }

  setInterval(() => draw('state'), 1000);
  window.spindle = { base, source, post, el, number, bytes, time, clock, ago, say, open, part, failed, toast, state: () => state, shown: () => detail.open ? shown : null, view: () => view };
  route();
})();
