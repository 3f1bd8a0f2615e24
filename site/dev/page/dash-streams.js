// The view of WebSockets and event streams: the list of them, and what has passed on the one
// that is looked at. The server says that there is something new; it is asked for while
// the view is shown, and no oftener than it says so.
(() => {
  'use strict';
  const { base, source, post, el, bytes, clock } = window.spindle;
  const main = document.getElementById('streams'), badge = document.getElementById('streams-badge');
  const most = 500; // messages on the page
  let list = [], at = 0, stream = null, messages = [], known = 0, opened = null;
  let find = '', way = '', control = true, paused = false, follow = true, asking = false, again = false;

  // --- the frame of the view ---

  const count = el('span', 'count'), rows = el('ul', 'stream-list');
  const left = el('section', 'card', el('div', 'bar', el('h2', '', 'Streams'), count), el('div', 'scroll', rows));
  const title = el('h2'), sub = el('p'), note = el('p', 'note'), shown = el('span', 'count');
  const search = el('input'), box = el('ol', 'messages scroll'), nothing = el('div', 'nothing');
  search.type = 'search';
  search.id = 'stream-find';
  search.placeholder = 'Find in messages';
  search.setAttribute('aria-label', 'Find in messages');
  search.spellcheck = false;
  const pause = button('Pause', () => { paused = !paused; pause.textContent = paused ? 'Go on' : 'Pause'; pause.setAttribute('aria-pressed', paused); if (!paused) look(); });
  pause.id = 'stream-pause';
  const clear = button('Clear', async () => { if (stream) { await post('streams/' + stream.id + '/clear').catch(() => {}); forget(); look(); } });
  clear.id = 'stream-clear';
  const ways = choice([['', 'All'], ['up', '↑ Client'], ['down', '↓ Server']], v => { way = v; drawMessages(); });
  const pings = button('Pings', () => { control = !control; pings.setAttribute('aria-pressed', control); drawMessages(); });
  pings.setAttribute('aria-pressed', 'true');
  pings.title = 'Show pings, pongs and comments';
  const head = el('div', 'stream-head', title, sub, note, el('div', 'stream-tools', search, ways, pings, pause, clear, shown));
  const text = el('textarea'), said = el('p', 'd-said'), sendIt = el('button', '', 'Send as client');
  text.id = 'stream-text';
  text.rows = 1;
  text.placeholder = 'A text for the program, as if the client had sent it';
  text.setAttribute('aria-label', text.placeholder);
  sendIt.type = 'button';
  sendIt.id = 'stream-send';
  const hand = el('div', 'by-hand', text, sendIt, said);
  const right = el('section', 'card', head, nothing, box, hand);
  main.append(el('div', 'streams', left, right));
  box.id = 'messages';
  rows.id = 'stream-list';

  function button(label, f) {
    const b = el('button', 'plain', label);
    b.type = 'button';
    b.addEventListener('click', f);
    return b;
  }
  function choice(list, f) {
    const c = el('span', 'choice');
    for (const [value, label] of list) {
      const b = el('button', '', label);
      b.type = 'button';
      b.setAttribute('aria-pressed', value === '');
      b.addEventListener('click', () => { for (const o of c.children) o.setAttribute('aria-pressed', o === b); f(value); });
      c.append(b);
    }
    return c;
  }

  // --- what comes ---

  const here = () => window.spindle.view() === 'streams';
  source.addEventListener('streams', () => look());
  source.addEventListener('open', () => look());
  addEventListener('spindle-view', () => { if (here()) look(); });
  addEventListener('hashchange', pick);

  // pick turns to the stream that the address names.
  function pick() {
    const m = /^#streams-(\d+)$/.exec(location.hash);
    if (m && Number(m[1]) !== at) { at = Number(m[1]); forget(); look(); }
  }
  function forget() { messages = []; known = 0; opened = null; box.replaceChildren(); }

  const get = async path => {
    const answer = await fetch(base + path, { cache: 'no-store' }).catch(() => null);
    return answer && answer.ok ? answer.json() : null;
  };

  // look asks for what is new, one question after the other.
  async function look() {
    if (asking) { again = true; return; }
    asking = true;
    do {
      again = false;
      await ask();
    } while (again);
    asking = false;
  }
  async function ask() {
    const all = await get('streams');
    if (!all) return;
    list = all.streams;
    const open = list.filter(s => !s.ended).length;
    badge.textContent = open;
    badge.hidden = !open;
    if (!here()) return;
    if (!list.some(s => s.id === at)) { // the newest that is open, else the newest
      const first = list.findLast(s => !s.ended) || list[list.length - 1];
      at = first ? first.id : 0;
      forget();
    }
    drawList();
    if (at && !paused) await askMessages();
    else if (!at) { stream = null; drawHead(); }
  }
  async function askMessages() {
    const id = at, words = find;
    const one = await get('streams/' + id + '?after=' + known + (words ? '&find=' + encodeURIComponent(words) : ''));
    if (!one || id !== at || words !== find) { again = true; return; }
    stream = one;
    const fresh = one.messages;
    known = fresh.length ? fresh[fresh.length - 1].id : known;
    if (one.left) messages = messages.filter(m => m.id > one.left);
    messages = messages.concat(fresh).slice(-most);
    drawHead();
    drawMessages();
  }
  let typed = 0;
  search.addEventListener('input', () => {
    clearTimeout(typed);
    typed = setTimeout(() => { find = search.value.trim(); forget(); if (paused) pause.click(); else look(); }, 150);
  });

  // --- drawing ---

  const kinds = { websocket: 'WebSocket', events: 'Events' };
  const total = s => s.up.messages + s.down.messages;
  function drawList() {
    count.textContent = list.length ? list.filter(s => !s.ended).length + ' open, ' + list.filter(s => s.ended).length + ' ended' : '';
    rows.replaceChildren(...list.slice().reverse().map(s => {
      const b = el('button', s.ended ? 'over' : '', el('span', 'dot'), el('span', 'where', s.target), el('span', 'what', kinds[s.kind]));
      b.type = 'button';
      b.title = s.target;
      if (s.id === at) b.setAttribute('aria-current', 'true');
      b.addEventListener('click', () => { location.hash = 'streams-' + s.id; });
      const flow = el('small', '', clock(s.at) + ' · ');
      if (s.kind === 'websocket') flow.append(el('span', 'up', '↑' + s.up.messages), ' ');
      flow.append(el('span', 'down', '↓' + s.down.messages), ' · ' + bytes(s.up.bytes + s.down.bytes) + (s.ended ? ' · ' + s.why : ''));
      b.append(flow);
      return el('li', '', b);
    }));
  }

  function drawHead() {
    const s = stream;
    head.hidden = box.hidden = !s;
    nothing.hidden = !!s;
    hand.hidden = !s || !s.can_send;
    if (!s) {
      nothing.replaceChildren(el('b', '', 'No stream has been opened yet'),
        el('p', '', 'WebSockets and event streams (text/event-stream) of the program are listed here when a page opens one, with every message that passes.'));
      return;
    }
    title.textContent = s.target;
    const words = [kinds[s.kind] + (s.kind === 'websocket' && s.version === 'HTTP/2' ? ' on HTTP/2' : ''), 'generation ' + (s.gen || '–'), 'from ' + s.client, 'since ' + clock(s.at)];
    if (s.ended) words.push(s.why + ' after ' + window.spindle.time((s.ended - s.at) * 1000));
    sub.replaceChildren(words.join(' · '));
    if (s.request) {
      const a = el('a', '', 'its request');
      a.href = '#request-' + s.request;
      sub.append(' · ', a);
    }
    note.textContent = s.note || '';
    note.hidden = !s.note;
    ways.hidden = s.kind !== 'websocket';
    pings.textContent = s.kind === 'websocket' ? 'Pings' : 'Comments';
  }

  const isControl = m => m.kind === 'ping' || m.kind === 'pong' || m.kind === 'comment';
  const matches = m => (!way || (way === 'up') === !!m.up) && (control || !isControl(m));
  const lines = new Map(); // of the page, by number
  function drawMessages() {
    const want = messages.filter(matches), ids = new Set(want.map(m => m.id));
    for (const [id, li] of lines) if (!ids.has(id) || li.parentNode !== box) { li.remove(); lines.delete(id); }
    for (const gap of box.querySelectorAll('.gap')) gap.remove();
    let before = null;
    for (const m of want.slice().reverse()) { // newest first: each goes before the one after it
      let li = lines.get(m.id);
      if (!li) {
        li = line(m);
        lines.set(m.id, li);
        box.insertBefore(li, before);
      }
      before = li;
    }
    if (stream && stream.left && !find) box.prepend(el('li', 'gap', stream.left + (stream.left === 1 ? ' message' : ' messages') + ' before are not kept'));
    if (!want.length) box.append(el('li', 'gap', find || way || !control ? 'Nothing matches.' : stream && stream.note ? '' : 'Nothing has passed yet.'));
    shown.textContent = want.length + (want.length === 1 ? ' message' : ' messages');
    if (follow && !opened) box.scrollTop = box.scrollHeight;
  }
  box.addEventListener('scroll', () => { follow = box.scrollTop + box.clientHeight > box.scrollHeight - 24; }, { passive: true });

  const moment = us => { const d = new Date(us / 1000); return d.toTimeString().slice(0, 8) + '.' + String(d.getMilliseconds()).padStart(3, '0'); };
  function line(m) {
    const start = el('span', 'start');
    if (m.hand) start.append(el('b', '', 'by hand'));
    if (m.name) start.append(el('b', '', m.name));
    if (m.kind === 'close') start.append(el('b', '', m.code === 1005 ? 'no code' : m.code + ' ' + (codes[m.code] || '')));
    if (m.start) start.append(m.start); else if (m.note) start.append(el('i', '', m.note)); else if (m.kind !== 'close') start.append(el('i', '', 'empty'));
    const b = el('button', 'row', el('span', 'way ' + (m.up ? 'up' : 'down'), m.up ? '↑' : '↓'), el('span', 'when', moment(m.at)), el('span', 'kind', m.kind), el('span', 'size', bytes(m.size)), start);
    b.type = 'button';
    b.title = m.up ? 'From the client' : 'From the program';
    const li = el('li', (isControl(m) ? 'control ' : '') + (m.kind === 'close' ? 'close ' : '') + (m.note ? 'odd' : ''), b);
    li.dataset.id = m.id;
    b.addEventListener('click', () => toggle(li, m));
    return li;
  }
  const codes = { 1000: 'normal', 1001: 'going away', 1002: 'protocol error', 1003: 'unsupported data', 1007: 'invalid payload', 1008: 'policy violation', 1009: 'message too big', 1010: 'missing extension', 1011: 'internal error', 1012: 'service restart', 1013: 'try again later', 1014: 'bad gateway' };

  box.addEventListener('keydown', e => {
    const li = e.target.closest('li');
    const to = li && { ArrowDown: li.nextElementSibling, ArrowUp: li.previousElementSibling }[e.key];
    const row = to && to.querySelector('.row');
    if (row) { row.focus(); e.preventDefault(); }
  });

  // toggle shows a message whole, as far as it is kept, or no more.
  async function toggle(li, m) {
    const was = opened;
    if (was) { was.classList.remove('open'); was.querySelector('.message')?.remove(); opened = null; }
    if (was === li) return;
    opened = li;
    li.classList.add('open');
    const v = await get('streams/' + at + '/' + m.id);
    if (opened !== li) return;
    li.append(v ? whole(v) : el('div', 'message', el('p', 'meta', 'This message is not kept any more.')));
  }
  function whole(v) {
    const meta = el('p', 'meta'), words = [window.spindle.number(v.size) + (v.size === 1 ? ' byte' : ' bytes')];
    if (v.wire !== v.size && v.compressed) words.push('compressed to ' + bytes(v.wire));
    if (v.frames > 1) words.push('in ' + v.frames + ' frames');
    if (v.event_id) words.push('id ' + v.event_id);
    if (v.retry) words.push('retry ' + v.retry);
    if (v.kept < v.size && v.kept) words.push('the first ' + bytes(v.kept) + ' are kept');
    meta.append(words.join(' · '));
    if (v.note) meta.append(' · ', el('b', '', v.note));
    const forms = [];
    if (v.json) forms.push(['JSON', v.json]);
    if (v.text) forms.push(['Text', v.text]);
    if (v.kept) forms.push(['Hex', v.hex]);
    const out = el('div', 'message', meta);
    if (!forms.length) return out;
    const pre = el('pre', '');
    let now = '';
    const show = form => {
      now = forms.find(f => f[0] === form)[1];
      pre.textContent = now;
      pre.className = form === 'Hex' ? 'hex' : '';
      for (const b of picks.children) b.setAttribute('aria-pressed', b.textContent === form);
    };
    const picks = choice(forms.map(f => [f[0], f[0]]), show);
    const copy = button('Copy', async () => {
      try { await navigator.clipboard.writeText(now); copy.textContent = 'Copied'; } catch { getSelection().selectAllChildren(pre); copy.textContent = 'Selected'; }
      setTimeout(() => { copy.textContent = 'Copy'; }, 1500);
    });
    out.append(el('div', 'stream-tools', picks, copy), pre);
    if (!v.up || !stream || !stream.can_send || v.binary) { show(forms[0][0]); return out; }
    out.children[1].append(button('Put into the box below', () => { text.value = v.text; text.focus(); }));
    show(forms[0][0]);
    return out;
  }

  // --- by hand ---

  async function send() {
    if (!stream) return;
    sendIt.disabled = true;
    const answer = await post('streams/' + stream.id + '/send', text.value).catch(() => null);
    sendIt.disabled = false;
    said.className = 'd-said' + (answer && answer.ok ? '' : ' bad');
    said.textContent = answer && answer.ok ? '' : answer && answer.status === 409 ? 'It was not sent: the connection is closing, or the client is in the middle of a message.' : 'It was not sent.';
    if (answer && answer.ok) text.select();
  }
  sendIt.addEventListener('click', send);
  text.addEventListener('keydown', e => { if (e.key === 'Enter' && !e.shiftKey) { e.preventDefault(); send(); } });

  drawHead();
  pick();
  look();
})();
