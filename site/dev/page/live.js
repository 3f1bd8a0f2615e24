// What the development server puts into pages: it listens for what has changed, and takes
// that anew. One tab listens for all (where the browser has locks); the others are told.
(() => {
  'use strict';
  if (window.__spindle) return;
  window.__spindle = true;
  const base = '/__spindle__/', token = '{{token}}';
  const kind = document.currentScript && document.currentScript.dataset.spindle;
  const ticket = document.currentScript && document.currentScript.dataset.ticket;
  const failurePage = kind === 'failure', panicPage = kind === 'panic';
  const channel = 'BroadcastChannel' in window ? new BroadcastChannel('spindle-live') : null;
  let instance = '', generation = -1, root, veil, bar, busy;

  // --- listening ---

  function listen() {
    const source = new EventSource(base + 'events');
    for (const name of ['hello', 'reload', 'swap', 'failed', 'building', 'built', 'checked', 'lines']) {
      source.addEventListener(name, e => {
        const data = JSON.parse(e.data);
        handle(name, data);
        if (channel) channel.postMessage({ name, data });
      });
    }
    source.onopen = () => lost(false);
    source.onerror = () => lost(true);
    return source;
  }
  if (channel) channel.onmessage = e => handle(e.data.name, e.data.data);
  if (channel && navigator.locks) {
    navigator.locks.request('spindle-live', () => {
      const source = listen();
      return new Promise(done => addEventListener('pagehide', () => { source.close(); done(); }, { once: true }));
    });
    if (!failurePage) fetch(base + 'failure', { headers: { Accept: 'text/html' } }).then(r => r.status === 200 && handle('failed', {})).catch(() => {});
  } else {
    const source = listen();
    addEventListener('pagehide', () => source.close());
  }
  addEventListener('pageshow', e => { if (e.persisted) location.reload(); });

  let lostAt = 0;
  function lost(is) {
    if (!is) { lostAt = 0; say(''); return; }
    lostAt = lostAt || setTimeout(() => lostAt && say('The development server is gone', true), 2500);
  }

  function handle(name, data) {
    switch (name) {
      case 'hello':
        // Another instance, or a generation that came while nobody listened.
        if (instance && instance !== data.instance || generation >= 0 && data.generation > generation) reload();
        instance = data.instance;
        generation = data.generation;
        if (data.failed && !failurePage) showFailure();
        if (!data.failed && failurePage) load();
        checked(data.checked);
        break;
      case 'checked': checked(data.title); break;
      case 'lines': dispatchEvent(new CustomEvent('spindle-lines', { detail: data.lines })); break;
      case 'building': clearTimeout(busy); busy = setTimeout(() => say('Building …'), 250); break;
      case 'built': clearTimeout(busy); say(''); checked(found); break;
      case 'failed': clearTimeout(busy); say(''); showFailure(); break;
      case 'swap': swap(data.paths || []); break;
      case 'reload':
        clearTimeout(busy);
        say('');
        generation = data.generation;
        if (!data.failed) hideFailure();
        checked(found);
        reload();
        break;
    }
  }

  // --- what stands above the page ---

  // plain is the style where there is no other.
  const plain = `.spindle-veil, .spindle-bar { position: fixed; z-index: 2147483647; right: 0; bottom: 0; max-height: 100%; overflow: auto; ` +
    `padding: 1em; background: #fff; color: #111; font: 15px/1.5 system-ui, sans-serif } .spindle-veil { left: 0; top: 0 } pre { white-space: pre-wrap }`;

  function shadow() {
    if (root) return root;
    const host = document.createElement('spindle-dev');
    host.style.cssText = 'all:initial;position:static';
    document.documentElement.append(host);
    host.style.visibility = 'hidden'; // until it looks as it is meant to
    root = host.attachShadow({ mode: 'open' });
    fetch(base + 'page.css').then(r => r.ok ? r.text() : Promise.reject(r.status)).catch(() => plain).then(css => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(css);
      root.adoptedStyleSheets = [sheet];
    }).catch(() => {}).finally(() => {
      host.style.visibility = '';
      if (veil) veil.querySelector('.close').focus(); // what is hidden takes none
    });
    return root;
  }

  function say(text, bad) {
    if (!text) { if (bar) bar.remove(); bar = null; return; }
    if (!bar) { bar = document.createElement('div'); bar.setAttribute('role', 'status'); shadow().append(bar); }
    bar.className = 'spindle-bar' + (bad ? ' bad' : '');
    const dot = document.createElement('span');
    dot.className = 'dot';
    bar.replaceChildren(dot, text);
  }

  // note leads from a page that the program has made of a panic to what is known of it.
  function note() {
    const link = document.createElement('a'), dot = document.createElement('span');
    link.className = 'spindle-bar bad corner';
    link.href = base + 'tickets/' + ticket;
    dot.className = 'dot';
    link.append(dot, 'Panic: ticket ' + ticket);
    shadow().append(link);
  }
  if (ticket) addEventListener('DOMContentLoaded', note, { once: true });

  // checked has a bar say what vet, tests and the like find.
  let found = '';
  function checked(title) {
    if (!title) {
      if (found) { found = ''; if (veil && veil.dataset.of === 'checked') hideFailure(); say(''); }
      return;
    }
    found = title;
    if (!veil && !failurePage) point(title, () => showFailure('checked'));
  }

  // point is a bar with a button that shows more.
  function point(text, show) {
    say(text, true);
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = 'Show why';
    button.onclick = show;
    bar.append(button);
  }

  async function showFailure(of = 'failure') {
    if (failurePage) { location.reload(); return; }
    const answer = await fetch(base + of, { headers: { Accept: 'text/html' } }).catch(() => null);
    if (!answer || answer.status !== 200) return;
    const html = await answer.text();
    if (!veil) {
      veil = document.createElement('div');
      veil.className = 'spindle-veil';
      veil.setAttribute('role', 'dialog');
      veil.setAttribute('aria-label', 'Why there is no new program');
      shadow().append(veil);
    }
    veil.dataset.of = of;
    const doc = new DOMParser().parseFromString(html, 'text/html');
    const close = document.createElement('button');
    close.className = 'close';
    close.type = 'button';
    close.textContent = 'Close (Esc)';
    close.onclick = fold;
    const box = document.createElement('div');
    box.className = 'failure';
    box.style.padding = '0';
    box.append(close);
    veil.replaceChildren(box, ...doc.body.childNodes);
    act(veil);
    close.focus();
  }

  function hideFailure() { if (veil) veil.remove(); veil = null; }

  // fold leaves a bar in place of the whole, to come back to.
  function fold() {
    const of = veil.dataset.of;
    hideFailure();
    point(of === 'checked' ? found : 'The build failed', () => showFailure(of));
  }
  addEventListener('keydown', e => { if (e.key === 'Escape' && veil) fold(); });

  function post(path) { return fetch(base + path, { method: 'POST', headers: { 'X-Spindle-Token': token } }); }

  // act makes places open the editor, and the button start the program.
  function act(within) {
    within.addEventListener('click', async e => {
      const place = e.target.closest('[data-file]');
      if (place) {
        e.preventDefault();
        const d = place.dataset;
        const answer = await post('open?file=' + encodeURIComponent(d.file) + '&line=' + d.line + '&column=' + (d.column || 1));
        if (!answer.ok) location.href = place.href; // an address that editors register for
      } else if (e.target.closest('[data-restart]')) {
        post('restart');
      }
    });
  }
  if (failurePage || panicPage) addEventListener('DOMContentLoaded', () => act(document));

  // --- taking things anew ---

  function fresh(url) {
    const u = new URL(url, location.href);
    u.searchParams.set('__spindle', Date.now().toString(36));
    return u;
  }

  // names tells whether a URL of this page may be the file at path: the end of one is
  // that of the other, since nobody knows where a directory is mounted.
  function names(url, path) {
    let u;
    try { u = new URL(url, location.href); } catch { return false; }
    if (u.origin !== location.origin) return false;
    const a = decodeURIComponent(u.pathname).split('/').filter(Boolean), b = path.split('/').filter(Boolean);
    return a.length > 0 && b.length > 0 && a[a.length - 1] === b[b.length - 1];
  }

  function swap(paths) {
    let done = 0;
    for (const path of paths) {
      for (const link of document.querySelectorAll('link[rel~="stylesheet"][href]')) {
        if (!names(link.href, path) || link.hasAttribute('data-no-reload')) continue;
        const copy = link.cloneNode();
        copy.href = fresh(link.href);
        copy.addEventListener('load', () => link.remove(), { once: true });
        copy.addEventListener('error', () => link.remove(), { once: true });
        link.after(copy);
        done++;
      }
      for (const image of document.querySelectorAll('img[src], source[src], video[poster], link[rel~="icon"]')) {
        for (const name of ['src', 'href', 'poster']) {
          const value = image.getAttribute(name);
          if (value && names(value, path)) { image.setAttribute(name, fresh(value)); done++; }
        }
      }
      for (const image of document.querySelectorAll('img[srcset], source[srcset]')) {
        image.srcset = image.srcset.split(',').map(part => {
          const [url, size] = part.trim().split(/\s+/);
          if (!names(url, path)) return part;
          done++;
          return fresh(url) + (size ? ' ' + size : '');
        }).join(',');
      }
      for (const sheet of document.styleSheets) { // @import, and backgrounds
        let rules;
        try { rules = sheet.cssRules; } catch { continue; }
        for (const rule of rules) {
          if (rule.cssText.includes(path.split('/').pop()) && sheet.ownerNode && sheet.ownerNode.href && !names(sheet.ownerNode.href, path)) {
            const copy = sheet.ownerNode.cloneNode();
            copy.href = fresh(copy.href);
            const old = sheet.ownerNode;
            copy.addEventListener('load', () => old.remove(), { once: true });
            old.after(copy);
            done++;
            break;
          }
        }
      }
    }
    if (!done && paths.some(p => p.endsWith('.css'))) reload();
  }

  let reloading = false, more = false;
  async function reload() {
    if (kind === 'posted') { offer(); return; }
    if (reloading) { more = true; return; }
    reloading = true;
    try { await morphOrLoad(); } finally { reloading = false; }
    if (more) { more = false; reload(); }
  }

  // offer leaves it to a person to send a form once more.
  function offer() {
    say('There is something newer. This page is the answer to a form.');
    const again = document.createElement('button');
    again.type = 'button';
    again.textContent = 'Send it again';
    again.onclick = load;
    bar.append(again);
  }

  // morphOrLoad takes the page anew and puts into the one that is shown what differs, so
  // that scroll position, what was typed and what is open stay. Where scripts differ, or
  // the page came by a form, it is loaded.
  async function morphOrLoad() {
    const came = performance.getEntriesByType('navigation')[0];
    if (failurePage || panicPage || document.documentElement.hasAttribute('data-no-morph') || came && came.responseStatus >= 400) return load();
    let answer;
    try {
      answer = await fetch(location.href, { headers: { Accept: 'text/html' }, cache: 'no-store', redirect: 'manual' });
    } catch { return load(); }
    const type = answer.headers.get('Content-Type') || '';
    if (!answer.ok || !type.includes('text/html')) return load();
    const next = new DOMParser().parseFromString(await answer.text(), 'text/html');
    if (scripts(document) !== scripts(next) || document.contentType !== 'text/html') return load();
    if (!first) return load(); // the page was changed by scripts before it was known
    try {
      merge(document.head, first.head, next.head);
      attributes(document.documentElement, next.documentElement);
      attributes(document.body, next.body);
      merge(document.body, first.body, next.body);
    } catch (e) {
      if (e !== changed) throw e;
      return load();
    }
    first = next;
    dispatchEvent(new CustomEvent('spindle:morph'));
  }

  // load has the browser load the page; what was typed, what is open and where the page
  // was is put back afterwards.
  function load() {
    const state = { at: location.href, x: scrollX, y: scrollY, fields: fields().map(f => [f.name || f.id, f.type, valueOf(f)]),
      open: [...document.querySelectorAll('details')].map(d => d.open) };
    try { sessionStorage.setItem('spindle-state', JSON.stringify(state)); } catch { /* not allowed here */ }
    location.reload();
  }
  try {
    const kept = JSON.parse(sessionStorage.getItem('spindle-state'));
    sessionStorage.removeItem('spindle-state');
    if (kept && kept.at === location.href) addEventListener('load', () => putBack(kept), { once: true });
  } catch { /* nothing was kept */ }

  // fields are those that a person fills in; a password and a file are nobody's business.
  function fields() {
    const others = ['password', 'file', 'hidden', 'submit', 'button', 'image', 'reset'];
    return [...document.querySelectorAll('input, textarea, select')].filter(f => !others.includes(f.type));
  }
  function valueOf(f) {
    if (f.type === 'checkbox' || f.type === 'radio') return f.checked === f.defaultChecked ? null : f.checked;
    if (f.localName === 'select') return [...f.options].every(o => o.selected === o.defaultSelected) ? null : [...f.selectedOptions].map(o => o.value);
    return f.value === f.defaultValue ? null : f.value;
  }
  function putBack(kept) {
    fields().forEach((f, i) => {
      const [name, type, value] = kept.fields[i] || [];
      if (value === null || value === undefined || name !== (f.name || f.id) || type !== f.type) return;
      if (typeof value === 'boolean') f.checked = value;
      else if (f.localName === 'select') for (const o of f.options) o.selected = value.includes(o.value);
      else f.value = value;
    });
    document.querySelectorAll('details').forEach((d, i) => { if (i in kept.open) d.open = kept.open[i]; });
    scrollTo(kept.x, kept.y);
  }

  // first is the page as the server sent it last: what scripts have made of it since is
  // left alone. Where scripts of its own ran before it was there, nobody knows it.
  let first = null;
  if (!failurePage) {
    addEventListener('DOMContentLoaded', () => { if (!scripted()) first = document.cloneNode(true); }, { once: true });
  }
  function scripted() {
    return [...document.scripts].some(s => !s.hasAttribute('data-spindle') && (!s.type || /javascript|module/i.test(s.type)));
  }

  function scripts(doc) {
    return [...doc.querySelectorAll('script:not([data-spindle])')].map(s => s.getAttribute('src') || s.textContent).join('\n');
  }

  const own = node => node.nodeType === 1 && (node.localName === 'spindle-dev' || node.hasAttribute('data-spindle'));

  // changed is thrown where scripts, or extensions, have put in or taken out something
  // beside what the server has changed.
  const changed = new Error('changed');

  // merge makes shown what next says, where next differs from what was sent before.
  function merge(shown, before, next) {
    if (before && before.isEqualNode(next)) return;
    const have = [...shown.childNodes].filter(n => !own(n));
    const was = before ? [...before.childNodes].filter(n => !own(n)) : [];
    const want = [...next.childNodes].filter(n => !own(n));
    if (before && (have.length !== was.length || have.some((n, i) => !alike(n, was[i])))) throw changed;
    let at = 0;
    for (let i = 0; i < want.length; i++) {
      const w = want[i];
      let h = have[at];
      if (h && !alike(h, w)) { // look a little ahead: something was put in or taken out
        const ahead = have.slice(at + 1, at + 8).findIndex(n => alike(n, w));
        if (ahead >= 0) {
          for (let k = 0; k <= ahead; k++) have[at + k].remove();
          at += ahead + 1;
          h = have[at];
        } else {
          shown.insertBefore(document.importNode(w, true), h);
          continue;
        }
      }
      if (!h) { append(shown, document.importNode(w, true)); continue; }
      at++;
      const b = was.find(n => n.isEqualNode(h)) || was[i];
      if (h.nodeType !== 1) { if (h.nodeValue !== w.nodeValue) h.nodeValue = w.nodeValue; continue; }
      if (b && b.isEqualNode(w)) continue; // the server says the same as before
      attributes(h, w);
      if (h.localName === 'textarea' && h.defaultValue !== w.defaultValue) h.defaultValue = w.defaultValue;
      else merge(h, b && b.nodeType === 1 ? b : null, w);
    }
    for (; at < have.length; at++) have[at].remove();
  }

  function append(parent, node) {
    const last = [...parent.childNodes].find(own);
    parent.insertBefore(node, last && parent === document.body ? last : null);
  }

  const alike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && (a.nodeType !== 1 || (a.id || '') === (b.id || ''));

  // attributes are those of next, but for what a person has changed: what is typed, chosen
  // and open is no attribute, or stays.
  function attributes(shown, next) {
    for (const { name, value } of next.attributes) if (shown.getAttribute(name) !== value) shown.setAttribute(name, value);
    for (const { name } of [...shown.attributes]) {
      if (!next.hasAttribute(name) && !(name === 'open' && (shown.localName === 'details' || shown.localName === 'dialog')) && name !== 'style' && name !== 'class') shown.removeAttribute(name);
    }
  }
})();
