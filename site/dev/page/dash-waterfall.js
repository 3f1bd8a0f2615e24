// The way of one request: what the development server and the program have noted, as bars on
// one scale of time, with the figures beside them.
(() => {
  'use strict';
  const { el, part } = window.spindle;

  addEventListener('spindle-request', e => {
    const w = waterfall(e.detail);
    if (w) document.getElementById('d-body').prepend(w);
  });

  // figure is a time in ns, as exact as it is of use.
  function figure(ns) {
    if (ns < 1e4) return (ns / 1e3).toFixed(1) + ' µs';
    if (ns < 1e6) return Math.round(ns / 1e3) + ' µs';
    if (ns < 1e9) return (ns / 1e6).toFixed(ns < 1e7 ? 2 : ns < 1e8 ? 1 : 0) + ' ms';
    return (ns / 1e9).toFixed(2) + ' s';
  }
  const plain = type => type.replace(/^\*/, '');

  // spans is what a timeline says, in order: what is done, from when to when. passed tells
  // that the rendering is somebody else's.
  function spans(t, passed) {
    const list = [], add = (kind, label, from, to, more) => { if (to && to >= from) list.push({ kind, label, from, to, more }); };
    const end = t.end || t.sent || 0, steps = t.steps || [];
    const asked = t.render || t.answer || end, walkEnd = t.render && steps.length && t.render >= steps[steps.length - 1].at ? t.render : t.answer || end;
    add('read', 'read, parsed', 0, t.head, 'from the call of the loop for the bytes that complete the head, until the head is parsed');
    if (!passed) {
      steps.forEach((s, i) => {
        const name = s.path === '' ? '/' : decode(s.path.slice(s.path.lastIndexOf('/')));
        const same = i > 0 && steps[i - 1].path === s.path; // it has passed on, without a segment
        add('tree', (same ? '· ' : '') + name, s.at, i + 1 < steps.length ? steps[i + 1].at : Math.max(walkEnd, s.at), plain(s.type));
      });
    } else {
      add('wait', t.render && t.render - t.head > 1e7 ? 'held, then passed on' : 'passed on', t.head, asked, 'until the request goes to the program');
    }
    if (t.content) add('read', 'content', t.head, t.content, 'until the content of the request was complete');
    if (passed) {
      add('wait', 'program', t.render || t.head, t.answer || end, 'until the first byte of its answer is back');
    } else if (t.render) {
      add('render', steps.length ? 'render' : 'handler', t.render, t.rendered || t.answer || end, steps.length ? plain(steps[steps.length - 1].type) : 'the handler');
      if (t.later) add('wait', 'until it answers', t.rendered, t.answer || end, 'it has answered after it had returned');
    }
    const handed = !passed && t.rendered && !t.later && t.answer >= t.rendered;
    add('write', t.lost ? 'cut' : 'write', t.answer || end, end, t.lost || (handed ? 'the head and all that it gave back' : 'from the head of the answer to its end'));
    add('kernel', 'to the kernel', t.end, t.sent, 'until the last byte is handed to the kernel');
    return list;
  }
  const decode = s => { try { return decodeURIComponent(s); } catch { return s; } };

  function waterfall(v) {
    if (!v.own) return null;
    const inner = v.inner, shift = inner ? Math.max(0, inner.began - v.own.began) : 0;
    const groups = [[v.passed ? 'Development server' : 'Development server, which hosts it', 0, spans(v.own, v.passed)]];
    if (inner) groups.push(['Program, generation ' + v.gen, shift, spans(inner, false)]);
    const last = g => Math.max(...g[2].map(s => s.to + g[1]), 1);
    const total = Math.max(...groups.map(last));
    const box = el('div', 'fall');
    for (const [title, at, list] of groups) {
      const g = el('div', 'fall-group');
      g.append(el('p', 'fall-title', title));
      for (const s of list) g.append(row(s, at, total));
      box.append(g);
    }
    const ends = Math.max(...groups[0][2].map(s => s.to));
    const note = figure(ends) + ' in all' + (inner ? ', ' + figure(Math.max(...groups[1][2].map(s => s.to))) + ' of it in the program' : '');
    const children = [axis(total), box];
    if (v.passed && !inner) children.push(el('p', 'fall-note', 'What happens inside is told by programs of Spindle, and of net/http that are built with --witness.'));
    const p = part('Way of the request', note, children, 'wide falls');
    p.id = 'd-fall';
    return p;
  }

  function row(s, at, total) {
    const from = at + s.from, long = s.to - s.from;
    const bar = el('i', 'fall-bar of-' + s.kind);
    bar.style.left = from / total * 100 + '%';
    bar.style.width = long / total * 100 + '%';
    const label = el('span', 'fall-label', s.label);
    if (s.kind === 'tree') label.append(el('small', '', s.more));
    const r = el('div', 'fall-row', label, el('span', 'fall-track', bar), el('span', 'fall-figure', figure(long)));
    r.title = s.label + (s.more ? ': ' + s.more : '') + '\nfrom ' + exact(from) + ' to ' + exact(from + long) + ': ' + exact(long);
    return r;
  }
  const exact = ns => (ns / 1000).toLocaleString('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 }) + ' µs';

  // axis is the scale, with a few round figures.
  function axis(total) {
    const rough = total / 6, unit = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map(k => k * unit).find(k => k >= rough);
    const marks = el('span', 'fall-track');
    for (let t = 0; t <= total; t += step) {
      const m = el('b', t / total > .93 ? 'last' : '', t ? figure(t).replace(/\.0+ /, ' ') : '0');
      m.style.left = t / total * 100 + '%';
      marks.append(m);
    }
    const a = el('div', 'fall-row fall-axis', el('span', 'fall-label'), marks, el('span', 'fall-figure'));
    a.setAttribute('aria-hidden', 'true');
    return a;
  }
})();
